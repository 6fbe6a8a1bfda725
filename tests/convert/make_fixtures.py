"""Makes tests/convert/fixtures: small models of the eight released families, as their authors name and export them.

    python -m venv jaxvenv && jaxvenv/bin/pip install jax flax tensorflow safetensors    (the extra [jax], less torch)
    jaxvenv/bin/python tests/convert/make_fixtures.py                                    (minutes)

Parameters come from fixed seeds (a model's name). Outputs are JAX's, float32, on the CPU, at the highest precision of
products; each SavedModel, restored by TensorFlow, must give them to 1e-5. A fixture is a folder:

    variables/            of the SavedModel: the tensor bundle. saved_model.pb is left out: it is three times as large,
                          and variables alone are what is converted. SigLIP2-B-alignet.tar.gz is a whole SavedModel.
    checkpoint.npz        instead, in those called npz-*
    expected.safetensors  images (2, S, S, 3) in [0, 1]; pre_logits; of SavedModels i1k_logits too, and triplet_logits
                          where there is that head (and layer_N, where the whole SavedModel is there); logits of an npz
                          with the classifier "head"
    config.json           family, layout, sizes, heads, the reading that `--as` calls it by, and the variables in order

The released trees, what is known of them and what these fixtures assume:

| family    | layout               | source of names and arithmetic            | known          | assumed              |
|-----------|----------------------|-------------------------------------------|----------------|----------------------|
| SigLIP2-B | big_vision, map      | [1] [2]                                   | everything     | -                    |
| SigLIP-B  | big_vision, map      | [2], its configs/siglip.py                | tree           | export as SigLIP 2's |
| CapPa-B   | big_vision, gap      | [3] models/proj/cappa; [2] averages maps  | encoder's tree | mean pooling         |
| ViT-B     | big_vision, tok      | [3] models/vit.py                         | encoder's tree | class token          |
| Scratch-B | big_vision, any pool | [3] models/vit.py                         | encoder's tree | pooling, sincos2d    |
| DINOv1-B  | transformers-vit or  | [4] modeling_flax_vit                     | arithmetic     | tree, class token    |
|           | big_vision, tok      | [3] models/vit.py                         |                |                      |
| DINOv2-B  | transformers-dinov2  | [4] modeling_flax_dinov2; [5]: "H varies" | arithmetic     | tree; that H = 1536  |
|           |                      | from 768 to 1536                          |                | is class token, mean |
| CLIP-     | scenic-clip or       | [6]                                       | arithmetic     | tree, class token,   |
| ViT-B     | transformers-clip    | [4] modeling_flax_clip                    |                | no projection        |

[1] SigLIP2-B-alignet as github.com/ViCCo-Group/dimpred (training/alignet) reads it: 218 variables and their order.
[2] google-deepmind/alignet: bv_vit.py (a fork of [3]), bv_wrapper.py (TripletWrapper: "model", "triplet_head").
[3] google-research/big_vision: tanh GELU, epsilon 1e-6. [4] huggingface/transformers, version 4, Flax.
[5] google-deepmind/alignet: README.md. [6] google-research/scenic, projects/baselines/clip/layers.py.

Arithmetic of DINO: exact GELU, epsilon 1e-6; DINOv2 has layer scales. Of CLIP: quick GELU, epsilon 1e-5, a norm before
the blocks, no bias of the patches. Of all but SigLIP2-B it is assumed that the heads follow in its order (triplet head,
norm, classifier), and that a base_model has no triplet head and no wrapper around the encoder.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parent))

import npz_layouts
from fixture_files import write_npz, write_saved_model, write_timm
from flax_big_vision import Sizes
from reference_models import Model

LARGER = {"image": 32, "patch": 8, "width": 8, "mlp_dim": 32}
SIGLIP2 = Model("siglip2-b-alignet", "SigLIP2-B", "big_vision", Sizes(**LARGER, pool="map"))
DEEP = {"depth": 12, "width": 4, "mlp_dim": 6}  # encoderblock_10 before encoderblock_2
DINO = {"act": "gelu", "eps": 1e-6, "pool": "cls", "mlp_dim": 24}
CLIP = {"act": "quick_gelu", "eps": 1e-5, "pool": "cls"}

SAVED_MODELS = [
    SIGLIP2,
    Model("siglip2-b-12-blocks", "SigLIP2-B", "big_vision", Sizes(**DEEP, pool="map")),
    Model("siglip2-b-base_model", "SigLIP2-B", "big_vision", Sizes(depth=1, pool="map"), triplet=False),
    Model("siglip2-b-float16", "SigLIP2-B", "big_vision", Sizes(depth=1, pool="map"), dtype="float16"),
    Model("siglip2-b-bfloat16", "SigLIP2-B", "big_vision", Sizes(depth=1, pool="map"), dtype="bfloat16"),
    Model("siglip-b-untransformed", "SigLIP-B", "big_vision", Sizes(width=12, heads=3, depth=1, pool="map")),
    Model("cappa-b-alignet", "CapPa-B", "big_vision", Sizes(pool="gap")),
    Model("vit-b-alignet", "ViT-B", "big_vision", Sizes(pool="tok")),
    Model("vit-b-12-blocks", "ViT-B", "big_vision", Sizes(**DEEP, pool="tok")),
    Model("scratch-b-gap-sincos2d", "Scratch-B", "big_vision", Sizes(pool="gap", positions="sincos2d")),
    Model("scratch-b-tok-sincos2d", "Scratch-B", "big_vision", Sizes(depth=1, pool="tok", positions="sincos2d")),
    Model("scratch-b-map-sincos2d", "Scratch-B", "big_vision", Sizes(depth=1, pool="map", positions="sincos2d")),
    Model("dinov1-b-transformers", "DINOv1-B", "transformers-vit", Sizes(**DINO)),
    Model("dinov1-b-transformers-pooler", "DINOv1-B", "transformers-vit", Sizes(depth=1, **DINO, rep_size=True)),
    Model("dinov1-b-big_vision", "DINOv1-B", "big_vision", Sizes(**DINO | {"depth": 1, "pool": "tok"})),
    Model("dinov2-b-cls", "DINOv2-B", "transformers-dinov2", Sizes(depth=1, **DINO)),
    Model("dinov2-b-cls-patch-mean", "DINOv2-B", "transformers-dinov2", Sizes(**DINO | {"pool": "cls+patch-mean"})),
    Model("dinov2-b-large-table", "DINOv2-B", "transformers-dinov2", Sizes(depth=1, **DINO, table=5)),
    Model("clip-vit-b-scenic", "CLIP-ViT-B", "scenic-clip", Sizes(**CLIP)),
    Model("clip-vit-b-transformers", "CLIP-ViT-B", "transformers-clip", Sizes(**CLIP)),
]


def make_npz(folder: Path) -> None:
    """big_vision's own files: of encoders alone, in the layouts of ten years."""

    def write(name, sizes, rename, compressed=False, dtype="float32", **facts):
        family = {"vit": "ViT-B", "siglip": "SigLIP-B", "cappa": "CapPa-B"}[name.split("-")[1]]
        model = Model(name, family, "big_vision", sizes, triplet=False, dtype=dtype)
        write_npz(model, folder / name, rename, compressed, **facts)

    tok, gap, siglip = (Sizes(depth=1, pool=pool) for pool in ("tok", "gap", "map"))
    scanned, scanned_siglip = Sizes(depth=3), Sizes(pool="map")
    write("npz-vit", Sizes(pool="tok"), npz_layouts.with_classifier, compressed=True)
    write("npz-vit-stacked", scanned, npz_layouts.stacked, stacked=True)
    write("npz-vit-rep-size", Sizes(depth=1, pool="tok", rep_size=True), npz_layouts.plain)
    write("npz-vit-2020", tok, npz_layouts.of_2020, True, positions_hold_cls=True)
    write("npz-vit-2021", gap, npz_layouts.of_2021, True)
    write("npz-siglip", siglip, npz_layouts.two_towers, True, prefix="params/img/")
    write("npz-siglip-stacked", scanned_siglip, npz_layouts.stacked_image_tower, True, stacked=True, prefix="img/")
    write("npz-siglip-bfloat16", siglip, npz_layouts.image_tower, dtype="bfloat16", prefix="img/")
    write("npz-cappa", gap, npz_layouts.captioner, compressed=True, prefix="params/encoder/")


def make(folder: Path) -> None:
    for model in SAVED_MODELS:
        archive = "SigLIP2-B-alignet" if model is SIGLIP2 else None
        write_saved_model(model, folder / model.name, archive)
    write_timm(SIGLIP2, folder / SIGLIP2.name / "alignet_siglip2_b.safetensors")
    make_npz(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "fixtures", help="the folders in it are replaced"
    )
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as temporary:
        make(Path(temporary))
        for made in Path(temporary).iterdir():  # other fixtures may stand beside
            shutil.rmtree(out / made.name, ignore_errors=True)
            shutil.copytree(made, out / made.name)
