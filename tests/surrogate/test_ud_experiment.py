import json
from dataclasses import replace

import numpy as np
import pandas
import pytest
from rich.console import Console

from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.calibration import calibration
from alignet_hf.evaluation.human.noise_ceiling import noise_ceiling
from alignet_hf.evaluation.human.odd_one_out import similarities_accuracy
from alignet_hf.surrogate.labels import tally
from alignet_hf.surrogate.neighbourhoods import neighbourhood_preservation
from alignet_hf.surrogate.ud_experiment import ud_experiment
from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation
from alignet_hf.surrogate.vice import Vice
from alignet_hf.triplets import all_triplets, triplet_probabilities, triplet_similarities

# A world in which people see 3 of the 6 dimensions that the teacher represents; 8 people, who err by softmax.
RNG = np.random.default_rng(0)
TEACHER = RNG.normal(size=(24, 6)).astype(np.float32)
TRIPLETS = all_triplets(24)
PROBABILITIES = triplet_probabilities(triplet_similarities(1.5 * TEACHER[:, :3], TRIPLETS))


def people(n_people, probabilities=PROBABILITIES):
    """Each triplet judged by everyone, the odd one last; the pair comes in any order."""
    pairs = (RNG.random((n_people, len(TRIPLETS), 1)) > probabilities.cumsum(1)[:, :2]).sum(-1)
    order = np.array([[0, 1, 2], [2, 0, 1], [1, 2, 0]])[pairs]  # of pair ij, ik, jk
    return np.concatenate([np.take_along_axis(TRIPLETS, rows, 1) for rows in order])


CHOICES = people(8)
VICE = {"init_dim": 8, "max_epochs": 40, "cool_down": 4, "batch_size": 1024, "k": 2, "spike": 0.25}
OPTIONS = {"batch_size": None, "learning_rate": 1e-2, "max_epochs": 60, "validation": None}


# Soft labels of one's own, of each answer's pairs.
GIVEN = triplet_probabilities(triplet_similarities(1.5 * TEACHER[:, :3], CHOICES))


@pytest.fixture(scope="module")
def result():
    return ud_experiment(
        TEACHER,
        CHOICES,
        GIVEN,
        labels=("hard", "people", "vice", "given"),
        regularizations=(10.0, 1e-2),
        n_folds=2,
        n_neighbours=4,
        n_bootstrap=20,
        vice=VICE,
        seed=5,
        progress=False,
        **OPTIONS,
    )


def by_hand(labels, regularization):
    """Every number of one setting from its definition, VICE fitted to the training objects' choices alone."""
    halves = np.array_split(np.random.default_rng(5).permutation(24), 2)
    accuracies, kept, probabilities, shares = [], [], [], []
    for held in halves:
        others = np.setdiff1d(np.arange(24), held)
        training = CHOICES[np.isin(CHOICES, others).all(1)]
        counted = tally(training)
        learnt, targets = counted.triplets, {"hard": None, "people": counted.shares}.get(labels)
        if labels == "hard":  # without those on which two choices have equally many of the eight people
            ordered = np.sort(counted.counts, 1)
            learnt = learnt[ordered[:, 2] > ordered[:, 1]]
        if labels == "given":
            learnt, targets = training, GIVEN[np.isin(CHOICES, others).all(1)]
        if labels == "vice":
            vice = Vice.fit(np.searchsorted(others, training), 12, seed=5, progress=False, **VICE)
            targets = vice.triplet_probabilities(np.searchsorted(others, counted.triplets), seed=5)
        fitted = UncertaintyDistillation.fit(TEACHER, learnt, targets, regularization=regularization, seed=5, **OPTIONS)
        transformed = fitted.transform(TEACHER)
        held_out = CHOICES[np.isin(CHOICES, held).all(1)]  # people's own answers, one by one
        similarities = triplet_similarities(transformed, held_out)
        accuracies.append((similarities.argmax(1) == 0).mean())
        kept.extend(neighbourhood_preservation(TEACHER, transformed, 4)[held])
        counted = tally(held_out)
        probabilities.extend(triplet_probabilities(triplet_similarities(transformed, counted.triplets)))
        shares.extend(counted.shares)
    error = calibration(np.array(probabilities), np.array(shares), n_bootstrap=1).error.estimate
    return np.mean(accuracies), error, np.mean(kept)


@pytest.mark.parametrize(
    ("labels", "regularization"), [("hard", 10.0), ("people", 1e-2), ("vice", 1e-2), ("given", 1e-2)]
)
def test_every_number_from_its_definition(result, labels, regularization):
    setting = next(s for s in result.settings if (s.labels, s.regularization) == (labels, regularization))
    accuracy, error, kept = by_hand(labels, regularization)
    assert setting.accuracy.estimate == pytest.approx(accuracy)
    assert setting.folds.mean() == pytest.approx(accuracy)  # the folds are of one size
    assert setting.calibration.error.estimate == pytest.approx(error)
    assert setting.neighbourhood_preservation.estimate == pytest.approx(kept)


