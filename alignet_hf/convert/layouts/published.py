"""Every layout that is known, and the numbers of attention heads of published models."""

from dataclasses import replace
from itertools import product

from alignet_hf.convert.layouts.big_vision import BigVision
from alignet_hf.convert.layouts.clip import FlaxClip, ScenicClip
from alignet_hf.convert.layouts.flax_vit import FlaxDinov2, FlaxViT
from alignet_hf.convert.layouts.layout import Layout
from alignet_hf.convert.layouts.timm_siglip import TimmSiglip

_POOLS = {
    "map": (
        ("siglip", "siglip2", "vit", "scratch"),
        "big_vision's ViT with attention pooling as in SigLIP and SigLIP 2",
    ),
    "gap": (("vit", "cappa", "scratch"), "big_vision's ViT with mean pooling, as CapPa has it too"),
    "tok": (("vit", "scratch"), "big_vision's ViT with a class token, tanh GELU"),
}


def _big_vision() -> list[Layout]:
    layouts = []
    for rep_size, head, learned in product((False, True), (False, True), (True, False)):
        for pool, (names, what) in _POOLS.items():
            layouts.append(BigVision(names, what, pool=pool, learned=learned, rep_size=rep_size, head=head))
    dino = BigVision(("dinov1",), "DINOv1 in big_vision's names, exact GELU", pool="tok", act="gelu")
    dino = replace(dino, only_when_asked=True)  # a file of big_vision's own names is big_vision's
    return [*layouts, dino]


LAYOUTS: tuple[Layout, ...] = (
    *_big_vision(),
    *(FlaxViT(("dinov1", "vit"), "transformers' FlaxViT, exact GELU", pooler=pooler) for pooler in (False, True)),
    *(FlaxDinov2(("dinov2",), "transformers' FlaxDinov2", mask_token=mask) for mask in (True, False)),
    FlaxClip(("clip",), "transformers' FlaxCLIPVision"),
    ScenicClip(("clip",), "scenic's CLIP"),
    TimmSiglip(("siglip", "siglip2"), "SigLIP or SigLIP 2 in timm's names"),
)
NAMES = tuple(dict.fromkeys(name for layout in LAYOUTS for name in layout.names))

# (width, depth, width of the MLP) -> attention heads, of every ViT, SigLIP, DINO and CLIP published in these sizes.
PUBLISHED_HEADS = {
    (192, 12, 768): 3,  # Ti
    (384, 12, 1536): 6,  # S
    (512, 8, 2048): 8,  # M
    (768, 12, 3072): 12,  # B
    (1024, 24, 4096): 16,  # L
    (1152, 27, 4304): 16,  # So400m
    (1280, 32, 5120): 16,  # H
    (1664, 48, 8192): 16,  # G
}
