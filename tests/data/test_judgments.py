"""The split of human judgments: no held-out object leaks into training."""

import numpy as np
import pytest

from alignet_hf.data.judgments import folds, from_choices, from_dissimilarities
from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.demo import objects92
from alignet_hf.errors import InputError
from alignet_hf.triplets import triplet_probabilities, triplet_similarities

EMBEDDING = np.abs(np.random.default_rng(0).normal(size=(40, 6)))
# Concepts 0 and 1 share an image; 30 to 39 have none.
IMAGES = {0: 100, 1: 100} | {concept: 99 - concept for concept in range(2, 30)}
CHOICES = np.random.default_rng(1).permuted(np.tile(np.arange(40), (4000, 1)), axis=1)[:, :3]


def test_folds_deal_every_object_once():
    dealt = folds(92, 3, seed=0)
    assert [len(fold) for fold in dealt] == [31, 31, 30]
    assert sorted(np.concatenate(dealt)) == list(range(92))
    with pytest.raises(InputError, match="3 folds"):
        folds(8, 3, seed=0)


@pytest.mark.parametrize("fold", range(3))
def test_matrices_split_by_objects(fold):
    people = Dissimilarities(objects92.people())
    judgments = from_dissimilarities(people, n_folds=3, fold=fold, seed=0)
    held_out = set(judgments.held_out_rows)
    assert not held_out & set(judgments.training.ravel())
    assert set(judgments.held_out.ravel()) == held_out
    first, second = judgments.held_out_rows[:2]
    assert judgments.similarities[0, 1] == -people.mean()[first, second]


def test_choices_split_by_images():
    judgments = from_choices(CHOICES, EMBEDDING, IMAGES, n_folds=3, fold=0, seed=0, n_soft_triplets=500)
    held_out = set(judgments.held_out_rows)
    assert not held_out & set(judgments.training.ravel())
    counts = np.array([sum(row in held_out for row in triplet) for triplet in judgments.held_out])
    assert (counts >= 2).all()
    usable = [
        [IMAGES[concept] for concept in triplet] for triplet in CHOICES if all(concept in IMAGES for concept in triplet)
    ]
    expected = [rows for rows in usable if len(set(rows)) == 3 and sum(row in held_out for row in rows) >= 2]
    assert judgments.held_out.tolist() == expected


def test_soft_labels_are_those_of_the_embedding():
    unshared = {concept: image for concept, image in IMAGES.items() if concept != 1}
    judgments = from_choices(CHOICES, EMBEDDING, unshared, n_folds=3, fold=0, seed=0, n_soft_triplets=500)
    concept_of = {image: concept for concept, image in unshared.items()}
    concepts = np.vectorize(concept_of.get)(judgments.training)
    expected = triplet_probabilities(triplet_similarities(EMBEDDING, concepts))
    np.testing.assert_allclose(judgments.probabilities, expected)
    assert (judgments.probabilities[:, 0] >= judgments.probabilities[:, 1:].max(1)).all()  # the odd one is last


def test_a_posterior_labels_people_s_own_choices_of_training_objects():
    def label(triplets):
        return np.stack([triplets[:, 0], triplets[:, 1], triplets[:, 2]], 1) / 100

    unshared = {concept: image for concept, image in IMAGES.items() if concept != 1}
    judgments = from_choices(CHOICES, EMBEDDING, unshared, n_folds=3, fold=0, seed=0, n_soft_triplets=1, label=label)
    held_out = set(judgments.held_out_rows)
    expected = [
        triplet
        for triplet in CHOICES.tolist()
        if all(concept in unshared and unshared[concept] not in held_out for concept in triplet)
    ]
    assert len(expected) > 50
    assert judgments.training.tolist() == [[unshared[concept] for concept in triplet] for triplet in expected]
    np.testing.assert_array_equal(judgments.probabilities, np.array(expected) / 100)


def test_choices_that_leave_nothing_to_score_are_an_error():
    with pytest.raises(InputError, match="no triplet with at least two held-out"):
        from_choices(CHOICES[:0], EMBEDDING, IMAGES, n_folds=3, fold=0, seed=0, n_soft_triplets=500)