def test_finds_what_the_world_was_made_with(result):
    frame = result.to_frame()
    assert frame["labels"][0] == "none"
    frame = frame[1:].set_index(["labels", "regularization"])
    assert len(frame) == 8
    for labels in ("hard", "people", "vice", "given"):
        assert frame.loc[(labels, 1e-2), "accuracy"] > result.teacher.estimate + 0.05
    # Hard labels teach too much certainty; a strong penalty keeps more neighbours.
    assert frame.loc[("hard", 1e-2), "calibration_error"] > frame.loc[("people", 1e-2), "calibration_error"]
    preserved = frame["neighbourhood_preservation"].unstack("regularization")
    assert (preserved[10.0] > preserved[1e-2]).all()


def held_out_answers():
    """{triplet of one half of the objects: its eight answers, which of the three is odd}."""
    answers = {}
    for held in np.array_split(np.random.default_rng(5).permutation(24), 2):
        for triplet in CHOICES[np.isin(CHOICES, held).all(1)]:
            answers.setdefault(tuple(sorted(triplet)), []).append(sorted(triplet).index(triplet[2]))
    return answers


def test_the_ceiling_is_a_person_held_out(result):
    answers = np.array(list(held_out_answers().values()))
    assert answers.shape == (2 * 220, 8)
    expected = noise_ceiling(answers, n_bootstrap=0).estimate
    assert result.ceiling.estimate == pytest.approx(expected)
    assert expected < np.mean([np.bincount(row).max() / 8 for row in answers])  # of who counts himself
    for accuracy in (result.teacher, *(setting.accuracy for setting in result.settings)):
        assert accuracy.ceiling == pytest.approx(expected)
        assert accuracy.normalised == pytest.approx((accuracy.estimate - 1 / 3) / (expected - 1 / 3))


def test_intervals_are_over_the_objects_held_out(result):
    """Of the teacher, against the interval that `similarities_accuracy` draws over objects, a row an answer."""
    triplets = np.concatenate([[triplet] * 8 for triplet in held_out_answers()])
    odd = np.concatenate(list(held_out_answers().values()))
    order = np.array([[1, 2, 0], [0, 2, 1], [0, 1, 2]])[odd]
    triplets = np.take_along_axis(triplets, order, 1)
    expected = similarities_accuracy(triplet_similarities(TEACHER, triplets), triplets, n_bootstrap=20, seed=5)
    found = result.teacher
    assert (found.n_objects, found.over, found.chance) == (24, ("objects",), 1 / 3)
    assert found.estimate == pytest.approx(expected.estimate)
    np.testing.assert_allclose(found.samples, expected.samples)
    for setting in result.settings:
        for score in setting.scores.values():
            assert score.low <= score.high
            assert score.over == ("objects",)
            assert len(score.samples) == 20
    assert {setting.neighbourhood_preservation.chance for setting in result.settings} == {4 / 23}


def test_single_answers_have_no_ceiling_and_no_shares():
    options = {"regularizations": (1e-2,), "n_folds": 2, "n_neighbours": 3, "n_bootstrap": 5, "seed": 0, **OPTIONS}
    alone = people(1)
    result = ud_experiment(TEACHER, alone, labels=("hard",), progress=False, **options)
    assert result.ceiling is result.teacher.ceiling is result.chosen.accuracy.normalised is None
    assert "a person" not in str(result)
    with pytest.raises(InputError, match="each was judged once"):
        ud_experiment(TEACHER, alone, labels=("people",), progress=False, **options)


def test_given_labels_alone_are_the_default():
    options = {"regularizations": (1.0,), "n_folds": 2, "n_bootstrap": 5, "seed": 0, "progress": False, **OPTIONS}
    assert ud_experiment(TEACHER, CHOICES, GIVEN, **options).kinds == ("given",)


def test_the_seed_decides():
    options = {"labels": ("hard",), "regularizations": (1.0,), "n_folds": 2, "n_bootstrap": 5, "progress": False}
    first, again, other = (
        ud_experiment(TEACHER, CHOICES, seed=seed, **options, **OPTIONS).to_dict() for seed in (1, 1, 2)
    )
    assert first == again
    assert first["settings"] != other["settings"]


