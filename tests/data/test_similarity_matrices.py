"""Choices and noise ceilings of the 16 people against loops and scipy."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import spearmanr

from alignet_hf.data.images import ImageFolder
from alignet_hf.data.images.classes import class_labels
from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.demo import objects92
from alignet_hf.errors import InputError

PEOPLE = Dissimilarities(objects92.people())
OBJECTS = np.array([3, 17, 30, 45, 60, 75, 90])


def changed(person: int, row: int, column: int, value: float) -> np.ndarray:
    """Two people's matrices of six objects with one entry that is wrong."""
    matrices = PEOPLE.matrices[:2, :6, :6].copy()
    matrices[person, row, column] = value
    return matrices


def test_embedded_people_are_symmetric_and_in_the_order_of_the_photographs():
    assert PEOPLE.matrices.shape == (16, 92, 92)
    names = ImageFolder(objects92.FOLDER / "images").names
    face = class_labels(names) == "human_face"
    mean = PEOPLE.mean()
    assert mean[np.ix_(face, face)].mean() < 0.5 * mean[np.ix_(face, ~face)].mean()


def test_choices_match_a_loop():
    triplets, probabilities = PEOPLE.choices(OBJECTS)
    assert len(triplets) == 35
    mean = PEOPLE.mean()
    for (i, j, k), row in zip(triplets, probabilities, strict=True):
        assert mean[i, j] <= min(mean[i, k], mean[j, k])  # the odd one of the mean person is last
        chosen = [np.argmin([m[i, j], m[i, k], m[j, k]]) for m in PEOPLE.matrices]
        np.testing.assert_allclose(row, np.bincount(chosen, minlength=3) / 16)


@pytest.mark.parametrize("person", [0, 15])
def test_choices_of_one_person_match_a_loop(person):
    triplets, probabilities = PEOPLE.choices(OBJECTS, person=person)
    matrix = PEOPLE.matrices[person]
    expected = {}
    for i, j, k in combinations(OBJECTS.tolist(), 3):
        pairs = sorted([(matrix[i, j], k), (matrix[i, k], j), (matrix[j, k], i)])
        if pairs[0][0] < pairs[1][0]:
            expected[frozenset((i, j, k))] = pairs[0][1]
    assert {frozenset(row): row[2] for row in triplets.tolist()} == expected
    for (i, j, k), row in zip(triplets, probabilities, strict=True):
        chosen = [np.argmin([m[i, j], m[i, k], m[j, k]]) for m in PEOPLE.matrices]
        np.testing.assert_allclose(row, np.bincount(chosen, minlength=3) / 16)
    alone, certain = Dissimilarities(PEOPLE.matrices[person : person + 1]).choices(OBJECTS)
    np.testing.assert_array_equal(alone, triplets)
    np.testing.assert_array_equal(certain, np.tile([1, 0, 0], (len(alone), 1)))


def test_choices_of_matrices_from_anywhere_are_of_all_objects():
    """Likert similarities, as `ratings` and `from_similarities` turn them round: the most similar pair is 0, 1."""
    people = Dissimilarities.from_similarities(np.array([[0, 7, 1, 4], [7, 0, 2, 5], [1, 2, 0, 6], [4, 5, 6, 0]]))
    triplets, probabilities = people.choices()
    assert triplets.tolist() == [[0, 1, 2], [0, 1, 3], [2, 3, 0], [2, 3, 1]]
    np.testing.assert_array_equal(probabilities, np.tile([1, 0, 0], (4, 1)))


@pytest.mark.parametrize(
    ("objects", "person", "message"),
    [
        ([0, 1, 92], None, "no object 92; .* of 0 to 91"),
        ([0, -1, 2], None, "no object -1"),
        ([0, 1, 1, 2], None, r"objects \[0, 1, 1, 2\]; expected three or more different"),
        ([0, 1], None, r"objects \[0, 1\]"),
        (None, 16, "no person 16 among 16"),
        (None, -1, "no person -1"),
    ],
)
def test_choices_of_nothing_there_are_refused(objects, person, message):
    with pytest.raises(InputError, match=f"dissimilarities: {message}"):
        PEOPLE.choices(objects, person=person)


