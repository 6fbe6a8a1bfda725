"""The scores on a set of judgments are those of the functions that measure them, each on its own rows of the images."""

import sys
from pathlib import Path

import numpy as np
import pytest

from alignet_hf.data.levels import load_levels
from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.errors import InputError
from alignet_hf.evaluation.comparison import compare_models
from alignet_hf.evaluation.human.noise_ceiling import noise_ceiling
from alignet_hf.evaluation.human.odd_one_out import model_similarities, odd_one_out_accuracy
from alignet_hf.evaluation.human.rsa import rsa
from alignet_hf.evaluation.on_people import People, compare, score
from alignet_hf.evaluation.scoring import Scoring

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))
from simulated_levels import simulated_trials, write_simulated, write_simulated_design

RNG = np.random.default_rng(0)
N = 60  # images, of which some are judged
EMBEDDINGS, OTHERS = RNG.normal(size=(2, N, 5))
CHOICES = np.array([[0, 2, 4], [2, 4, 6], [4, 6, 8], [0, 8, 2]])


def judgments(n_people: int, seed: int = 0, n_objects: int = 7) -> Dissimilarities:
    matrices = np.random.default_rng(seed).random((n_people, n_objects, n_objects))
    matrices += matrices.transpose(0, 2, 1)
    matrices[:, np.eye(n_objects, dtype=bool)] = 0
    return Dissimilarities(matrices)


ROWS = np.array([50, 8, 31, 3, 12, 40, 22])
APART, SINGLE = judgments(4), judgments(1, seed=1)
CATEGORIES = ("various", "animals", "automobiles", "fruits", "furniture", "vegetables")


def scored(people: People, **options) -> dict:
    return score(EMBEDDINGS[people.rows], people, Scoring(n_bootstrap=20, **options))


def test_every_set_is_scored_on_its_own_images():
    people = People(CHOICES, CHOICES[:2] + 20, {"matrices": (APART, ROWS), "cichy": (SINGLE, ROWS[::-1])})
    found = scored(people, similarity="cosine", rsa_similarity="dot", correlation="pearson", seed=3)
    options = {"n_bootstrap": 20, "seed": 3}
    expected = {
        "choices_odd_one_out_accuracy": odd_one_out_accuracy(EMBEDDINGS, CHOICES, similarity="cosine", **options),
        "things_odd_one_out_accuracy": odd_one_out_accuracy(
            EMBEDDINGS, CHOICES[:2] + 20, similarity="cosine", **options
        ),
        "matrices_odd_one_out_accuracy": odd_one_out_accuracy(
            EMBEDDINGS[ROWS],
            APART.choices(range(7))[0],
            similarity="cosine",
            ceiling=APART.noise_ceiling(np.arange(7))["odd_one_out_accuracy"],
            **options,
        ),
    }
    options |= {"similarity": "dot", "correlation": "pearson"}
    expected |= {
        "matrices_rsa_pearson": rsa(EMBEDDINGS[ROWS], -APART.mean(), **options),
        "matrices_rsa_pearson_by_person": rsa(EMBEDDINGS[ROWS], -APART.matrices, **options),
        "cichy_rsa_pearson": rsa(EMBEDDINGS[ROWS[::-1]], -SINGLE.mean(), **options),
    }
    assert set(found) == {*expected, "cichy_odd_one_out_accuracy"}
    for name, one in expected.items():
        assert found[name] == one, name
    assert found["matrices_rsa_pearson_by_person"].upper_ceiling is not None
    assert found["cichy_odd_one_out_accuracy"].ceiling is None


def test_intervals_are_drawn_over_what_is_asked_where_a_score_can_be():
    people = People(CHOICES, matrices={"matrices": (APART, ROWS)})
    by_people = scored(people, over=("objects", "people"))
    assert by_people["matrices_rsa_spearman_by_person"].over == ("objects", "people")
    assert by_people["matrices_rsa_spearman"].over == by_people["matrices_odd_one_out_accuracy"].over == ("objects",)
    by_triplet = scored(people, over=("triplets",))
    assert (
        by_triplet["choices_odd_one_out_accuracy"].over
        == by_triplet["matrices_odd_one_out_accuracy"].over
        == ("triplets",)
    )
    assert by_triplet["matrices_rsa_spearman"].over == ("objects",)
    people.check_over(("triplets",))
    People(matrices={"matrices": (APART, ROWS)}).check_over(("people", "objects"))


@pytest.mark.parametrize(
    ("people", "over", "message"),
    [
        (People(CHOICES), ("people",), "over people: no score on choices .* drawn over objects, triplets"),
        (People(CHOICES), ("objects", "people"), "over objects,people: no score on choices"),
        (People(matrices={"king": (SINGLE, ROWS)}), ("people",), "over people: no score on king .* objects, triplets$"),
        (People(matrices={"king": (APART, ROWS)}), ("triplets", "people"), "over triplets,people: no score on king"),
    ],
)
def test_what_no_score_of_a_set_is_drawn_over_is_refused(people, over, message):
    with pytest.raises(InputError, match=message):
        people.check_over(over)


def test_two_encoders_are_compared_on_petersons_categories_by_the_names_of_their_scores():
    people = People(matrices={f"peterson/{name}": (judgments(1), ROWS) for name in CATEGORIES[:2]})
    scoring = Scoring(n_bootstrap=5)
    found = compare(EMBEDDINGS[people.rows], OTHERS[people.rows], people, scoring)
    assert set(found) == set(score(EMBEDDINGS[people.rows], people, scoring))


