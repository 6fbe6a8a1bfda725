"""Suites one after another: what they find is put together, compared with common draws and corrected once."""

import inspect
import json

import numpy as np
import pytest

from alignet_hf.errors import InputError
from alignet_hf.evaluation.commands import evaluate
from alignet_hf.evaluation.comparison import adjust_p_values, compare_results
from alignet_hf.evaluation.statistics import Result
from alignet_hf.evaluation.suite import compare_scores, run_suites
from alignet_hf.evaluation.suite_options import READERS, SUITES, check_belongs, wanted_suites


def a_score(name: str, mean: float, n_draws: int = 50) -> Result:
    samples = mean + np.random.default_rng((len(name), round(100 * mean))).normal(size=n_draws) / 10
    return Result.from_samples(name, mean, samples, 0.0, 10)


class Fixed:
    """A suite with scores that are known."""

    def __init__(self, **means: tuple[float, float]):
        self.ours, self.theirs = ({name: a_score(name, pair[side]) for name, pair in means.items()} for side in (0, 1))
        self.drawn = None

    def read(self, note):
        pass

    def scores(self, store, against, note):
        note("seen")
        return self.ours, {} if against is None else compare_scores(self.ours, self.theirs)

    def save_figures(self, folder, scores, comparisons):
        self.drawn = set(scores), set(comparisons)


def test_suites_are_put_together_and_corrected_for_all_comparisons(tmp_path):
    suites = [Fixed(first=(0.5, 0.4), second=(0.7, 0.69)), Fixed(third=(0.9, 0.1))]
    notes = []
    outcome = run_suites(suites, None, object(), notes.append, tmp_path)
    assert list(outcome.scores) == ["first", "second", "third"]
    p_values = [one.p_bootstrap for one in outcome.comparisons.values()]
    adjusted = [one.p_adjusted for one in outcome.comparisons.values()]
    assert adjusted == pytest.approx(adjust_p_values(p_values, "holm"))
    assert notes == ["seen", "seen"]
    assert [suite.drawn for suite in suites] == [({"first", "second"}, {"first", "second"}), ({"third"}, {"third"})]
    assert {path.name for path in tmp_path.iterdir()} == {"scores.csv", "scores.json", "comparisons.csv"}
    lines = outcome.remarks()
    # 2 / (1 + 50) is the least p of one, and Holm takes it three times.
    least = "0.12 at the least, so none can reach 0.05; --n-bootstrap 120 would do"
    assert lines == [f"p of the 3 comparisons: corrected by Holm, {least}", "note: seen"]
    found = outcome.to_dict()
    assert set(found["scores"]) == set(found["comparisons"]) == set(outcome.scores)
    assert found["about"] == {"notes": "seen"}
    assert json.loads((tmp_path / "scores.json").read_text()) == found


def test_what_a_correction_does_not_count_is_said():
    class Repeating(Fixed):
        def scores(self, store, against, note):
            ours, compared = super().scores(store, against, note)
            return ours, compared | {"again": compared["first"]}

    outcome = run_suites([Repeating(first=(0.5, 0.4), second=(0.7, 0.69), third=(0.8, 0.8))], None, object(), print)
    lines = outcome.remarks()
    assert "p of the 2 comparisons: corrected by Holm" in lines[-3]
    assert lines[-2] == "2 comparisons are not counted (p in brackets): the same as another, or the same in every draw"
    assert outcome.comparisons["again"].p_adjusted == outcome.comparisons["first"].p_adjusted
    assert outcome.to_dict()["comparisons"]["third"]["set_apart"] == "the same in every draw"


def test_one_encoder_alone_is_compared_with_nothing():
    outcome = run_suites([Fixed(first=(0.5, 0.4))], None, None, print, notes=["read"])
    assert not outcome.comparisons
    assert outcome.remarks() == ["note: read", "note: seen"]


def test_scores_are_paired_by_name_draw_by_draw():
    ours, theirs = a_score("one", 0.5), a_score("one", 0.3)
    compared = compare_scores({"one": ours, "own": a_score("own", 1.0)}, {"one": theirs})
    assert list(compared) == ["one"]
    assert compared["one"].difference.to_dict() == compare_results(ours, theirs).difference.to_dict()
    with pytest.raises(InputError, match="--n-bootstrap 0 leaves it no draw"):
        compare_scores({"one": a_score("one", 0.5, 0)}, {"one": theirs})


def test_suites_by_name():
    assert wanted_suites("vision,human") == ["human", "vision"]
    with pytest.raises(InputError, match="--suite seeing: choose among human, vision, representation"):
        wanted_suites("human,seeing")
    check_belongs(["human"], {"--test": (False, ("vision",)), "--on": (True, ("human",))})
    with pytest.raises(InputError, match="--test is for --suite vision; add it"):
        check_belongs(["human"], {"--test": (True, ("vision",))})


def test_readers_are_of_options_that_there_are():
    parameters = inspect.signature(evaluate).parameters
    assert set(READERS) <= set(parameters)
    assert {reader for readers in READERS.values() for reader in readers} == set(SUITES)