def test_a_person_s_tie_is_split():
    decided = np.array([[0, 1, 2, 3], [1, 0, 2, 3], [2, 2, 0, 3], [3, 3, 3, 0]], float)
    undecided = np.ones((4, 4)) - np.eye(4)
    triplets, probabilities = Dissimilarities(np.stack([decided, undecided])).choices(np.arange(3))
    np.testing.assert_array_equal(triplets, [[0, 1, 2]])
    np.testing.assert_allclose(probabilities, [[(1 + 1 / 3) / 2, 1 / 6, 1 / 6]])


def test_noise_ceiling_matches_scipy():
    upper = np.triu_indices(len(OBJECTS), 1)
    matrices = PEOPLE.matrices[:, OBJECTS][:, :, OBJECTS]
    expected = [
        spearmanr(person[upper], np.delete(matrices, n, 0).mean(0)[upper]).statistic
        for n, person in enumerate(matrices)
    ]
    ceiling = PEOPLE.noise_ceiling(OBJECTS)
    np.testing.assert_allclose(ceiling["rsa_spearman"], np.mean(expected), atol=1e-6)
    assert 1 / 3 < ceiling["odd_one_out_accuracy"] < 1


@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        (np.zeros((2, 4, 5)), "shape"),
        (np.zeros((1, 3, 3)), "1 people, 3 objects; at least 4 are needed"),
        (np.zeros((0, 5, 5)), "0 people"),
        (changed(1, 0, 3, np.nan), "person 1, row 0, column 3 holds nan"),
        (changed(1, 3, 1, 9.0), "person 1 is not symmetric: .* row 1, column 3 holds .*, row 3, column 1 9.0"),
        (changed(0, 2, 2, 0.5), r"person 0, row 2, column 2 holds 0\.5, .*kind=\"similarity\""),
    ],
)
def test_bad_matrices_are_named(matrices, message):
    with pytest.raises(InputError, match=message):
        Dissimilarities(matrices)


def test_similarities_are_turned_round():
    rating = np.array([[10, 7, 1, 4], [7, 10, 2, 5], [1, 2, 10, 6], [4, 5, 6, 10]])
    people = Dissimilarities.from_similarities(rating)
    np.testing.assert_array_equal(people.matrices[0] + rating * (1 - np.eye(4)), 7 * (1 - np.eye(4)))
    assert Dissimilarities.from_similarities(rating, maximum=10).matrices[0, 0, 1] == 3
    upper = np.triu_indices(4, 1)
    assert spearmanr(people.mean()[upper], rating[upper]).statistic == pytest.approx(-1)
    with pytest.raises(InputError, match=r"7\.0 is more than the maximum of the scale, 5"):
        Dissimilarities.from_similarities(rating, maximum=5)
    unrated = rating.astype(float)
    np.fill_diagonal(unrated, np.nan)  # nobody is asked how alike an object is to itself
    np.testing.assert_array_equal(Dissimilarities.from_similarities(unrated).matrices, people.matrices)
    unrated[1, 2] = np.nan
    with pytest.raises(InputError, match="row 1, column 2 holds nan"):
        Dissimilarities.from_similarities(unrated)


@pytest.mark.parametrize(
    ("names", "message"), [(["a"] * 5, "the name 'a' comes twice"), (["a", "b"], "2 names for 5 objects")]
)
def test_bad_names_are_refused(names, message):
    with pytest.raises(InputError, match=message):
        Dissimilarities(PEOPLE.matrices[:, :5, :5], names)


def test_objects_find_their_images_by_name_and_never_by_place():
    order = np.random.default_rng(0).permutation(92)
    photographs = ImageFolder(objects92.FOLDER / "images")
    names = [photographs.names[row] for row in order]
    shuffled = Dissimilarities(PEOPLE.matrices[:, order][:, :, order], names)
    rows = shuffled.rows_in(photographs)
    np.testing.assert_array_equal(rows, order)
    in_order = shuffled.in_order_of(photographs)
    assert in_order.names == tuple(photographs.names)
    np.testing.assert_array_equal(in_order.matrices, PEOPLE.matrices)
    more = ["extra.jpg", *(f"folder/{name}" for name in photographs.names)]
    np.testing.assert_array_equal(shuffled.rows_in(more), order + 1)
    with pytest.raises(InputError, match="92 objects were judged, but there are 93 images"):
        shuffled.in_order_of(more)
    with pytest.raises(InputError, match=r"1 of 92 names \(00_human_bodypart\.jpg\) are not among the 91 images"):
        shuffled.rows_in(photographs.names[1:])
    with pytest.raises(InputError, match="the objects have no names"):
        PEOPLE.rows_in(photographs)


