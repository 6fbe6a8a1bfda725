"""README.md of an export: what it is, lines of code that use it without this package, and what was left out."""

from pathlib import Path

from alignet_hf.hub.export_source import Source

IMAGE = 'image = Image.new("RGB", (640, 480))  # yours: Image.open("photo.jpg").convert("RGB")'


def write_readme(folder: Path, source: Source, *, library: str, text: str, code: str) -> None:
    """Write README.md: what the export is, the lines that use it, and what was left out.

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
    title = "# Vision encoder aligned with human similarity judgments"
    paragraphs = [title, text, f"```python\n{code}\n```", left_out, _input_note(source)]
    header = f"---\nlibrary_name: {library}\npipeline_tag: image-feature-extraction\ntags:\n- alignet\n---\n\n"
    content = header + "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"
    (folder / "README.md").write_text(content, encoding="utf-8")


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


def _input_note(source: Source) -> str:
    if source.has_native_processor:
        return ""
    if source.processor is None:
        return "The model came without an image processor: prepare images as it was trained."
    return (
        "Input: the whole image, resized by bicubic interpolation *without antialiasing*, rounded to whole numbers, in "
        "[0, 1]. No image processor of transformers does that (they antialias), so none is here; the lines above do."
    )
