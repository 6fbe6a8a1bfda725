"""VICE: variational interpretable concept embeddings, the model of human uncertainty (Muttenthaler et al. 2022).

Objects are placed in a space of few non-negative dimensions such that the dot products of a triplet's three pairs
predict, by a softmax, which pair people choose. Every entry has a posterior N(mu, sigma^2) under a spike-and-slab
prior; dimensions that the choices do not call for are pruned. The posterior's triplet probabilities are the soft labels
of uncertainty distillation (paper, section A.1.1).
"""

import warnings
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import numpy as np
import torch

from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.odd_one_out import similarities_accuracy
from alignet_hf.evaluation.statistics import Result
from alignet_hf.hub.artifacts import Artifact
from alignet_hf.surrogate.vice.fit import HISTORY, Fit
from alignet_hf.surrogate.vice.held_out import hold_out
from alignet_hf.surrogate.vice.monte_carlo import mean_probabilities, normal_draws
from alignet_hf.surrogate.vice.optimisation import optimise
from alignet_hf.surrogate.vice.pruning import kept_dimensions
from alignet_hf.surrogate.vice.settings import Settings, default_settings
from alignet_hf.surrogate.vice.stopping import best_epoch
from alignet_hf.triplets import validate_triplets

_TRIPLETS_PER_BLOCK = 1 << 20