def test_load_checks_names_against_the_file_s_own(tmp_path):
    matrices, names = PEOPLE.matrices[:2, :5, :5], ["a", "b", "c", "d", "e"]
    np.savez(tmp_path / "people.npz", rdms=matrices, names=names)
    assert Dissimilarities.load(tmp_path / "people.npz").names == tuple(names)
    assert Dissimilarities.load(tmp_path / "people.npz", names=names).names == tuple(names)
    with pytest.raises(
        InputError, match=r"people\.npz: .*another order than the names given: number 2 is \['b'\] in the"
    ):
        Dissimilarities.load(tmp_path / "people.npz", names=["a", "c", "b", "d", "e"])


def test_load_reads_both_formats_and_names_what_it_cannot(tmp_path):
    matrices = PEOPLE.matrices[:2, :5, :5]
    np.savez(tmp_path / "people.npz", rdms=matrices)
    np.save(tmp_path / "mean.npy", matrices[0])
    np.testing.assert_array_equal(Dissimilarities.load(tmp_path / "people.npz").matrices, matrices)
    np.testing.assert_array_equal(Dissimilarities.load(tmp_path / "mean.npy").matrices, matrices[:1])
    likert = Dissimilarities.load(tmp_path / "mean.npy", kind="similarity")
    np.testing.assert_allclose(likert.matrices, (matrices[:1].max() - matrices[:1]) * (1 - np.eye(5)))
    np.save(tmp_path / "odd.npy", changed(0, 1, 2, 5.0))
    with pytest.raises(InputError, match=r"odd\.npy: .*the matrix of person 0 is not symmetric"):
        Dissimilarities.load(tmp_path / "odd.npy")
    with pytest.raises(InputError, match="no array 'other'"):
        Dissimilarities.load(tmp_path / "people.npz", "other")
    (tmp_path / "text.npy").write_text("no array")
    with pytest.raises(InputError, match=r"text\.npy: cannot be read"):
        Dissimilarities.load(tmp_path / "text.npy")


def test_a_triplet_that_people_tie_on_is_no_choice():
    matrix = np.array([[0, 1, 1, 3], [1, 0, 2, 3], [1, 2, 0, 3], [3, 3, 3, 0]], float)
    triplets, probabilities = Dissimilarities(matrix[None]).choices(np.arange(4))
    assert {tuple(sorted(row)) for row in triplets.tolist()} == {(0, 1, 3), (0, 2, 3), (1, 2, 3)}  # 0, 1, 2 ties
    assert len(probabilities) == 3


def test_the_ceiling_leaves_out_what_a_person_s_ratings_tie_in():
    """Rounded to 0 to 9 they tie as ratings do; against a loop, and people who agree in all predict one another."""
    matrices = np.round(300 * PEOPLE.matrices[:5][:, OBJECTS][:, :, OBJECTS])
    people, scores = Dissimilarities(matrices), []
    for number, person in enumerate(matrices):
        others = np.delete(matrices, number, 0).mean(0)
        correct = []
        for i, j, k in combinations(range(7), 3):
            theirs, predicted = ([m[i, j], m[i, k], m[j, k]] for m in (person, others))
            if theirs.count(min(theirs)) == 1:
                best = theirs.index(min(theirs))
                correct.append(all(predicted[best] < value for n, value in enumerate(predicted) if n != best))
        assert 0 < len(correct) < 35
        scores.append(np.mean(correct))
    assert people.noise_ceiling(np.arange(7))["odd_one_out_accuracy"] == pytest.approx(np.mean(scores))
    alike = Dissimilarities(np.repeat(matrices[:1], 3, 0))
    assert alike.noise_ceiling(np.arange(7))["odd_one_out_accuracy"] == 1
