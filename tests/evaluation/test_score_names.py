"""Every score that a suite of `evaluate` can give has its words: the suites are run, and their names looked up."""

import string
import sys
from pathlib import Path

import numpy as np
import pytest

from alignet_hf.data.levels import load_levels
from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.data.similarity_sets import PETERSON_COARSE, PETERSON_FINE
from alignet_hf.evaluation import score_names
from alignet_hf.evaluation.inputs import OPTIONS, RSA
from alignet_hf.evaluation.on_people import People, Scoring, compare, score
from alignet_hf.evaluation.representation.categories import Categories
from alignet_hf.evaluation.representation.scores import Kinds, change, structure
from alignet_hf.evaluation.score_names import is_named, score_name
from alignet_hf.evaluation.score_words import KINDS, LESS, OTHER
from alignet_hf.evaluation.vision.corruptions import CORRUPTIONS, SEVERITIES
from alignet_hf.evaluation.vision.data import VisionEmbeddings
from alignet_hf.evaluation.vision.labelled import LabelledEmbeddings
from alignet_hf.evaluation.vision.scores import VisionOptions, vision_scores
from alignet_hf.evaluation.vision.superclass_tasks import SuperclassTask

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))
from simulated_levels import simulated_trials, write_simulated, write_simulated_design

RNG = np.random.default_rng(0)
CLASSES = ("ant", "bee", "cat", "car")


def judgments(n_people: int) -> Dissimilarities:
    matrices = RNG.random((n_people, 7, 7))
    matrices += matrices.transpose(0, 2, 1)
    matrices[:, np.eye(7, dtype=bool)] = 0
    return Dissimilarities(matrices)


@pytest.fixture(scope="module")
def of_people(tmp_path_factory) -> set[str]:
    """Names on every data set that there is an option for, with every correlation."""
    folder = tmp_path_factory.mktemp("levels")
    write_simulated(folder / "raw", simulated_trials(write_simulated_design(folder / "design.csv")))
    levels = load_levels(
        folder / "raw", sorted({name for row in load_levels(folder / "raw") for name in row["filenames"]})
    )
    sets = [name for name in RSA if name != "peterson"]
    sets += [f"peterson/{category}" for category in (PETERSON_COARSE, *PETERSON_FINE)]
    choices = np.array([[0, 2, 4], [2, 4, 6], [4, 6, 8], [0, 8, 2]])
    matrices = {name: (judgments(2), np.arange(7)) for name in sets}
    people = People(choices, choices, matrices, (levels, 0))
    embeddings = RNG.normal(size=(len(people.rows), 5))
    names = set()
    for correlation in ("spearman", "pearson", "kendall"):
        scoring = Scoring(n_bootstrap=2, correlation=correlation)
        names |= set(score(embeddings, people, scoring))
        names |= set(compare(embeddings, embeddings[:, ::-1] ** 2, people, scoring))
    return names


def labelled(n: int, prefix: str, classes: tuple[str, ...] = CLASSES) -> LabelledEmbeddings:
    labels = np.arange(n) % len(classes)
    rows = RNG.normal(size=(n, 6)).astype(np.float32) + labels[:, None]
    return LabelledEmbeddings(rows, labels, classes, [f"{prefix}{row}.JPEG" for row in range(n)])


@pytest.fixture(scope="module")
def of_vision() -> set[str]:
    """Names of every test of `vision`."""
    test = labelled(16, "v")
    robustness = {f"imagenet-{letter}": labelled(8, letter) for letter in ("v2", "a", "r")}
    robustness |= {f"imagenet-c/{corruption}/{severity}": test for corruption in CORRUPTIONS for severity in SEVERITIES}
    task = SuperclassTask("living17", ("n1", "n2"), ("one", "two"), (("ant",), ("cat",)), (("bee",), ("car",)))
    data = VisionEmbeddings(
        labelled(60, "t"),
        test,
        {"pets": (labelled(24, "p"), test)},
        {"living17": task},
        robustness,
        [(CLASSES[label],) for label in test.labels],
        {"textures": labelled(9, "o")},
    )
    options = VisionOptions((1, 2), ("ridge", "logistic"), n_draws=2, n_bootstrap=2)
    return set(vision_scores(data, options))


