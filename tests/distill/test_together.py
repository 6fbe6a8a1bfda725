"""A recipe run by two processes, which embed and distil together, has the scores of one run by a single process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from backbones import tiny_backbone
from test_pipeline import overrides, scores
from transformers import BitImageProcessorPil

from alignet_hf.demo.run import RECIPE
from alignet_hf.surrogate.embeddings import Embeddings

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_two_processes_run_a_recipe_as_one_does(tmp_path):
    folders = []
    for seed, name in enumerate(("teacher", "student")):
        tiny_backbone("dinov2", seed=seed).save_pretrained(tmp_path / name)
        BitImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False).save_pretrained(tmp_path / name)
        folders.append(str(tmp_path / name))
    options = [part for value in overrides(folders) for part in ("--set", value)]
    several = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    for name, launcher in (("one", [sys.executable]), ("two", several)):
        run = subprocess.run(
            [*launcher, str(ROOT / "training" / "distill.py"), str(RECIPE), "--out", str(tmp_path / name), *options],
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert run.returncode == 0, run.stderr[-5000:]
    one, two = (tmp_path / name for name in ("one", "two"))
    teachers = [(folder / "teacher" / "embeddings.safetensors").read_bytes() for folder in (one, two)]
    assert teachers[0] == teachers[1]
    assert len(Embeddings.from_pretrained(two / "embeddings" / "alignet")) == 92
    metrics = [scores(json.loads((folder / "metrics.json").read_text())) for folder in (one, two)]
    assert metrics[0].keys() == metrics[1].keys()
    assert metrics[0]["teacher"] == metrics[1]["teacher"]
    assert metrics[0]["student"]["original"] == metrics[1]["student"]["original"]
