"""The time that a sweep has still to run, against records of stages that are written here."""

import json

import pytest

from alignet_hf.demo.run import RECIPE
from alignet_hf.sweep.cost import stage_fingerprints
from alignet_hf.sweep.grid import load_sweep
from alignet_hf.sweep.time_left import TimeLeft

GRID = ["split.fold=0,1", "triplets.strategy=cluster-boundary,random"]
STAGES = ("teacher", "surrogate", "clusters", "triplets", "original", "alignet", "evaluate")


@pytest.fixture
def sweep():
    return load_sweep(RECIPE, GRID, ["distill.triplets=listed", "evaluate.settings=[original, alignet]"])


def finish(sweep, number: int, out, **seconds: float) -> None:
    """Leave the records of these stages in the folder of a point."""
    point = sweep.points[number]
    prints, folder = stage_fingerprints(point, out), out / "points" / point.name / "stages"
    folder.mkdir(parents=True, exist_ok=True)
    for stage, took in seconds.items():
        (folder / f"{stage}.json").write_text(json.dumps({"made_from": prints[stage], "seconds": took}))


def test_nothing_is_known_before_a_stage_of_each_kind_is_finished(sweep, tmp_path):
    assert set(stage_fingerprints(sweep.points[0], tmp_path)) == set(STAGES)
    assert TimeLeft(sweep, tmp_path, 1).read() == (0, None)
    finish(sweep, 0, tmp_path, **dict.fromkeys(STAGES[:-1], 10.0))
    assert TimeLeft(sweep, tmp_path, 1).read() == (0, None)


def test_a_stage_that_points_share_is_counted_once(sweep, tmp_path):
    """Points: fold 0 with either strategy, fold 1 with either. Teacher and original are all points' own; surrogate and
    clusters those of a fold; triplets, training and scores those of a point."""
    finish(
        sweep,
        0,
        tmp_path,
        teacher=40.0,
        surrogate=8.0,
        clusters=1.0,
        triplets=2.0,
        original=4.0,
        alignet=100.0,
        evaluate=3.0,
    )
    of_fold, of_point = 8 + 1, 2 + 100 + 3
    time_left = TimeLeft(sweep, tmp_path, 1)
    assert time_left.read() == (1, pytest.approx(of_fold + 3 * of_point))
    assert TimeLeft(sweep, tmp_path, 2).read() == (1, pytest.approx((of_fold + 3 * of_point) / 2))
    # The second takes from the first what they share, in no time, and trains for longer.
    finish(sweep, 1, tmp_path, **dict.fromkeys(STAGES, 0.1) | {"triplets": 2.0, "alignet": 120.0, "evaluate": 3.0})
    assert time_left.read() == (2, pytest.approx(of_fold + 2 * (of_point + 10)))
    for number in (2, 3):
        finish(sweep, number, tmp_path, **dict.fromkeys(STAGES, 1.0))
    assert time_left.read() == (4, 0)


def test_a_training_that_was_never_finished_takes_as_long_as_others(tmp_path):
    grid = ["evaluate.settings=[original, alignet],[human]"]
    sweep = load_sweep(RECIPE, grid)
    finish(sweep, 0, tmp_path, **dict.fromkeys(STAGES, 1.0) | {"alignet": 60.0})
    assert TimeLeft(sweep, tmp_path, 4).read() == (1, pytest.approx(60 + 1))


def test_a_stage_of_another_recipe_is_not_finished_here_but_tells_its_time(sweep, tmp_path):
    finish(sweep, 0, tmp_path, **dict.fromkeys(STAGES, 1.0))
    other = load_sweep(
        RECIPE, GRID, ["distill.triplets=listed", "evaluate.settings=[original, alignet]", "distill.steps=9"]
    )
    n_ended, seconds = TimeLeft(other, tmp_path, 1).read()
    assert n_ended == 0
    assert seconds == pytest.approx(2 * 1 + 4 * 1 + 3 + 4 * 1)
