"""How sure people are of triplets, and models by it, against a loop over triplets."""

import numpy as np
import pytest

from alignet_hf.evaluation.human.agreement import AGREE, LEAN, SPLIT, accuracy_by_agreement

RNG = np.random.default_rng(0)
EMBEDDINGS = {"before": RNG.normal(size=(20, 4)), "after": RNG.normal(size=(20, 4))}
TRIPLETS = np.stack([RNG.permutation(20)[:3] for _ in range(200)])
SHARES = RNG.dirichlet([4, 1, 1], 200)


def group_of(share: float) -> str:
    return AGREE if round(100 * share) >= 80 else LEAN if round(100 * share) >= 50 else SPLIT


def test_accuracies_are_those_of_the_triplets_on_which_people_are_alike_sure():
    found = accuracy_by_agreement(EMBEDDINGS, TRIPLETS, SHARES, n_bootstrap=20, seed=3)
    assert list(found) == [AGREE, LEAN, SPLIT]
    right = {(group, model): [] for group in found for model in EMBEDDINGS}
    for (i, j, k), (share, *_) in zip(TRIPLETS, SHARES, strict=True):
        for model, rows in EMBEDDINGS.items():
            right[group_of(share), model].append(rows[i] @ rows[j] > max(rows[i] @ rows[k], rows[j] @ rows[k]))
    for (group, model), of_group in right.items():
        assert found[group].n_triplets == len(of_group) > 0
        assert found[group].accuracies[model].estimate == pytest.approx(np.mean(of_group), abs=1e-12)
        assert len(found[group].accuracies[model].samples) == 20
        expected = np.mean([share for share, *_ in SHARES if group_of(share) == group])
        assert found[group].share == pytest.approx(expected, abs=1e-12)


def test_groups_without_a_triplet_are_left_out():
    sure = np.tile([0.8, 0.1, 0.1], (200, 1))
    assert list(accuracy_by_agreement(EMBEDDINGS, TRIPLETS, sure, n_bootstrap=2)) == [AGREE]
    nearly = np.tile([0.7951, 0.2049, 0.0], (200, 1))  # 80 % as the page rounds it
    assert list(accuracy_by_agreement(EMBEDDINGS, TRIPLETS, nearly, n_bootstrap=2)) == [AGREE]