def test_prints_and_saves_itself(result, tmp_path):
    console = Console(width=160, record=True)
    console.print(result)
    text = console.export_text()
    names = "hard labels", "people's shares", "VICE's soft labels", "given soft labels", "4 neighbours kept [95 %]"
    for name in (*names, "none: the teacher", "a person, by the others", "chance"):
        assert name in text
    best = max(setting.accuracy.estimate for setting in result.settings)
    assert f"{best:.3f} of people's choices" in str(result)
    for setting in result.settings:
        for score in setting.scores.values():
            assert f"{score.estimate:.3f} [{score.low:.3f},\N{NO-BREAK SPACE}{score.high:.3f}]" in text
    result.save(tmp_path / "experiment")
    saved = json.loads((tmp_path / "experiment" / "experiment.json").read_text())
    assert saved == result.to_dict()
    assert saved["chosen"]["labels"] == result.chosen.labels
    setting = saved["settings"][0]
    assert setting["accuracy"] == result.settings[0].accuracy.to_dict()
    assert {"estimate", "low", "high", "chance", "ceiling", "normalised"} <= set(setting["accuracy"])
    table = pandas.read_csv(tmp_path / "experiment" / "experiment.csv")
    pandas.testing.assert_frame_equal(table, result.to_frame())
    assert {"accuracy_low", "chance", "ceiling", "normalised", "neighbourhood_preservation_high"} <= set(table)
    for name in ("trade_off.png", "reliability.png"):
        assert (tmp_path / "experiment" / name).read_bytes().startswith(b"\x89PNG")
    assert len(list((tmp_path / "experiment").iterdir())) == 4


def test_the_trade_off_shows_every_setting(result):
    left, right = result.draw().axes
    accuracies = {setting.accuracy.estimate for setting in result.settings}

    def dots(axis):
        return {tuple(point) for container in axis.containers for point in zip(*container[0].get_data(), strict=True)}

    assert dots(right) == {
        (setting.neighbourhood_preservation.estimate, setting.accuracy.estimate) for setting in result.settings
    }
    # On the left every kind has a place of its own at its lambda, which the axis names.
    assert len({x for x, _ in dots(left)}) == 8
    assert [label.get_text() for label in left.get_xticklabels()] == ["0.01", "10"]
    for x, accuracy in dots(left):
        assert {setting.accuracy.estimate: setting.regularization for setting in result.settings}[accuracy] == [
            0.01,
            10,
        ][round(x)]
    assert {accuracy for _, accuracy in dots(left)} == accuracies
    assert len(result.draw_reliability().axes) == 4


def test_the_chosen_setting_is_among_the_reliability_diagrams(result):
    least = max(setting.neighbourhood_preservation.estimate for setting in result.settings)
    chosen = replace(result, least_preservation=least)
    titles = [axis.get_title() for axis in chosen.draw_reliability().axes]
    assert any(f"{chosen.chosen.calibration.error.estimate:.3f}" in title for title in titles)


def test_choosing_under_a_condition(result):
    assert result.choose(labels="hard").labels == "hard"
    least = max(setting.neighbourhood_preservation.estimate for setting in result.settings)
    assert result.choose(least_preservation=least).neighbourhood_preservation.estimate == least
    with pytest.raises(InputError, match="leaves 1 of the neighbours; the most that any leaves is 0"):
        result.choose(least_preservation=1.0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"choices": [[0, 1, 24]]}, "triplets: row 0 is out of range"),
        ({"choices": [[0, 1, 2], [0, 1, 0]]}, "triplets: row 1 names an item twice"),
        ({"choices": [[0, 1, 2]]}, "n_folds: 2 folds of 3 objects"),
        ({"choices": CHOICES[:22]}, r"fold 0 has .* 0 held out"),
        ({"labels": ("hard", "hard")}, r"labels: .* each once"),
        ({"regularizations": ()}, r"regularizations: .* one or more"),
        ({"labels": ("soft",)}, "labels: 'soft' is not hard, people, vice or given"),
        ({"labels": ("hard", "given")}, "labels: given needs the probabilities that are given, and there are none"),
        ({"probabilities": GIVEN}, "labels: hard leaves the probabilities unused; add given"),
        ({"probabilities": GIVEN[:9], "labels": ("given",)}, r"probabilities: expected shape"),
        ({"probabilities": GIVEN[:, ::-1], "labels": ("given",)}, "people's choice in .* no more than by chance"),
        ({"probabilities": RNG.permuted(GIVEN, axis=1), "labels": ("given",)}, "no more than by chance"),
        ({"validation": 0.05}, r"validation=0\.05 has 159 triplets to train on and 0 held out"),
        ({"n_neighbours": 24}, "n_neighbours: 24 of 24 items"),
    ],
)
def test_bad_input_is_named(changed, message):
    options = {"choices": CHOICES, "labels": ("hard",), "n_folds": 2, "seed": 0, "progress": False, **OPTIONS}
    with pytest.raises(InputError, match=message):
        ud_experiment(TEACHER, **options | changed)
