"""People's judgments as triplets: soft labels are their probabilities again, hard ones their own choices."""

import numpy as np
import pytest

from alignet_hf.data.judgments import Judgments, from_choices, from_dissimilarities
from alignet_hf.data.people_triplets import people_triplets
from alignet_hf.data.similarity_sets import load_objects92
from alignet_hf.errors import InputError
from alignet_hf.triplets import triplet_probabilities


def arrays(dataset) -> tuple[np.ndarray, np.ndarray]:
    columns = dataset.with_format("numpy")
    return np.asarray(columns["indices"][:]), np.asarray(columns["similarities"][:])


def test_the_softmax_of_soft_labels_is_what_people_say():
    judgments = from_dissimilarities(load_objects92(), n_folds=3, fold=0, seed=0)
    indices, similarities = arrays(people_triplets(judgments, hard=False))
    assert (similarities[:, 0] >= similarities.max(1) - 1e-6).all()  # the odd one last
    said = {tuple(sorted(row)): shares for row, shares in zip(judgments.training, judgments.probabilities, strict=True)}
    for row, found in zip(indices[:300], triplet_probabilities(similarities[:300]), strict=True):
        np.testing.assert_allclose(np.sort(found), np.sort(said[tuple(sorted(row))]), atol=1e-5)
    assert not np.isin(indices, judgments.held_out_rows).any()


def test_hard_labels_are_people_s_own_choices_not_those_of_their_dimensions():
    rng = np.random.default_rng(0)
    choices = rng.permuted(np.tile(np.arange(30), (400, 1)), axis=1)[:, :3]
    options = {"n_folds": 3, "fold": 0, "seed": 0, "n_soft_triplets": 50}
    judgments = from_choices(choices, rng.random((30, 4)), {n: n for n in range(30)}, **options)
    own = choices[~np.isin(choices, judgments.held_out_rows).any(1)]
    indices, similarities = arrays(people_triplets(judgments, hard=True))
    np.testing.assert_array_equal(indices, own)
    assert (similarities == [1, 0, 0]).all()
    soft, _ = arrays(people_triplets(judgments, hard=False))
    assert len(soft) == len(judgments.training) <= 50
    lost = [int(np.setdiff1d(np.arange(30), judgments.held_out_rows)[0])]
    assert len(judgments.without(lost, 30).own_choices) == (~np.isin(own, lost).any(1)).sum()


def test_nothing_to_learn_from_is_said():
    nothing = np.empty((0, 3), np.int64)
    judgments = Judgments(nothing, np.empty((0, 3)), nothing, np.arange(3), np.eye(3), {})
    with pytest.raises(InputError, match="judged no triplet of training images alone"):
        people_triplets(judgments, hard=False)
