"""Means over folds and seeds, paired differences and findings, against drawn numbers and naive loops."""

import json
from dataclasses import replace

import numpy as np
import pytest

from alignet_hf.demo.run import RECIPE
from alignet_hf.evaluation.comparison import compare_models
from alignet_hf.evaluation.human.odd_one_out import model_similarities, odd_one_out_accuracy
from alignet_hf.evaluation.statistics import Result
from alignet_hf.sweep.figures import figures_of
from alignet_hf.sweep.grid import Finding, load_sweep
from alignet_hf.sweep.report import SweepReport
from alignet_hf.sweep.scores import (
    difference,
    differences,
    findings,
    mean_over_replicates,
    rows_of,
)

DRAWS = 4000
LISTED = ["distill.triplets=listed"]  # the recipe's are dense, which know no triplets.n


def normal(mean: float, spread: float, seed: int, n_objects: int = 30) -> Result:
    samples = np.random.default_rng(seed).normal(mean, spread, DRAWS)
    return Result.from_samples("odd_one_out_accuracy", mean, samples, 1 / 3, n_objects)


def test_folds_are_independent_so_that_their_mean_has_a_third_of_the_variance():
    mean = mean_over_replicates({(0, fold, 0): normal(0.5 + 0.1 * fold, 0.1, fold) for fold in range(3)})
    assert mean.estimate == pytest.approx(0.6)
    assert mean.n_objects == 90
    half = 1.96 * 0.1 / np.sqrt(3)
    np.testing.assert_allclose([mean.low, mean.high], [0.6 - half, 0.6 + half], atol=0.01)


def test_seeds_share_their_objects_so_that_their_mean_is_no_surer():
    one = normal(0.5, 0.1, 0)
    mean = mean_over_replicates({(0, 0, seed): one for seed in range(5)})
    assert (mean.low, mean.high, mean.n_objects) == (pytest.approx(one.low), pytest.approx(one.high), 30)


def test_splits_of_other_seeds_share_objects_in_other_company_and_get_the_widest_interval():
    first, second = normal(0.5, 0.1, 0), normal(0.6, 0.2, 1)
    mean = mean_over_replicates({(0, 0, 0): first, (1, 0, 0): second})
    assert mean.low == pytest.approx((first.low + second.low) / 2)
    assert mean.high == pytest.approx((first.high + second.high) / 2)
    assert mean.n_objects == 30


@pytest.fixture(scope="module")
def world():
    """Two representations, scored on people's choices in two folds, and the triplets."""
    rng = np.random.default_rng(0)
    embeddings = {"random": rng.normal(size=(40, 4)), "cluster-boundary": rng.normal(size=(40, 4))}
    folds = [np.sort(rng.permuted(np.tile(rows, (300, 1)), axis=1)[:, :3]) for rows in np.split(np.arange(40), 2)]
    sweep = load_sweep(RECIPE, ["split.fold=0,1", "triplets.strategy=cluster-boundary,random"], LISTED)
    results = {}
    for point in sweep.points:
        strategy, fold = point.values["triplets.strategy"], point.values["split.fold"]
        results[point.name] = {
            ("student", setting): {
                "odd_one_out_accuracy": odd_one_out_accuracy(
                    embeddings[strategy] * (1 if setting == "alignet" else [1, 0, 1, 0]),
                    folds[fold],
                    n_bootstrap=200,
                    seed=fold,
                )
            }
            for setting in ("original", "alignet")
        }
        for (_, setting), scores in results[point.name].items():
            scores["rsa_spearman"] = normal(0.2 if setting == "alignet" else 0.1, 0.01, fold)
    return sweep, results, embeddings, folds


def test_differences_are_paired_as_those_of_two_models_are(world):
    """One fold: what `compare_models` says of the same triplets, seed and draws. Two: the mean under each draw."""
    sweep, results, embeddings, folds = world
    rows = {(row.condition["triplets.strategy"], row.setting): row for row in rows_of(sweep.points, results)}
    found = difference(rows["random", "alignet"], rows["cluster-boundary", "alignet"], "odd_one_out_accuracy")
    each = [
        compare_models(
            *(model_similarities(embeddings[name], triplets, "dot") for name in ("random", "cluster-boundary")),
            triplets,
            n_bootstrap=200,
            seed=fold,
        ).difference
        for fold, triplets in enumerate(folds)
    ]
    samples = np.mean([one.samples for one in each], 0)
    assert found.difference.estimate == pytest.approx(np.mean([one.estimate for one in each]))
    np.testing.assert_allclose(found.difference.samples, samples, atol=1e-12)
    np.testing.assert_allclose(
        [found.difference.low, found.difference.high], np.percentile(samples, [2.5, 97.5]), atol=1e-12
    )
    assert found.difference.n_objects == sum(len(np.unique(triplets)) for triplets in folds)


