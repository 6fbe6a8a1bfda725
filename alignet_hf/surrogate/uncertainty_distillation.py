"""Uncertainty distillation (UD): the affine map that makes a teacher's representations answer like people.

x' = W x + b on the teacher's frozen representation x, S'_ij = x'_i . x'_j, trained so that softmax(S') gives the
probabilities with which people choose each pair of a triplet (paper, section 4.1, equations 1-3).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import Artifact
from alignet_hf.surrogate.glocal import read_glocal
from alignet_hf.surrogate.minimisation import minimise
from alignet_hf.surrogate.object_splits import split_by_objects
from alignet_hf.surrogate.objective import TripletTask
from alignet_hf.surrogate.views import EmbeddingsView
from alignet_hf.triplets import validate_embeddings, validate_probabilities, validate_triplets

if TYPE_CHECKING:
    from alignet_hf.surrogate.cross_validation import CrossValidation


class UncertaintyDistillation(Artifact):
    """The surrogate teacher's transform, x' = W (x - mean) / std + b.

    Args:
        weight: W, (p, p) float32.
        bias: b, (p,) float32.
        mean, std: one number each, over all entries of the features it was fitted on.
        facts: what made it, as JSON.
    """

    kind = "uncertainty-distillation"
    command = "align"
    summary = "An affine transform that makes a teacher's representations answer odd-one-out triplets like people."

    def __init__(self, weight: np.ndarray, bias: np.ndarray, mean: float, std: float, **facts):
        self.weight, self.bias, self.mean, self.std, self.metadata = weight, bias, float(mean), float(std), facts

    @classmethod
    def fit(
        cls,
        embeddings,
        triplets,
        probabilities=None,
        *,
        regularization: float = 1e-2,
        seed: int,
        learning_rate: float = 1e-3,
        batch_size: int | None = 256,
        max_epochs: int = 100,
        validation: float | None = None,
        patience: int = 10,
        init_scale: float = 1e-3,
        max_grad_norm: float | None = 1.0,
        device: str | torch.device = "cpu",
        progress: bool = True,
    ) -> Self:
        """Fit the transform with Adam. The defaults are those of gLocal, whose optimisation the paper follows.

        Args:
            embeddings: (N, p) float, the teacher's representations; only rows that triplets name are used.
            triplets: (n, 3) int rows of `embeddings`, the odd one last unless `probabilities` are given.
            probabilities: (n, 3), of each pair [ij, ik, jk] being chosen (soft alignment); None for hard alignment.
            regularization: lambda of equation 3.
            seed: of the order of the triplets and of the validation objects.
            batch_size: triplets in a step; None for all of them, which is fast where few objects have many triplets.
            max_epochs: passes over the triplets (with batch_size None: steps).
            validation: share of the OBJECTS held out for early stopping: triplets wholly of these are for validation,
                those wholly of others for training, those that mix are dropped. None trains for max_epochs.
            patience: epochs without a lower validation loss before stopping; the best weights are kept.
            init_scale: W starts as init_scale * I.
            max_grad_norm: gradients are clipped to this norm; None for no clipping.

        Raises:
            InputError: naming the row of triplets, probabilities or embeddings that cannot be used.
        """
        _check_numbers(
            regularization=regularization, max_epochs=max_epochs, patience=patience, learning_rate=learning_rate
        )
        embeddings = validate_embeddings(embeddings)
        triplets = validate_triplets(triplets, len(embeddings))
        if not len(triplets):
            raise InputError("triplets: there are none; a transform cannot be fitted to that")
        targets = targets_of(probabilities, len(triplets))
        training, held_out = np.arange(len(triplets)), None
        if validation is not None:
            objects = np.random.default_rng(seed).permutation(np.unique(triplets))
            held_objects = objects[: round(validation * len(objects))]
            training, held_out = split_by_objects(triplets, held_objects, f"validation={validation}")
        features = _features(embeddings, triplets[training])[0]
        mean, std = features.mean(dtype=np.float64), features.std(dtype=np.float64)
        if not std > 0:
            raise InputError(f"embeddings: every entry is {mean:g}; a transform cannot be fitted to that")

        def prepared(rows: np.ndarray) -> TripletTask:
            features, local = _features(embeddings, triplets[rows])
            tensors = (features - np.float32(mean)) / np.float32(std), local, targets[rows]
            return TripletTask(*(torch.as_tensor(tensor, device=device) for tensor in tensors))

        settings = {
            "regularization": regularization,
            "seed": seed,
            "learning_rate": learning_rate,
            "batch_size": batch_size,
            "max_epochs": max_epochs,
            "validation": validation,
            "patience": patience,
            "init_scale": init_scale,
            "max_grad_norm": max_grad_norm,
        }
        data = prepared(training)
        weight, bias, outcome = minimise(data, None if held_out is None else prepared(held_out), settings, progress)
        facts = {
            "alignment": "hard" if probabilities is None else "soft",
            "n_triplets": len(data.triplets),
            "n_objects": len(data.features),
        }
        return cls(weight, bias, mean, std, **facts, **settings, **outcome)

    def transform(self, embeddings) -> np.ndarray:
        """x' = W (x - mean) / std + b of every row: (N, p) -> (N, p) float32."""
        return np.asarray(self.view(embeddings))

    def view(self, embeddings) -> EmbeddingsView:
        """`transform`, of rows when they are read: for more embeddings than memory should hold.

        Raises:
            InputError: another number of dimensions, or an embedding that is not finite.
        """
        view = EmbeddingsView(embeddings, function=self._transformed, n_dimensions=len(self.bias))
        if view.embeddings.shape[1] != len(self.bias):
            raise InputError(
                f"embeddings: {view.embeddings.shape[1]} dimensions, but the transform was fitted on {len(self.bias)}; "
                "use the same teacher"
            )
        return view

    def _transformed(self, rows: np.ndarray) -> np.ndarray:
        return (rows.astype(np.float32) - self.mean) / self.std @ self.weight.T + self.bias

    @classmethod
    def from_glocal(cls, path: str | Path) -> Self:
        """Read a transform that gLocal released: an .npz of `weights`, `mean`, `std` and, in some, `bias`.

        gLocal multiplies rows from the left, (x - mean) / std @ weights + bias, so `weights` is our W transposed; being
        square, its shape cannot tell (https://github.com/LukasMut/gLocal). `save_pretrained` then writes it as ours.

        Raises:
            InputError: naming the file, and the array that is missing, has another shape or is not finite.
        """
        parts = read_glocal(path)
        return cls(
            np.ascontiguousarray(parts["weights"].T),
            parts["bias"],
            parts["mean"],
            parts["std"],
            alignment="gLocal",
            source=Path(path).name,
        )

    @classmethod
    def cross_validate(cls, embeddings, triplets, probabilities=None, **options) -> "CrossValidation":
        """`alignet_hf.surrogate.cross_validation.cross_validate`: accuracy on objects not fitted on, by lambda."""
        from alignet_hf.surrogate.cross_validation import cross_validate  # which imports this module

        return cross_validate(embeddings, triplets, probabilities, **options)

    def tensors(self) -> dict[str, np.ndarray]:
        return {
            "weight": np.ascontiguousarray(self.weight),
            "bias": self.bias,
            "standardization": np.array([self.mean, self.std]),
        }

    def facts(self) -> dict:
        return self.metadata

    @classmethod
    def from_parts(cls, tensors: dict[str, np.ndarray], facts: dict) -> Self:
        return cls(tensors["weight"], tensors["bias"], *tensors["standardization"], **facts)


def _check_numbers(*, regularization: float, max_epochs: int, patience: int, learning_rate: float) -> None:
    if not 0 <= regularization < np.inf:
        raise InputError(f"regularization is {regularization:g}; lambda of equation 3 is 0 or more")
    if not learning_rate > 0:
        raise InputError(f"learning_rate is {learning_rate:g}; it must be above 0")
    for name, value in (("max_epochs", max_epochs), ("patience", patience)):
        if value < 1:
            raise InputError(f"{name} is {value}; 1 or more is needed")


def targets_of(probabilities, n_triplets: int) -> np.ndarray:
    """(n, 3) float32 probabilities of the pairs; where they are None, the first pair's is 1 (the odd one is last)."""
    if probabilities is None:
        return np.tile(np.array([1, 0, 0], np.float32), (n_triplets, 1))
    return validate_probabilities(probabilities, n_triplets).astype(np.float32)


def _features(embeddings: np.ndarray, triplets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The embeddings of the distinct objects, (U, p) float32, and the triplets as rows of them."""
    objects, local = np.unique(triplets, return_inverse=True)
    return embeddings[objects].astype(np.float32), local
