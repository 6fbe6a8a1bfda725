"""README.md of an export: what it is, lines of code that use it without this package, what was left out, its making."""

from pathlib import Path

from huggingface_hub import ModelCardData

from alignet_hf.hub import card_words
from alignet_hf.hub.alignment import Alignment
from alignet_hf.hub.card_metadata import human_alignment, provenance
from alignet_hf.hub.card_tables import fact_rows
from alignet_hf.hub.export_source import Source

IMAGE = 'image = Image.new("RGB", (640, 480))  # yours: Image.open("photo.jpg").convert("RGB")'


def write_readme(folder: Path, source: Source, *, library: str, text: str, code: str) -> None:
    """Write README.md: what the export is, the lines that use it, what was left out, and what the record says.

    The record itself, where there is one, goes with it.

    Args:
        library: the Hub's library_name.
        text: the first paragraph.
        code: runs as it is, with `folder` as the working directory.
    """
    without = {
        "triplet_head": "" if library == "onnx" else "The triplet head that the model was trained with is left out.",
        "classifier": "The classifier is left out: this is the encoder below it.",
    }
    left_out = " ".join(filter(None, (without[head] for head in source.heads)))
    record, family = source.record, source.model.config.vision_config.model_type
    is_recorded = record != Alignment()
    header = ModelCardData(
        library_name=library,
        pipeline_tag="image-feature-extraction",
        tags=["alignet", *(human_alignment(record) if is_recorded else [])],
        **{key: value for key, value in provenance(record).items() if value is not None},
    )
    paragraphs = [
        f"---\n{header.to_yaml()}\n---",
        f"# {card_words.title(record)}",
        card_words.summary(record, family) if is_recorded else "",
        text,
        f"```python\n{code}\n```",
        left_out,
        _input_note(source, library),
        *(_making(record) if is_recorded else ()),
    ]
    content = "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"
    (folder / "README.md").write_text(content, encoding="utf-8")
    if is_recorded:
        record.write(folder)


def _making(record: Alignment) -> list[str]:
    rows = "\n".join(f"| {key} | {value} |" for key, value in fact_rows(record))
    limits = "\n".join(f"- {limit}" for limit in card_words.limits(record))
    paragraphs = ["## How it was made", card_words.method(record), rows and f"| | |\n|---|---|\n{rows}"]
    paragraphs += ["## Limits", limits]
    if (cites := card_words.cites(record)) is not None:
        paragraphs += ["## Citation", cites, f"```bibtex\n{card_words.CITATION}\n```"]
    return paragraphs


def usage(source: Source, imports: list[str], lines: str, processor_class: str = "AutoImageProcessor") -> str:
    """The README's code: imports, `inputs` with `pixel_values`, made without this package, then the given lines."""
    input_imports, input_lines = _input_code(source, processor_class)
    sorted_imports = sorted({*imports, *input_imports}, key=lambda line: (line.startswith("from"), line))
    return "\n".join([*sorted_imports, "", input_lines, "", lines])


def _input_code(source: Source, processor_class: str) -> tuple[list[str], str]:
    if source.has_native_processor:
        return (
            ["from PIL import Image", f"from transformers import {processor_class}"],
            f'{IMAGE}\ninputs = {processor_class}.from_pretrained(".")(images=[image], return_tensors="pt")',
        )
    if source.processor is None:
        shape = (1, *source.example().shape[1:])
        inputs = f'"pixel_values": torch.zeros{shape}'
        if len(shape) == 3:  # SigLIP 2: one row of patches
            inputs += (
                f', "pixel_attention_mask": torch.ones{shape[:2]}, "spatial_shapes": torch.tensor([[1, {shape[1]}]])'
            )
        return ["import torch"], f"inputs = {{{inputs}}}"
    size = source.processor.size
    resize = f'interpolate(pixels, ({size.height}, {size.width}), mode="bicubic", align_corners=False)'
    return (
        ["import numpy as np", "import torch", "from PIL import Image"],
        f"""{IMAGE}
pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float()
pixels = torch.nn.functional.{resize}
inputs = {{"pixel_values": pixels.round().clamp(0, 255) * (1 / 255)}}""",
    )


def _input_note(source: Source, library: str) -> str:
    if source.has_native_processor:
        return ""
    if source.processor is None:
        return "The model came without an image processor: prepare images as it was trained."
    others = "no image processor of transformers" + (" and none of timm's transforms" if library == "timm" else "")
    return f"{card_words.INPUT} The lines above do that; {others} does, as they antialias, so none is here."