class Vice(Artifact):
    """A posterior over embeddings of objects.

    Args:
        mean: mu, (N, d) float32.
        scale: sigma, (N, d) float32, above 0.
        history: (epochs, 4) float64, the columns `HISTORY`; NaN where there was no validation.
        facts: what made it, as JSON; `k` and `fdr` say which dimensions are kept.
    """

    kind = "vice"
    command = "vice"
    summary = "A posterior over interpretable dimensions of objects, fitted to people's odd-one-out choices (VICE)."

    def __init__(self, mean: np.ndarray, scale: np.ndarray, history: np.ndarray | None = None, **facts):
        self.mean, self.scale, self.metadata = mean, scale, facts
        self.history = np.empty((0, len(HISTORY))) if history is None else history

    @classmethod
    def fit(
        cls,
        triplets,
        n_objects: int,
        *,
        seed: int,
        init_dim: int | None = None,
        prior: Literal["gaussian", "laplace"] = "gaussian",
        spike: float = 0.25,
        slab: float = 1.0,
        pi: float = 0.5,
        learning_rate: float | None = None,
        batch_size: int = 4096,
        n_samples: int = 1,
        max_epochs: int | None = None,
        cool_down: int | None = None,
        burn_in: int | None = None,
        window: int | None = None,
        k: int = 5,
        fdr: float = 0.05,
        validation=None,
        patience: int | None = None,
        checkpoint: str | Path | None = None,
        checkpoint_seconds: float = 30.0,
        device: str | torch.device = "cpu",
        progress: bool = True,
    ) -> Self:
        """Fit the posterior with Adam.

        Options that are None are `default_settings` by the number of choices: at batch 4096 they were the best found
        for 10^5 and for 4.7 million. The authors' own are init_dim=100, learning_rate=1e-3, batch_size=128 and
        max_epochs=2000 without a cool-down.

        Args:
            triplets: (n, 3) int, people's choices: rows of objects, the odd one last.
            n_objects: N. Objects that no choice names are said in a warning and left at the prior.
            seed: of the start, the order of the choices, the noise and the validation share. On a CPU the same seed and
                the same number of threads give the same bytes.
            init_dim: d, dimensions to start from.
            prior: family of the spike-and-slab mixture pi * spike + (1 - pi) * slab.
            spike, slab: their standard deviations ("gaussian") or scales ("laplace").
            pi: weight of the spike.
            learning_rate: of Adam; one that fits the batch.
            batch_size: choices in a step.
            n_samples: draws from the posterior in a step, over which the gradient is averaged.
            max_epochs: passes over the choices at most.
            cool_down: the last epochs, in which the learning rate falls linearly to zero: that takes the noise of the
                steps out of the posterior. It begins once the fit has converged, stops early, or comes near max_epochs.
                0, with burn_in and window, is the authors' way.
            burn_in, window: the fit has converged once the number of dimensions kept has been the same for `window`
                epochs, none of them among the first `burn_in`; neither 0 nor all of `init_dim` counts as settled.
            k, fdr: a dimension is kept if at least k objects are above zero at this false discovery rate.
            validation: (m, 3) choices held out, or the share of `triplets` to hold out, drawn with `seed`.
            patience: epochs without a higher likelihood of the held-out choices before the cool-down begins; the
                posterior is then that of the best epoch. None for no early stopping.
            checkpoint: a folder. Killed anywhere and called again, the fit goes on from its last checkpoint there and
                ends with the same bytes.
            checkpoint_seconds: between two checkpoints at least; one is written after an epoch.
            device: of the computation.
            progress: show a progress bar, on a terminal.

        Raises:
            InputError: naming the row of the choices, the option or the checkpoint that cannot be used.
            NonFiniteLossError: the fit diverged.
        """
        for name, value in (("n_objects", n_objects), ("seed", seed)):
            if not isinstance(value, int | np.integer):
                raise InputError(f"{name} is {value!r}; a whole number is needed")
        triplets = validate_triplets(triplets, n_objects)
        training, held_out = hold_out(triplets, validation, n_objects, seed)
        if not len(training):
            raise InputError("triplets: there are none to fit to")
        given = {
            "init_dim": init_dim,
            "learning_rate": learning_rate,
            "max_epochs": max_epochs,
            "cool_down": cool_down,
            "burn_in": burn_in,
            "window": window,
        }
        settings = Settings(
            seed=seed,
            prior=prior,
            spike=spike,
            slab=slab,
            pi=pi,
            batch_size=batch_size,
            n_samples=n_samples,
            k=k,
            fdr=fdr,
            patience=patience,
            **default_settings(len(training)) | {name: value for name, value in given.items() if value is not None},
        )
        if patience is not None and held_out is None:
            raise InputError("patience: early stopping needs validation, held-out choices or a share of the triplets")
        _say_unnamed(training, n_objects)
        fit = Fit(
            _tensor(training, device), None if held_out is None else _tensor(held_out, device), n_objects, settings
        )
        optimise(fit, checkpoint, checkpoint_seconds, progress)
        mean, scale = fit.posterior()
        history = np.array([[entry.get(name, np.nan) for name in HISTORY] for entry in fit.history], np.float64)
        epoch = fit.epochs if patience is None else best_epoch(fit.history)
        facts = asdict(settings) | {
            "n_objects": n_objects,
            "n_triplets": len(training),
            "n_validation": 0 if held_out is None else len(held_out),
            "epochs": fit.epochs,
            "epoch": epoch,
            "stopped": fit.cooling[1],
            **fit.history[epoch - 1],
        }
        fitted = cls(mean, scale, history, **facts)
        kept = len(fitted.dimensions)
        if not kept:
            warnings.warn(
                f"no dimension has {k} objects above zero after {fit.epochs} epochs; raise max_epochs or learning_rate",
                stacklevel=2,
            )
        elif kept == settings.init_dim:
            warnings.warn(
                f"all {kept} dimensions are kept after {fit.epochs} epochs; raise max_epochs, or init_dim", stacklevel=2
            )
        return fitted

    @property
    def n_objects(self) -> int:
        return len(self.mean)

    @cached_property
    def dimensions(self) -> np.ndarray:
        """Columns of `mean` that are kept, (D,) int, the one of the largest sum first."""
        return kept_dimensions(self.mean, self.scale, self.metadata["k"], self.metadata["fdr"])

    @property
    def embedding(self) -> np.ndarray:
        """max(mu, 0) of the dimensions that are kept -> (N, D) float32."""
        return np.maximum(self.mean[:, self.dimensions], 0)

    def triplet_probabilities(
        self, triplets, n_samples: int = 50, *, seed: int = 0, device: str | torch.device = "cpu"
    ) -> np.ndarray:
        """The posterior probability of each pair being chosen: the mean of the softmax over `n_samples` draws.

        All dimensions take part: one with too few objects to be kept still says something of those.

        Args:
            triplets: (n, 3) int, in any order of their objects; read in blocks, may be memory-mapped.
            n_samples: R; the paper's 50.
            seed: of the draws, which are the same for every triplet.

        Returns:
            (n, 3) float32: of the pairs [ij, ik, jk].
        """
        triplets = validate_triplets(triplets, self.n_objects)
        if n_samples < 1:
            raise InputError(f"n_samples: {n_samples}; 1 draw or more is needed")
        mean, scale = (torch.from_numpy(part).to(device) for part in (self.mean, self.scale))
        probabilities = np.empty(triplets.shape, np.float32)
        for start in range(0, len(triplets), _TRIPLETS_PER_BLOCK):
            block = _tensor(triplets[start : start + _TRIPLETS_PER_BLOCK], device)
            draws = normal_draws(self.mean.shape, n_samples, torch.Generator(device).manual_seed(seed))
            probabilities[start : start + len(block)] = mean_probabilities(mean, scale, block, draws).cpu()
        return probabilities

    def odd_one_out_accuracy(self, triplets, n_samples: int = 50, *, seed: int = 0, n_bootstrap: int = 1000) -> Result:
        """The share of choices whose first pair is the most probable; a tie is wrong.

        Args:
            triplets: (n, 3) int, the odd one last.
            n_samples: as in `triplet_probabilities`.
            seed: of the posterior's draws, and of the bootstrap's.
            n_bootstrap: draws of the objects for the interval; 0 for none.

        Returns:
            Result: the interval is over objects, chance is 1/3.

        Raises:
            InputError: there are no choices, or one that `triplet_probabilities` refuses.
        """
        probabilities = self.triplet_probabilities(triplets, n_samples, seed=seed)
        if not len(probabilities):
            raise InputError("triplets: there are none to score")
        return similarities_accuracy(probabilities, triplets, n_bootstrap=n_bootstrap, seed=seed)

    def tensors(self) -> dict[str, np.ndarray]:
        return {"mean": self.mean, "scale": self.scale, "history": self.history}

    def facts(self) -> dict:
        return self.metadata

    @classmethod
    def from_parts(cls, tensors: dict[str, np.ndarray], facts: dict) -> Self:
        return cls(tensors["mean"], tensors["scale"], tensors["history"], **facts)


def _tensor(triplets: np.ndarray, device) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(triplets, np.int64)).to(device)


def _say_unnamed(triplets: np.ndarray, n_objects: int) -> None:
    unnamed = np.flatnonzero(np.bincount(triplets.ravel(), minlength=n_objects) == 0)
    if len(unnamed):
        shown = ", ".join(map(str, unnamed[:8])) + (", ..." if len(unnamed) > 8 else "")
        warnings.warn(f"{len(unnamed)} objects are in no choice, and stay at the prior: {shown}", stacklevel=3)
