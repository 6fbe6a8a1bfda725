"""A point's scores with their draws, as they are kept and read again."""

import json

import numpy as np
import pytest

from alignet_hf.demo.run import RECIPE
from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.scores import score_on_judgments
from alignet_hf.evaluation.statistics import bootstrap_counts
from alignet_hf.inputs import open_images, read_judgments
from alignet_hf.recipe_file import load_recipe
from alignet_hf.stages import Stages
from alignet_hf.sweep.point import PointPipeline, read_results
from alignet_hf.triplets import is_correct, triplet_similarities


class Embedded(PointPipeline):
    """With embeddings that no encoder made."""

    def teacher_view(self, setting):
        return np.random.default_rng(1).normal(size=(92, 5))

    def student_embeddings(self, setting):
        return np.random.default_rng(0).normal(size=(92, 4))


def point(folder, **overrides) -> Embedded:
    values = [f"{key.replace('__', '.')}={value}" for key, value in overrides.items()]
    recipe = load_recipe(RECIPE, ["evaluate.n_bootstrap=30", "evaluate.settings=[original]", *values])
    folder.mkdir()
    return Embedded(recipe, folder, Stages(folder, print))


def test_what_is_read_again_is_what_was_scored(tmp_path):
    made = point(tmp_path / "a", split__fold=1)
    made.evaluate()
    found = read_results(tmp_path / "a")
    assert set(found) == {("teacher", "original"), ("teacher", "ud"), ("student", "original")}
    for name, result in made.results["student", "original"].items():
        again = found["student", "original"][name]
        np.testing.assert_array_equal(again.samples, result.samples)
        assert (again.estimate, again.low, again.high) == (result.estimate, result.low, result.high)
        assert (again.chance, again.n_objects) == (result.chance, result.n_objects)
    judgments = read_judgments(made.recipe, open_images("objects92").names)
    scored = score_on_judgments(made.student_embeddings("original"), judgments, n_bootstrap=30, seed=1)
    said = json.loads((tmp_path / "a" / "metrics.json").read_text())["student"]["original"]
    assert {name: one.estimate for name, one in scored.items()} == {name: one["estimate"] for name, one in said.items()}


def test_a_triplet_weighs_the_draws_of_its_objects_in_whatever_fold(tmp_path):
    """Against a loop, with counts of all 92 objects."""
    for fold in range(2):
        made = point(tmp_path / str(fold), split__fold=fold)
        counts = bootstrap_counts(92, 30, 0)
        triplets, embeddings = made.judgments.held_out, made.student_embeddings("original")
        correct = is_correct(triplet_similarities(embeddings, triplets))
        expected = [np.average(correct, weights=count[triplets].prod(1)) for count in counts]
        accuracy = made.results["student", "original"]["odd_one_out_accuracy"]
        np.testing.assert_allclose(accuracy.samples, expected)
        assert accuracy.n_objects == len(made.judgments.held_out_rows)


def test_draws_are_common_to_a_fold_whatever_the_seed(tmp_path):
    samples = {}
    for name, overrides in {"a": {}, "b": {"seed": 7}, "c": {"split__seed": 1}}.items():
        results = point(tmp_path / name, **overrides).results["student", "original"]
        samples[name] = np.concatenate([result.samples for result in results.values()])
    np.testing.assert_array_equal(samples["a"], samples["b"])
    assert not np.array_equal(samples["a"], samples["c"])


def test_a_folder_without_draws_is_named(tmp_path):
    with pytest.raises(InputError, match=r"draws\.npz: no draws of a finished point; run it again with --force"):
        read_results(tmp_path)
