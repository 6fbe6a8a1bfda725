"""Choices and noise ceilings of the 16 people against loops and scipy."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.demo import objects92
from alignet_hf.errors import InputError

PEOPLE = Dissimilarities(objects92.people())
OBJECTS = np.array([3, 17, 30, 45, 60, 75, 90])


def test_embedded_people_are_symmetric_and_in_the_order_of_the_photographs():
    assert PEOPLE.matrices.shape == (16, 92, 92)
    categories = np.array(objects92.categories())
    face = categories == "human face"
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


def test_a_person_s_tie_is_split():
    _, probabilities = Dissimilarities(np.ones((1, 3, 3)) - np.eye(3)).choices(np.arange(3))
    np.testing.assert_allclose(probabilities, np.full((1, 3), 1 / 3))


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
        (np.zeros((2, 3, 4)), "shape"),
        (np.full((1, 3, 3), np.nan), "person 0, row 0, column 0 holds nan"),
        (np.arange(18.0).reshape(2, 3, 3), "person 0 is not symmetric"),
    ],
)
def test_bad_matrices_are_named(matrices, message):
    with pytest.raises(InputError, match=message):
        Dissimilarities(matrices)


def test_load_reads_both_formats_and_names_what_it_cannot(tmp_path):
    matrices = PEOPLE.matrices[:2, :5, :5]
    np.savez(tmp_path / "people.npz", rdms=matrices)
    np.save(tmp_path / "mean.npy", matrices[0])
    np.testing.assert_array_equal(Dissimilarities.load(tmp_path / "people.npz").matrices, matrices)
    np.testing.assert_array_equal(Dissimilarities.load(tmp_path / "mean.npy").matrices, matrices[:1])
    with pytest.raises(InputError, match="no array 'other'"):
        Dissimilarities.load(tmp_path / "people.npz", "other")
    (tmp_path / "text.npy").write_text("no array")
    with pytest.raises(InputError, match=r"text\.npy: cannot be read"):
        Dissimilarities.load(tmp_path / "text.npy")
