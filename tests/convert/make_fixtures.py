"""Makes the fixtures."""

import argparse
import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).parent))

import jax
from fixture_files import write_saved_model, write_timm
from flax_big_vision import Sizes
from reference_models import Model

MODELS = [
    Model("siglip2-b-alignet", "SigLIP2-B", "big_vision", Sizes(image=32, patch=8, width=16, mlp_dim=48, pool="map")),
    Model("vit-b-alignet", "ViT-B", "big_vision", Sizes(pool="tok")),
]


def make(folder: Path) -> None:
    for model in MODELS:
        (folder / model.name).mkdir(parents=True)
        write_saved_model(model, folder / model.name, layers=model.name == "siglip2-b-alignet")
    write_timm(MODELS[0], folder / MODELS[0].name / "alignet_siglip2_b.safetensors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "fixtures", help="replaced if it exists")
    out = parser.parse_args().out
    jax.config.update("jax_default_matmul_precision", "highest")
    shutil.rmtree(out, ignore_errors=True)
    make(out)
