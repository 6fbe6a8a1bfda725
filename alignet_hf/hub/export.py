"""Exports for applications that do not have this package: transformers' own type, timm, ONNX, sentence-transformers.

All take the folder of an `AligNetVisionModel` or `AligNetForImageClassification`, or its repository on the Hub, and
write `out`: a new or empty folder, or an earlier export, which is replaced at once. The triplet head (but for ONNX) and
a classifier are left out; README.md in `out` says so, and holds lines of code that use the export.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from alignet_hf.hub.export_folder import check_free, export_folder
from alignet_hf.hub.export_readme import IMAGE, usage, write_readme
from alignet_hf.hub.export_source import open_model
from alignet_hf.hub.reading import reading


def export_native(folder: str | Path, out: str | Path, *, revision: str | None = None) -> Path:
    """Write the backbone in its own transformers type: `AutoModel` loads it without this package or remote code.

    The image processor goes with it where it is one of transformers' own; README.md says how the representation is
    read.

    Args:
        folder: the model's folder, or its repository on the Hub.
        out: a new or empty folder, or an earlier export.
        revision: a branch, tag or commit of the repository.

    Raises:
        InputError: not an AligNet model, or `out` holds a file that no export wrote.
    """
    check_free(out)
    source = open_model(folder, revision)
    backbone, config = source.model.backbone, source.model.config
    expression = reading(config)
    # Pixel values are float32, and some families do not convert them to the weights' type.
    dtype = "" if backbone.dtype == torch.float32 else ", dtype=torch.float32"
    code = f"""\
model = AutoModel.from_pretrained("."{dtype})
with torch.no_grad():
    outputs = model(**inputs)
representation = {expression}  # (1, {config.hidden_size})"""
    text = (
        f"A `{type(backbone).__name__}` of transformers; nothing else is needed to load it. The representation, whose "
        f"dot products are the similarities, is `{expression}`."
    )
    if source.lacks_pooler:
        text += " `outputs.pooler_output` is not a part of the model: transformers draws that layer at random."
    with export_folder(out, "native") as new:
        backbone.save_pretrained(new)
        source.save_processor(new)
        code = usage(source, ["import torch", "from transformers import AutoModel"], code)
        write_readme(new, source, library="transformers", text=text, code=code)
    return Path(out)


def export_timm(folder: str | Path, out: str | Path, *, revision: str | None = None) -> Path:
    """Write weights under timm's names: `timm.create_model("local-dir:OUT", pretrained=True)` ("hf-hub:" once pushed).

    timm's forward then gives the representation itself (num_classes 0, global_pool as the pooling asks for), in
    float32. DINOv2's positions are interpolated to the size of the processor's images. timm is not needed here.

    Args:
        folder, out, revision: as for `export_native`.

    Raises:
        InputError: as for `export_native`; a family, pooling or option that timm has no equal of.
    """
    from alignet_hf.hub.timm_config import TIMM_EPSILON, timm_config
    from alignet_hf.hub.timm_names import timm_weights

    check_free(out)
    source = open_model(folder, revision)
    config = timm_config(source)
    imports, options = ["import timm", "import torch"], ""
    text = (
        f"Weights for timm's `{config['architecture']}`; the forward pass gives the representation, whose dot products "
        "are the similarities."
    )
    if source.has_native_processor:
        text += " timm's own transforms (`timm.data.create_transform`) are configured too."
    epsilon = source.model.config.vision_config.layer_norm_eps
    if epsilon < TIMM_EPSILON:
        imports.append("from functools import partial")
        options = f", norm_layer=partial(torch.nn.LayerNorm, eps={epsilon})"
        text += (
            f" The model's layer norms add {epsilon} to the variance, timm's {TIMM_EPSILON}: without `norm_layer` the "
            "representation differs from the fifth digit on."
        )
    code = f"""\
model = timm.create_model("local-dir:.", pretrained=True{options}).eval()
with torch.no_grad():
    representation = model(inputs["pixel_values"])  # (1, {source.model.config.hidden_size})"""
    # AutoImageProcessor would take the folder of a timm model for another kind of processor.
    processor_class = source.processor.to_dict()["image_processor_type"] if source.has_native_processor else ""
    code = usage(source, imports, code, processor_class)
    with export_folder(out, "timm") as new:
        save_file(timm_weights(source), new / "model.safetensors", metadata={"format": "pt"})
        (new / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        source.save_processor(new)
        write_readme(new, source, library="timm", text=text, code=code)
    return Path(out)


def export_onnx(folder: str | Path, out: str | Path, *, revision: str | None = None) -> Path:
    """Write `model.onnx`: pixel_values (batch, C, H, W) -> pooler_output and, where there is a head, triplet_embeds.

    In float32; the batch is of any size, the images are of the processor's.

    Args:
        folder, out, revision: as for `export_native`.

    Raises:
        InputError: as for `export_native`; a backbone that torch cannot write as ONNX, or no package onnx.
    """
    from alignet_hf.hub.onnx_graph import OPSET, write_graph

    check_free(out)
    source = open_model(folder, revision)
    code = """\
session = onnxruntime.InferenceSession("model.onnx")
pixel_values = inputs["pixel_values"].numpy()
representation = session.run(["pooler_output"], {"pixel_values": pixel_values})[0]"""
    outputs = "`pooler_output`, the representation, whose dot products are the similarities"
    if "triplet_head" in source.heads:
        outputs += ", and `triplet_embeds`, what the model was trained on"
    shape = ", ".join(str(length) for length in source.example().shape[1:])
    text = (
        f"An ONNX graph (opset {OPSET}) in float32. Input: `pixel_values`, (batch, {shape}). "
        f"Output: {outputs}; (batch, width)."
    )
    with export_folder(out, "onnx") as new:
        write_graph(source, new / "model.onnx")
        source.model.backbone.config.save_pretrained(new)
        source.save_processor(new)
        code = usage(source, ["import onnxruntime"], code)
        write_readme(new, source, library="onnx", text=text, code=code)
    return Path(out)


def export_sentence_transformers(folder: str | Path, out: str | Path, *, revision: str | None = None) -> Path:
    """Write a folder that `SentenceTransformer(OUT)` opens, whose `encode([PIL images])` gives the representation.

    The backbone is in its own transformers type, so no remote code is run. sentence-transformers is not needed here.

    Args:
        folder, out, revision: as for `export_native`.

    Raises:
        InputError: as for `export_native`; no image processor of transformers' own, or a pooling that
            sentence-transformers does not have.
    """
    from alignet_hf.hub.sentence_embedding import module_files

    check_free(out)
    source = open_model(folder, revision)
    files = module_files(source)
    backbone, width = source.model.backbone, source.model.config.hidden_size
    if "projection_dim" in backbone.config.to_dict():
        # CLIP's width of the text space, which its vision model has not: SentenceTransformer would report it as ours.
        backbone.config.projection_dim = width
    code = f"""\
from PIL import Image
from sentence_transformers import SentenceTransformer

{IMAGE}
model = SentenceTransformer(".")
representation = model.encode([image])  # (1, {width})"""
    text = (
        f"A `{type(backbone).__name__}` of transformers for sentence-transformers (made for version 6.2). "
        "`model.similarity` is the dot product, as in training."
    )
    with export_folder(out, "sentence-transformers") as new:
        backbone.save_pretrained(new)
        source.save_processor(new)
        for name, content in files.items():
            (new / name).parent.mkdir(exist_ok=True)
            (new / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        write_readme(new, source, library="sentence-transformers", text=text, code=code)
    return Path(out)
