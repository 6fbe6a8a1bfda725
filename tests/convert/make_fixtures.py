"""Makes tests/convert/fixtures: small models of the eight released families, as their authors name and export them.

    python -m venv jaxvenv && jaxvenv/bin/pip install "alignet-hf[jax]"     (or: jax flax tensorflow safetensors)
    jaxvenv/bin/python tests/convert/make_fixtures.py                       (two minutes; replaces the folder)

Parameters come from fixed seeds (a model's name). Outputs are JAX's, float32, on the CPU, at the highest precision of
products; each SavedModel, restored by TensorFlow, must give them to 1e-5. A fixture is a folder:

    variables/              of the SavedModel: the tensor bundle. There is no saved_model.pb: it is large, and the
                            variables alone are what is converted. The archive of siglip2-b-alignet has one.
    checkpoint.npz          instead, of the npz-* fixtures
    expected.safetensors    images (2, S, S, 3) in [0, 1]; pre_logits; of SavedModels i1k_logits too, and triplet_logits
                            where there is that head (layer_N where there is the archive)
    config.json             the family, the layout, the sizes and heads, and the variables in order with their names

What is known of the released trees, and what is assumed:

| family    | layout              | source of names and arithmetic           | known                | assumed                |
|-----------|---------------------|------------------------------------------|----------------------|------------------------|
| SigLIP2-B | big_vision, map     | the released checkpoint, read by others; | all                  |                        |
|           |                     | alignet's bv_vit.py, bv_wrapper.py       |                      |                        |
| SigLIP-B  | the same            | alignet's configs/siglip.py              | tree, triplet head   | that the export is as  |
|           |                     |                                          |                      | SigLIP 2's             |
| CapPa-B   | big_vision, gap     | big_vision's models/proj/cappa           | encoder's tree       | mean pooling           |
| ViT-B     | big_vision, tok     | big_vision's models/vit.py, its npz      | encoder's tree       | which pooling          |
| Scratch-B | big_vision, any     | the same                                 | encoder's tree       | pooling and positions  |
| DINOv1-B  | transformers-vit,   | transformers v4's modeling_flax_vit;     | arithmetic (exact    | tree; pooling          |
|           | or big_vision, tok  | big_vision's vit.py                      | GELU, eps 1e-6)      |                        |
| DINOv2-B  | transformers-dinov2 | transformers v4's modeling_flax_dinov2   | arithmetic; alignet  | tree; that 1536 is the |
|           |                     |                                          | says "H 768-1536"    | class token and the    |
|           |                     |                                          |                      | patches' mean          |
| CLIP-B    | scenic-clip, or     | scenic's projects/baselines/clip;        | arithmetic (quick    | tree; no projection,   |
|           | transformers-clip   | transformers v4's modeling_flax_clip     | GELU, eps 1e-5)      | norm, class token      |

Of all but SigLIP2-B it is assumed that the heads follow in its order (triplet head, norm, classifier), and that a
base_model has no triplet head and no wrapper around the encoder.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parent))

import jax
import npz_layouts
from fixture_files import write_npz, write_saved_model, write_timm
from flax_big_vision import Sizes
from reference_models import Model

SIGLIP2 = Model("siglip2-b-alignet", "SigLIP2-B", "big_vision", Sizes(image=32, patch=8, pool="map"))
DEEP = {"depth": 12, "width": 8, "mlp_dim": 12}  # encoderblock_10 before encoderblock_2
DINO = {"act": "gelu", "eps": 1e-6, "pool": "cls"}
CLIP = {"act": "quick_gelu", "eps": 1e-5, "pool": "cls"}

SAVED_MODELS = [
    SIGLIP2,
    Model("siglip2-b-12-blocks", "SigLIP2-B", "big_vision", Sizes(**DEEP, pool="map")),
    Model("siglip2-b-base_model", "SigLIP2-B", "big_vision", Sizes(pool="map"), triplet=False),
    Model("siglip2-b-float16", "SigLIP2-B", "big_vision", Sizes(pool="map"), dtype="float16"),
    Model("siglip2-b-bfloat16", "SigLIP2-B", "big_vision", Sizes(pool="map"), dtype="bfloat16"),
    Model("siglip-b-untransformed", "SigLIP-B", "big_vision", Sizes(heads=3, pool="map")),
    Model("cappa-b-alignet", "CapPa-B", "big_vision", Sizes(pool="gap")),
    Model("vit-b-alignet", "ViT-B", "big_vision", Sizes(pool="tok")),
    Model("vit-b-12-blocks", "ViT-B", "big_vision", Sizes(**DEEP, pool="tok")),
    Model("scratch-b-gap-sincos2d", "Scratch-B", "big_vision", Sizes(pool="gap", positions="sincos2d")),
    Model("scratch-b-tok-sincos2d", "Scratch-B", "big_vision", Sizes(pool="tok", positions="sincos2d")),
    Model("scratch-b-map-sincos2d", "Scratch-B", "big_vision", Sizes(pool="map", positions="sincos2d")),
    Model("dinov1-b-transformers", "DINOv1-B", "transformers-vit", Sizes(**DINO)),
    Model("dinov1-b-transformers-pooler", "DINOv1-B", "transformers-vit", Sizes(**DINO, rep_size=True)),
    Model("dinov1-b-big_vision", "DINOv1-B", "big_vision", Sizes(**DINO | {"pool": "tok"})),
    Model("dinov2-b-cls", "DINOv2-B", "transformers-dinov2", Sizes(**DINO)),
    Model("dinov2-b-cls-mean", "DINOv2-B", "transformers-dinov2", Sizes(**DINO | {"pool": "cls+mean"})),
    Model("dinov2-b-large-table", "DINOv2-B", "transformers-dinov2", Sizes(**DINO, table=7)),
    Model("clip-vit-b-scenic", "CLIP-ViT-B", "scenic-clip", Sizes(**CLIP)),
    Model("clip-vit-b-transformers", "CLIP-ViT-B", "transformers-clip", Sizes(**CLIP)),
]


def make_npz(folder: Path) -> None:
    """big_vision's own files: of encoders alone, in the layouts of ten years."""

    def write(name, sizes, rename, compressed=False, dtype="float32", **facts):
        model = Model(name, "big_vision", "big_vision", sizes, triplet=False, dtype=dtype)
        write_npz(model, folder / name, rename, compressed, **facts)

    tok, gap, siglip = Sizes(pool="tok"), Sizes(pool="gap"), Sizes(pool="map")
    write("npz-vit", tok, npz_layouts.with_classifier, compressed=True)
    write("npz-vit-stacked", gap, npz_layouts.stacked, stacked=True)
    write("npz-vit-rep-size", Sizes(pool="tok", rep_size=True), npz_layouts.plain)
    write("npz-vit-2020", tok, npz_layouts.of_2020, positions_hold_cls=True)
    write("npz-vit-2021", gap, npz_layouts.of_2021)
    write("npz-siglip", siglip, npz_layouts.two_towers, prefix="params/img/")
    write("npz-siglip-stacked", siglip, npz_layouts.stacked_two_towers, stacked=True, prefix="params/img/")
    write("npz-siglip-img", siglip, npz_layouts.image_tower, prefix="img/")
    write("npz-cappa", gap, npz_layouts.captioner, prefix="params/encoder/")
    write("npz-siglip-bfloat16", siglip, npz_layouts.image_tower, dtype="bfloat16", prefix="img/")


def make(folder: Path) -> None:
    for model in SAVED_MODELS:
        archive = "SigLIP2-B-alignet" if model is SIGLIP2 else None
        write_saved_model(model, folder / model.name, archive)
    write_timm(SIGLIP2, folder / SIGLIP2.name / "alignet_siglip2_b.safetensors")
    make_npz(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "fixtures", help="replaced if it exists")
    out = parser.parse_args().out
    jax.config.update("jax_default_matmul_precision", "highest")
    shutil.rmtree(out, ignore_errors=True)
    make(out)
