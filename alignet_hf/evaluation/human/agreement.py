"""How sure people are of a triplet: the share of them who choose its odd one out, and models where people doubt."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from alignet_hf.evaluation.human.odd_one_out import odd_one_out_accuracy_by_group
from alignet_hf.evaluation.statistics import Result

AGREE, LEAN, SPLIT = (
    "agree: 80 % or more chose one",
    "lean: 50 to 79 % chose one",
    "split: no half chose one",
)


@dataclass(frozen=True)
class Agreement:
    """Triplets of which people are alike sure, and how models do on them.

    Attributes:
        n_triplets: how many there are.
        share: the mean share of people who choose the odd one of all their judgments together.
        accuracies: model -> how often it chooses that one.
    """

    n_triplets: int
    share: float
    accuracies: dict[str, Result]


def accuracy_by_agreement(
    representations: Mapping[str, np.ndarray], triplets: np.ndarray, shares: np.ndarray, **draws: int
) -> dict[str, Agreement]:
    """Odd-one-out accuracy where people agree, lean and are split.

    Args:
        representations: model -> embeddings (N, D).
        triplets: (n, 3) rows of the embeddings, people's odd one last.
        shares: (n, 3) of people choosing each pair [ij, ik, jk] as the most similar.
        draws: n_bootstrap and seed of `odd_one_out_accuracy`.

    Returns:
        {`AGREE`, `LEAN` or `SPLIT`: Agreement}, those that there are, in this order.
    """
    per_cent = np.round(100 * np.asarray(shares)[:, 0])  # who finds i and j alike leaves out k; in the page's per cent
    groups = np.select([per_cent >= 80, per_cent >= 50], [AGREE, LEAN], SPLIT)
    found = {
        model: odd_one_out_accuracy_by_group(embeddings, triplets, groups.tolist(), **draws)
        for model, embeddings in representations.items()
    }
    return {
        group: Agreement(
            int((groups == group).sum()),
            float(np.asarray(shares)[groups == group, 0].mean()),
            {model: results[group] for model, results in found.items()},
        )
        for group in (AGREE, LEAN, SPLIT)
        if (groups == group).any()
    }
