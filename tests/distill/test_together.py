"""A recipe run by two processes, which embed and distil together, has the scores of one run by a single process."""

import json
from pathlib import Path

import numpy as np
import pytest
from backbones import save_tiny_encoder
from processes import launched
from test_pipeline import overrides, scores

from alignet_hf import inputs
from alignet_hf.demo.run import RECIPE
from alignet_hf.distill.together import _Follower
from alignet_hf.inputs import open_images
from alignet_hf.pipeline_work import Pipeline
from alignet_hf.recipe_file import load_recipe
from alignet_hf.surrogate.embeddings import Embeddings

SCRIPT = Path(__file__).parents[2] / "training" / "distill.py"


@pytest.mark.slow
def test_two_processes_run_a_recipe_as_one_does(tmp_path):
    folders = [save_tiny_encoder(tmp_path / name, seed) for seed, name in enumerate(("teacher", "student"))]
    options = [part for value in overrides(folders) for part in ("--set", value)]
    for n_processes, name in ((1, "one"), (2, "two")):
        launched(n_processes, SCRIPT, RECIPE, "--out", tmp_path / name, *options, timeout=900)
    one, two = (tmp_path / name for name in ("one", "two"))
    teachers = [(folder / "teacher" / "embeddings.safetensors").read_bytes() for folder in (one, two)]
    assert teachers[0] == teachers[1]
    assert len(Embeddings.from_pretrained(two / "embeddings" / "alignet")) == 92
    metrics = [scores(json.loads((folder / "metrics.json").read_text())) for folder in (one, two)]
    assert metrics[0].keys() == metrics[1].keys()
    assert metrics[0]["teacher"] == metrics[1]["teacher"]
    assert metrics[0]["student"]["original"] == metrics[1]["student"]["original"]


def test_the_others_label_none_of_people_s_choices(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    names = open_images("objects92").names
    np.savetxt(tmp_path / "triplets.txt", rng.permuted(np.tile(np.arange(92), (600, 1)), axis=1)[:, :3], "%d")
    rows = "".join(f"{concept}\t{name}\n" for concept, name in enumerate(names))
    (tmp_path / "concepts.tsv").write_text(f"concept_index\tphoto\n{rows}")
    human = f"{{triplets: {tmp_path / 'triplets.txt'}, embedding: posterior, concepts: {tmp_path / 'concepts.tsv'}}}"
    recipe = load_recipe(RECIPE, [f"human={human}"])
    labelled = []

    def label(triplets):
        labelled.append(len(triplets))
        return np.full((len(triplets), 3), 1 / 3)

    monkeypatch.setattr(inputs, "read_dimensions", lambda path: (rng.random((92, 8)), label))
    follower = _Follower(recipe, tmp_path, None)
    assert not len(follower.judgments.training)
    assert not labelled
    first = Pipeline(recipe, tmp_path, None)
    assert first.judgments.training.shape == (labelled[0], 3)
    np.testing.assert_array_equal(follower.judgments.held_out, first.judgments.held_out)
    np.testing.assert_array_equal(follower.distill_rows, first.distill_rows)