@pytest.fixture(scope="module")
def of_representation() -> set[str]:
    """Names of every test of `representation`."""
    table = {"ant": ("insect", "animal"), "bee": ("insect", "animal"), "cat": ("mammal", "animal")}
    table |= {"car": ("vehicle", "thing"), "cup": ("dish", "thing")}
    categories = Categories.from_table(table)
    labels, kinds = list(table) * 8, Kinds(categories, categories)
    before, after = RNG.normal(size=(2, len(labels), 6))
    changed = change(before, after, labels, kinds, n_bootstrap=2, n_permutations=2)
    assert changed.neighbours.same_category
    return {*structure(before, labels, kinds, n_bootstrap=2).scores, *changed.scores, "neighbours_same_category"}


def test_every_score_of_people_has_a_name(of_people):
    assert {name for name in of_people if not is_named(name)} == set()
    for data in OPTIONS:
        assert any(name.startswith(f"{data}_") for name in of_people), data
    measures = ("levels_agreement", "levels_calibration", "levels_uncertainty", "peterson_rsa_kendall/fine")
    assert all(any(name.startswith(measure) for name in of_people) for measure in measures)


def test_every_score_of_vision_has_a_name(of_vision):
    assert {name for name in of_vision if not is_named(name)} == set()
    parts = ("few_shot_accuracy/pets", "robustness_accuracy/imagenet-real", "mean_corruption_error/alexnet-relative")
    parts += ("ood_fpr95/textures", "breeds_accuracy_change", "calibration_error/scaled", "knn_accuracy/20-majority")
    assert all(any(name.startswith(part) for name in of_vision) for part in parts)


def test_every_score_of_representation_has_a_name(of_representation):
    assert {name for name in of_representation if not is_named(name)} == set()
    assert {"distance_change/block_structure", "scaled_distance_change/same_basic", "cka"} <= of_representation


def test_names_say_what_they_are_in_one_line(of_people, of_vision, of_representation):
    names = of_people | of_vision | of_representation
    words = {name: score_name(name) for name in names}
    assert len({one.title for one in words.values()}) == len(names)  # none is called as another
    for name, one in words.items():
        assert one.kind in KINDS[:-1], name
        assert one.which_is_better.endswith("is better."), name
        assert one.says.endswith(".")
        for text in (one.title, one.says):
            assert "_" not in text
            assert text[0] in string.ascii_uppercase + string.digits
            assert not set(text) & set("{}")


def test_every_entry_of_the_table_is_of_some_score(of_people, of_vision, of_representation):
    names = of_people | of_vision | of_representation
    patterns = score_names._PATTERNS
    assert [one.pattern for one in patterns if not any(one.fullmatch(name) for name in names)] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("calibration_error/scaled", True),
        ("levels_calibration/fine-grained", True),
        ("brier_score/unscaled", True),
        ("log_loss/scaled", True),
        ("ood_fpr95/knn", True),
        ("ood_fpr95/noise/knn", True),
        ("corruption_error/fog", True),
        ("mean_corruption_error/alexnet", True),
        ("ood_auroc/knn", False),
        ("few_shot_accuracy/1-shot", False),
        ("effective_rank", False),
    ],
)
def test_errors_and_losses_are_better_where_they_are_less(name, expected):
    assert (score_name(name).better == LESS) == expected


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("few_shot_accuracy/things/10-shot-logistic", "10-shot accuracy on things, logistic regression"),
        ("few_shot_accuracy/1-shot", "1-shot accuracy"),
        ("levels_odd_one_out_accuracy/fine-grained", "Odd-one-out accuracy, Levels, fine-grained"),
        (
            "peterson_rsa_kendall_by_person/fruits",
            "Similarities like people's (RSA), Peterson, fruits, person by person (Kendall's tau)",
        ),
        ("ood_auroc/textures/knn", "Detection (textures), by distance of neighbours"),
        ("scaled_distance_change/same_basic", "Change of scaled distances, same basic category"),
    ],
)
def test_titles(name, title):
    assert score_name(name).title == title


def test_a_score_that_the_table_does_not_have_is_called_by_its_identifier():
    assert not is_named("a_score/of-old")
    one = score_name("a_score/of-old")
    assert (one.title, one.says, one.kind, one.which_is_better) == ("a score, of-old", "", OTHER, "")