def test_petersons_levels_are_various_and_the_mean_of_the_other_five():
    sets = {f"peterson/{name}": (judgments(1, seed), ROWS + seed) for seed, name in enumerate(CATEGORIES)}
    found = scored(People(matrices=sets))
    assert found["peterson_rsa_spearman/coarse"] == found["peterson_rsa_spearman/various"]
    fine = [found[f"peterson_rsa_spearman/{name}"] for name in CATEGORIES[1:]]
    mean = found["peterson_rsa_spearman/fine"]
    assert mean.estimate == pytest.approx(np.mean([one.estimate for one in fine]))
    np.testing.assert_allclose(mean.samples, np.mean([one.samples for one in fine], 0))
    assert mean.n_objects == 35
    for name in CATEGORIES:
        rows = sets[f"peterson/{name}"][1]
        expected = rsa(EMBEDDINGS[rows], -sets[f"peterson/{name}"][0].mean(), n_bootstrap=0).estimate
        assert found[f"peterson_rsa_spearman/{name}"].estimate == pytest.approx(expected)
    # The same places in two categories are other objects: their draws must not be the same.
    twice = {f"peterson/{name}": (judgments(1), ROWS) for name in CATEGORIES}
    same = scored(People(matrices=twice))
    first, second = (same[f"peterson_rsa_spearman/{name}"] for name in CATEGORIES[1:3])
    assert first.estimate == second.estimate
    assert not np.array_equal(first.samples, second.samples)


def test_two_encoders_are_compared_on_choices_and_matrices():
    people = People(CHOICES, matrices={"matrices": (APART, ROWS), "king": (SINGLE, ROWS)})
    scoring = Scoring(n_bootstrap=30, similarity="cosine", correlation="kendall", seed=1)
    found = compare(EMBEDDINGS[people.rows], OTHERS[people.rows], people, scoring)
    assert set(found) == {
        "choices_odd_one_out_accuracy",
        "matrices_odd_one_out_accuracy",
        "king_odd_one_out_accuracy",
        "matrices_rsa_kendall",
        "matrices_rsa_kendall_by_person",
        "king_rsa_kendall",
    }
    own = score(EMBEDDINGS[people.rows], people, scoring)
    theirs = score(OTHERS[people.rows], people, scoring)
    for name, one in found.items():  # the comparison is of the scores of its name
        assert one.difference.estimate == pytest.approx(own[name].estimate - theirs[name].estimate), name
        assert one.second.estimate == pytest.approx(theirs[name].estimate), name
    assert found["matrices_odd_one_out_accuracy"].p_mcnemar is None
    similarities = [model_similarities(rows, CHOICES, "cosine") for rows in (EMBEDDINGS, OTHERS)]
    assert found["choices_odd_one_out_accuracy"] == compare_models(*similarities, CHOICES, n_bootstrap=30, seed=1)
    one, other = (
        rsa(rows[ROWS], -APART.matrices, correlation="kendall", n_bootstrap=30, seed=1) for rows in (EMBEDDINGS, OTHERS)
    )
    np.testing.assert_allclose(found["matrices_rsa_kendall_by_person"].difference.samples, one.samples - other.samples)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"similarity": "euclid"}, "similarity is 'euclid'; it must be one of dot, cosine, pearson"),
        ({"rsa_similarity": "euclid"}, "rsa_similarity is 'euclid'"),
        ({"correlation": "tau"}, "correlation is 'tau'; it must be one of spearman, pearson, kendall"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"over": ("birds",)}, "over is 'birds'; give one of objects, triplets, people"),
        ({"over": ("objects", "triplets")}, "over is 'objects,triplets'"),
    ],
)
def test_what_is_no_way_of_scoring_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        Scoring(**options)


def test_levels_ceilings_are_those_of_the_triplets_with_a_majority(tmp_path):
    """Of the triplets that are scored, not of all: those without a majority have the lowest agreement."""
    design = write_simulated_design(tmp_path / "design.csv")
    write_simulated(tmp_path / "raw", simulated_trials(design))
    names = sorted({name for row in load_levels(tmp_path / "raw") for name in row["filenames"]})
    levels = load_levels(tmp_path / "raw", names)
    people = People(levels=(levels, 0))
    found = score(RNG.normal(size=(len(names), 5)), people, Scoring(n_bootstrap=0))
    choices = levels.choice_matrix()
    for level in set(levels.levels):
        rows = [n for n, row in enumerate(levels) if levels.levels[n] == level and row["majority"] is not None]
        n_all = levels.levels.count(level)
        assert 0 < len(rows) < n_all
        one = found[f"levels_odd_one_out_accuracy/{level}"]
        assert one.ceiling == noise_ceiling(choices[rows], n_bootstrap=0).estimate
        assert f"on {len(rows)} of {n_all} triplets, those with a majority" in str(one)


def test_levels_have_no_ceiling_where_few_triplets_were_judged_by_several(tmp_path, monkeypatch):
    write_simulated(tmp_path / "raw", simulated_trials(write_simulated_design(tmp_path / "design.csv")))
    names = sorted({name for row in load_levels(tmp_path / "raw") for name in row["filenames"]})
    levels = load_levels(tmp_path / "raw", names)
    choices = levels.choice_matrix()
    _, rows = levels.majority_triplets()
    alone = choices.copy()
    for row in np.delete(rows, 0):  # all but one keep their first answer only
        alone[row, np.flatnonzero(alone[row] >= 0)[1:]] = -1
    monkeypatch.setattr(type(levels), "choice_matrix", lambda self: alone)
    found = score(RNG.normal(size=(len(names), 5)), People(levels=(levels, 0)), Scoring(n_bootstrap=0), note=print)
    accuracies = {name: one.ceiling for name, one in found.items() if name.startswith("levels_odd_one_out_accuracy")}
    assert set(accuracies.values()) == {None}
