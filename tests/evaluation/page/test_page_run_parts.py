"""What a run's page is made of, against functions that take the embeddings themselves."""

from dataclasses import replace

import numpy as np
import pytest

from alignet_hf.data.judgments import Judgments
from alignet_hf.evaluation.comparison import compare_models
from alignet_hf.evaluation.page import run_scores
from alignet_hf.evaluation.page.run_parts import AFTER, BEFORE, COMPARED, DIRECT, RunParts
from alignet_hf.triplets import is_correct, triplet_similarities


@pytest.fixture(scope="module")
def parts(made_run) -> RunParts:
    return RunParts(made_run, made_run.metrics)


def test_differences_are_those_of_the_embeddings_and_of_the_table(parts, made_run):
    triplets = made_run.judgments.held_out
    similarities = [triplet_similarities(made_run.embeddings[name], triplets) for name in ("alignet", "original")]
    expected = compare_models(*similarities, triplets, n_bootstrap=40, seed=0)
    found = parts.comparisons[AFTER, BEFORE, "odd_one_out_accuracy"]
    assert found.difference.estimate == pytest.approx(expected.difference.estimate)
    np.testing.assert_allclose(found.difference.samples, expected.difference.samples, atol=1e-12)
    before, after = (made_run.metrics["student"][name]["rsa_spearman"] for name in ("original", "alignet"))
    difference = parts.comparisons[AFTER, BEFORE, "rsa_spearman"].difference
    assert difference.estimate == pytest.approx(after["estimate"] - before["estimate"])


def test_all_pairs_that_there_are_are_compared_and_corrected_together(parts):
    pairs = [pair for pair in COMPARED if DIRECT not in pair]
    assert [(first, second) for first, second, measure in parts.comparisons if measure == "rsa_spearman"] == pairs
    raw = [one.p_bootstrap for one in parts.comparisons.values()]
    adjusted = [one.p_adjusted for one in parts.comparisons.values()]
    assert max(adjusted) <= 1
    assert all(after >= before for before, after in zip(raw, adjusted, strict=True))
    assert min(adjusted) == pytest.approx(min(1, min(raw) * len(raw)))


def test_the_photographs_are_all_that_any_part_shows(parts):
    shown = set(parts.photographs.numbers)
    assert set(np.unique(parts.explorer.triplets).tolist()) <= shown
    assert set(parts.neighbours.rows().tolist()) <= shown
    assert shown == set(parts.held_out.tolist())


def test_chance_stands_in_words_wherever_it_is_drawn(parts):
    """A drawing is hidden from screen readers: what it draws is said in a row of its own."""
    for table in run_scores.tables(parts):
        drawn = {score.chance for row in table.rows.values() for score in row if score and score.chance is not None}
        said = {score.estimate for score in table.rows.get("chance", []) if score is not None}
        assert drawn <= said | {0.0}, table.title  # of differences, none: 0


def test_the_student_is_shown_by_how_sure_people_are(parts, made_run):
    (table,) = [table for table in run_scores.tables(parts) if table.title == "Where people are unsure"]
    judgments = made_run.judgments
    right = is_correct(triplet_similarities(made_run.student_embeddings("alignet"), judgments.held_out))
    sure = np.round(100 * judgments.held_out_shares[:, 0]) >= 80
    (name,) = [name for name in table.rows if name.startswith("agree")]
    mean = judgments.held_out_shares[sure, 0].mean()
    assert name.endswith(f"; {sure.sum():,} triplets, {mean:.0%} of people on average")
    _, after = table.rows[name]
    assert after.estimate == pytest.approx(right[sure].mean())
    nobody_says = replace(made_run, judgments=replace(judgments, held_out_shares=None))
    titles = [table.title for table in run_scores.tables(RunParts(nobody_says, made_run.metrics))]
    assert "Where people are unsure" not in titles


def test_shares_follow_judgments_whose_photographs_are_lost(made_run):
    judgments = made_run.judgments
    lost = judgments.held_out_rows[:2]
    kept = judgments.without(lost, 92)
    assert isinstance(kept, Judgments)
    assert len(kept.held_out_shares) == len(kept.held_out) < len(judgments.held_out)
    intact = ~np.isin(judgments.held_out, lost).any(1)
    np.testing.assert_array_equal(kept.held_out_shares, judgments.held_out_shares[intact])
