"""Similarity judgments as matrices, people kept apart, and the odd-one-out choices that follow from them."""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from scipy.stats import spearmanr

from alignet_hf.errors import InputError
from alignet_hf.triplets import all_triplets, is_correct, odd_one_last, pair_values


@dataclass(frozen=True)
class Dissimilarities:
    """Pairwise dissimilarities of the same objects, one matrix a person.

    Attributes:
        matrices: (people, N, N) float, symmetric with a zero diagonal; higher is less alike.
    """

    matrices: np.ndarray

    def __post_init__(self):
        matrices = self.matrices
        if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2]:
            raise InputError(f"dissimilarities: expected shape (people, objects, objects), got {matrices.shape}")
        if not np.isfinite(matrices).all():
            person, row, column = np.argwhere(~np.isfinite(matrices))[0]
            raise InputError(
                f"dissimilarities: person {person}, row {row}, column {column} holds {matrices[person, row, column]}; "
                "it must be finite"
            )
        if not np.allclose(matrices, matrices.transpose(0, 2, 1)):
            person = np.flatnonzero(~np.isclose(matrices, matrices.transpose(0, 2, 1)).all((1, 2)))[0]
            raise InputError(f"dissimilarities: the matrix of person {person} is not symmetric")

    @classmethod
    def load(cls, path: str | Path, key: str = "rdms") -> "Dissimilarities":
        """Read `key` of an .npz, or a .npy, of shape (people, N, N) or (N, N)."""
        try:
            loaded = np.load(path, allow_pickle=False)
            matrices = loaded if isinstance(loaded, np.ndarray) else loaded[key]
        except KeyError as error:
            raise InputError(f"{path}: holds no array {key!r}") from error
        except (OSError, ValueError, EOFError, BadZipFile) as error:
            raise InputError(f"{path}: cannot be read as .npz or .npy ({error})") from error
        return cls(matrices[None] if matrices.ndim == 2 else matrices)

    @property
    def n_objects(self) -> int:
        return self.matrices.shape[1]

    def mean(self) -> np.ndarray:
        """(N, N): the mean over people."""
        return self.matrices.mean(0)

    def choices(self, objects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Every triplet of the objects, with the choice of the mean person and how many people share each choice.

        Args:
            objects: (n,) indices of objects.

        Returns:
            triplets (m, 3), the odd one last; probabilities (m, 3), the share of people for whom each pair is the most
            similar, in the triplet's order (a person's tie is split).
        """
        triplets = np.asarray(objects)[all_triplets(len(objects))]
        triplets, _ = odd_one_last(triplets, -pair_values(self.mean(), triplets))
        similarities = -pair_values(self.matrices, triplets)
        most_similar = similarities == similarities.max(-1, keepdims=True)
        return triplets, (most_similar / most_similar.sum(-1, keepdims=True)).mean(0)

    def noise_ceiling(self, objects: np.ndarray) -> dict[str, float]:
        """How well people predict a person: each person left out is compared with the mean of the others.

        Returns:
            {"odd_one_out_accuracy", "rsa_spearman"}: means over people. A model is compared with the mean of all
            people, which is steadier than one person, and so can score above it.
        """
        first, second = np.triu_indices(len(objects), 1)
        matrices = self.matrices[:, objects][:, :, objects]
        triplets = all_triplets(len(objects))
        total = matrices.sum(0)
        accuracies, correlations = [], []
        for person in matrices:
            others = (total - person) / (len(matrices) - 1)
            choice = pair_values(-person, triplets).argmax(-1)
            accuracies.append(is_correct(pair_values(-others, triplets), choice).mean())
            correlations.append(spearmanr(person[first, second], others[first, second]).statistic)
        return {"odd_one_out_accuracy": float(np.mean(accuracies)), "rsa_spearman": float(np.mean(correlations))}