def test_only_folds_that_both_have_are_compared(world):
    sweep, results, *_ = world
    lacking = {name: scores for name, scores in results.items() if name != sweep.points[-1].name}
    rows = rows_of(sweep.points, lacking)
    first, second = (
        next(row for row in rows if row.condition["triplets.strategy"] == name and row.setting == "alignet")
        for name in ("random", "cluster-boundary")
    )
    assert set(first.by_replicate["odd_one_out_accuracy"]) == {(0, 0, 0)}
    ours, theirs = (row.by_replicate["odd_one_out_accuracy"][0, 0, 0] for row in (first, second))
    found = difference(first, second, "odd_one_out_accuracy").difference
    assert found.estimate == pytest.approx(ours.estimate - theirs.estimate)


def test_each_condition_meets_the_baseline_and_alignet_each_setting(world):
    sweep, results, *_ = world
    found = differences(sweep, rows_of(sweep.points, results))
    told = [
        (one.kind, *(row.condition["triplets.strategy"] for row in (one.first, one.second)), one.second.setting)
        for one in found
    ]
    assert told == [
        ("condition", "random", "cluster-boundary", "original"),
        ("condition", "random", "cluster-boundary", "alignet"),
        ("setting", "cluster-boundary", "cluster-boundary", "original"),
        ("setting", "random", "random", "original"),
    ]


@pytest.mark.parametrize(
    ("better", "than", "expect", "verdict"),
    [
        ("alignet", "original", "better", "shown"),
        ("original", "alignet", "better", "contradicted"),
        ("original", "alignet", "same", "contradicted"),
        ("alignet", "alignet", "same", "no difference found"),
        ("alignet", "alignet", "better", "not decided"),
    ],
)
def test_findings_are_said_as_the_interval_has_them(world, better, than, expect, verdict):
    sweep, results, *_ = world
    sides = {"better": {"setting": better}, "than": {"setting": than}}
    finding = Finding(claim="A over B", paper="Fig. 9", score="rsa_spearman", expect=expect, **sides)
    stated = replace(sweep, findings=(finding,))
    (found,) = findings(stated, rows_of(sweep.points, results))
    assert found.verdict == verdict
    assert ("CONTRADICTS the paper" in str(found)) == (verdict == "contradicted")
    if verdict == "no difference found":
        low, high = found.comparison.difference.low, found.comparison.difference.high
        assert str(found).endswith(f": no difference is found here; the interval allows {low:+.3f} to {high:+.3f}.")
    assert ("as the paper says" in str(found)) == (verdict == "shown")
    assert str(found).startswith("A over B (the paper's Fig. 9): RSA (Spearman) 0.")


def test_a_finding_whose_points_failed_is_not_measured(world):
    sweep, *_ = world
    finding = Finding(claim="A over B", better={}, than={"setting": "original"})
    stated = replace(sweep, findings=(finding,))
    (found,) = findings(stated, [])
    assert found.verdict == "not measured"
    assert "not measured" in str(found)


def test_tables_csv_json_and_figures_hold_every_row(world, tmp_path):
    sweep, results, *_ = world
    rows = rows_of(sweep.points, results)
    report = SweepReport(sweep, rows, differences(sweep, rows), [], {})
    frames = report.frames()
    assert len(frames["points"]) == 8
    assert len(frames["means"]) == 4
    means = frames["means"].set_index(["triplets.strategy", "setting"])["odd_one_out_accuracy"]
    for (strategy, setting), points in frames["points"].groupby(["triplets.strategy", "setting"]):
        assert means[strategy, setting] == pytest.approx(points["odd_one_out_accuracy"].mean())
    assert len(frames["differences"]) == 4
    grid_table, difference_table = report.tables()
    assert (grid_table.row_count, difference_table.row_count) == (4, 4)
    report.save(tmp_path)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        *("sweep.json", "recipe.yaml", "points.csv", "means.csv", "differences.csv"),
        "grid.png",
    }
    kept = json.loads((tmp_path / "sweep.json").read_text())
    assert kept["recipe"]["sweep"]["grids"] == {
        "grid": {"split.fold": [0, 1], "triplets.strategy": ["cluster-boundary", "random"]}
    }
    assert kept["recipe"]["distill"]["triplets"] == "listed"  # as --set said
    assert load_sweep(tmp_path / "recipe.yaml") == sweep


def test_a_number_is_drawn_as_a_line_and_a_word_as_bars(world):
    sweep, results, *_ = world
    rows = rows_of(sweep.points, results)
    assert figures_of({"words": (("triplets.strategy",), rows)})["words"].axes[0].patches
    numbers = load_sweep(RECIPE, ["triplets.n=100,20000"], LISTED)
    renamed = dict(zip([point.name for point in numbers.points], results.values(), strict=False))
    drawn = figures_of({"n": (("triplets.n",), rows_of(numbers.points, renamed))})["n"]
    assert drawn.axes[0].get_xscale() == "log"
    assert len(drawn.axes[0].get_lines()) >= 2
