"""The paper's models shrunk: two layers, the same families, poolings, patches and processors; and a small ImageNet."""

import warnings
from pathlib import Path

import numpy as np
from backbones import _with_random_weights
from PIL import ImageOps
from transformers import (
    AutoModel,
    BitImageProcessorPil,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    DeiTConfig,
    DeiTImageProcessorPil,
    Dinov2Config,
    SiglipConfig,
    SiglipImageProcessorPil,
    SiglipModel,
    SiglipVisionConfig,
    ViTConfig,
    ViTImageProcessorPil,
)

from alignet_hf import Dissimilarities, Vice
from alignet_hf.demo import objects92
from alignet_hf.pipeline import open_images

_SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
_TEXT = {**_SMALL, "vocab_size": 40, "max_position_embeddings": 8, "bos_token_id": 1, "eos_token_id": 2}
_OF_16 = {**_SMALL, "image_size": 32, "patch_size": 16}
_OF_14 = {**_SMALL, "image_size": 28, "patch_size": 14}


def _whole(kind, size: int):
    return kind(size={"height": size, "width": size})


def _cropped(kind, resize, size: int):
    return kind(size=resize, do_center_crop=True, crop_size={"height": size, "width": size})


_DEIT = (
    (lambda: AutoModel.from_config(DeiTConfig(**_OF_16))),
    _cropped(DeiTImageProcessorPil, {"height": 36, "width": 36}, 32),
)
_VIT = (lambda: AutoModel.from_config(ViTConfig(**_OF_16))), _whole(ViTImageProcessorPil, 32)
_SIGLIP = (
    lambda: SiglipModel(SiglipConfig(text_config=dict(_TEXT), vision_config=dict(_OF_16))),
    _whole(SiglipImageProcessorPil, 32),
)
TEACHER = (
    lambda: SiglipModel(SiglipConfig(text_config=dict(_TEXT), vision_config=dict(_OF_14))),
    _whole(SiglipImageProcessorPil, 28),
)
# Recipe -> the model, its processor, and the representation of the paper.
STUDENTS = {
    "vit-s": (*_DEIT, "cls"),
    "vit-b": (*_DEIT, "cls"),
    "vit-l": (*_VIT, "cls"),
    "cappa-b": (
        lambda: AutoModel.from_config(SiglipVisionConfig(**_OF_16, vision_use_head=False)),
        _whole(SiglipImageProcessorPil, 32),
        "mean",
    ),
    "dinov1-b": (*_VIT, "cls"),
    "dinov2-b": (
        lambda: AutoModel.from_config(Dinov2Config(**_OF_14)),
        _cropped(BitImageProcessorPil, {"shortest_edge": 32}, 28),
        "cls",
    ),
    "siglip-b": (*_SIGLIP, "pooler"),
    "siglip2-b": (*_SIGLIP, "pooler"),  # the checkpoints of one resolution are SigLIP's architecture
    "clip-b": (
        lambda: CLIPModel(CLIPConfig(text_config=dict(_TEXT), vision_config=dict(_OF_16))),
        _cropped(CLIPImageProcessorPil, {"shortest_edge": 32}, 32),
        "pooler",
    ),
}
STEPS = 3


def save_encoder(build, processor, folder: Path, seed: int = 0) -> str:
    """Random weights and a processor, as a folder."""
    _with_random_weights(build(), seed).save_pretrained(folder)
    processor.save_pretrained(folder)
    return str(folder)


def small_data(folder: Path) -> Path:
    """THINGS and ImageNet in the recipes' form, made of the embedded photographs and the 16 people's judgments."""
    choices, _ = Dissimilarities(objects92.people()).choices(np.arange(92))
    choices = np.random.default_rng(0).permutation(choices)[:3000]
    np.savetxt(folder / "trainset.txt", choices, "%d")
    with warnings.catch_warnings(action="ignore"):  # that eight epochs prune nothing
        posterior = Vice.fit(choices, 92, seed=0, init_dim=8, learning_rate=0.05, max_epochs=8, k=1, progress=False)
    posterior.save_pretrained(folder / "vice")
    images = open_images("objects92")
    rows = [f"{concept}\t{name}" for concept, name in enumerate(images.names)]
    (folder / "photos.tsv").write_text("\n".join(["concept_index\tphoto", *rows]) + "\n")
    for row in range(0, 92, 2):
        wnid = f"n0000000{row % 5}"
        (folder / "imagenet" / "train" / wnid).mkdir(parents=True, exist_ok=True)
        ImageOps.mirror(images[row]).save(folder / "imagenet" / "train" / wnid / f"{wnid}_{row}.JPEG")
    return folder


def overrides(data: Path, teacher: str, student: str | None, *more: str) -> list[str]:
    """What a paper's recipe needs to run on `small_data` in seconds; every other number stays."""
    changes = [
        "images.source=objects92",
        f"images.extra=imagenet:{data / 'imagenet'}",
        f"human.triplets={data / 'trainset.txt'}",
        f"human.embedding={data / 'vice'}",
        f"human.concepts={data / 'photos.tsv'}",
        f"teacher.model={teacher}",
        "teacher.num_workers=0",
        "surrogate.epochs=2",
        "clusters.n_clusters=4",
        "triplets.n=400",
    ]
    if student is not None:
        changes += [
            f"student.model={student}",
            "student.num_workers=0",
            f"distill.steps={STEPS}",
            "distill.batch_size=8",
            "distill.warmup_steps=1",
            "distill.num_workers=0",
            "distill.save_steps=2",
            "evaluate.n_bootstrap=10",
        ]
    return [*changes, *more]
