"""A fit of VICE in progress: one epoch after another, until the number of dimensions settles."""

import math

import numpy as np
import torch

from alignet_hf.errors import NonFiniteLossError
from alignet_hf.surrogate.vice.monte_carlo import mean_probabilities, normal_draws
from alignet_hf.surrogate.vice.objective import Objective
from alignet_hf.surrogate.vice.pruning import kept_dimensions
from alignet_hf.surrogate.vice.settings import Settings
from alignet_hf.surrogate.vice.stopping import best_epoch, reason_to_stop
from alignet_hf.triplets import is_correct

# The start: mu = |N(0, .1^2)|, since a rectified entry below zero learns nothing, and sigma so small that the first
# steps see mu alone: larger ones are slower to find their first dimensions.
_START_MEAN, _START_SCALE = 0.1, 1e-3
_VALIDATION_DRAWS = 10
# What the history has of an epoch.
HISTORY_WITHOUT_VALIDATION = ("loss", "dimensions")
HISTORY = (*HISTORY_WITHOUT_VALIDATION, "validation_loss", "validation_accuracy")


class Fit:
    """Everything that a checkpoint holds, and what it takes to go on for an epoch. Computed where `choices` lie.

    Args:
        choices: (n, 3) int64, the odd one last.
        validation: (m, 3) held-out choices, or None.
        n_objects: N.
        settings: of the fit.

    Attributes:
        parameters: (2, N, d), mu and log sigma.
        best: a copy of those with the least validation loss; None before the first epoch, or without early stopping.
        history: a dictionary an epoch, with the keys `HISTORY`, or `HISTORY_WITHOUT_VALIDATION`.
        cooling: (epochs before the cool-down, why it began), or None while it has not.
    """

    def __init__(self, choices: torch.Tensor, validation: torch.Tensor | None, n_objects: int, settings: Settings):
        self.choices, self.validation, self.settings = choices, validation, settings
        device = choices.device
        self.generator = torch.Generator(device).manual_seed(settings.seed)
        shape = n_objects, settings.init_dim
        prior = settings.spike_and_slab()
        mean = torch.empty(shape, device=device).normal_(0, _START_MEAN, generator=self.generator).abs_()
        self.parameters = torch.nn.Parameter(torch.stack([mean, torch.full_like(mean, math.log(_START_SCALE))]))
        self.parameters.grad = torch.zeros_like(self.parameters)
        self.optimizer = torch.optim.Adam([self.parameters], settings.learning_rate, fused=True)
        self.objective = Objective(self.parameters.detach(), prior, len(choices))
        self.history: list[dict] = []
        self.best: torch.Tensor | None = None
        self.cooling: tuple[int, str] | None = None
        self._consider_cooling()

        named = torch.zeros(n_objects, dtype=torch.bool, device=device)
        named[choices.unique()] = True
        self.unnamed = (~named).nonzero()[:, 0]
        with torch.no_grad():  # of these nothing is learnt: they are as the prior has them, and stay so
            self.parameters[0, self.unnamed] = 0
            self.parameters[1, self.unnamed] = math.log(prior.standard_deviation)
        # The same draws in every epoch: what then changes in the validation loss is the posterior.
        fixed = torch.Generator(device).manual_seed(settings.seed)
        self.validation_draws = [
            torch.empty(shape, device=device).normal_(generator=fixed)
            for _ in range(0 if validation is None else _VALIDATION_DRAWS)
        ]

    @property
    def epochs(self) -> int:
        return len(self.history)

    @property
    def stopped(self) -> bool:
        return self.cooling is not None and self.epochs >= self._last_epoch()

    def _last_epoch(self) -> int:
        return min(self.cooling[0] + self.settings.cool_down, self.settings.max_epochs)

    def _learning_rate(self) -> float:
        """Of the coming epoch: constant, and in the cool-down falling linearly towards zero."""
        if self.cooling is None:
            return self.settings.learning_rate
        start, end = self.cooling[0], self._last_epoch()
        return self.settings.learning_rate * (end - self.epochs) / (end - start)

    def posterior(self) -> tuple[np.ndarray, np.ndarray]:
        """mu and sigma, (N, d) float32; with early stopping those of the best epoch."""
        mean, log_scale = self.parameters.detach() if self.best is None else self.best
        return mean.cpu().numpy(), log_scale.exp().cpu().numpy()

    def run_epoch(self) -> dict:
        """One pass over the choices -> its entry in the history."""
        settings, grad = self.settings, self.parameters.grad
        self.optimizer.param_groups[0]["lr"] = self._learning_rate()
        order = torch.randperm(len(self.choices), generator=self.generator, device=self.choices.device)
        batches = order.split(settings.batch_size)
        draws = normal_draws(self.parameters.shape[1:], len(batches) * settings.n_samples, self.generator)
        of_draw = torch.empty_like(grad)
        loss = 0.0
        for batch in batches:
            choices, weight = self.choices[batch], len(batch) / len(order) / settings.n_samples
            loss += weight * self.objective.gradient(choices, next(draws), grad)
            for _ in range(settings.n_samples - 1):
                loss += weight * self.objective.gradient(choices, next(draws), of_draw)
                grad.add_(of_draw)
            if settings.n_samples > 1:
                grad.div_(settings.n_samples)
            if len(self.unnamed):
                grad[:, self.unnamed] = 0
            self.optimizer.step()
        if not math.isfinite(loss):
            raise NonFiniteLossError(f"the loss is {loss} in epoch {self.epochs + 1}; lower learning_rate")
        mean, log_scale = (part.cpu().numpy() for part in self.parameters.detach())
        entry = {"loss": loss, "dimensions": len(kept_dimensions(mean, np.exp(log_scale), settings.k, settings.fdr))}
        if self.validation is not None:
            entry |= self.validate()
        self.history.append(entry)
        if settings.patience is not None and best_epoch(self.history) == self.epochs:
            self.best = self.parameters.detach().clone()
        self._consider_cooling()
        return entry

    def _consider_cooling(self) -> None:
        if self.cooling is None and (reason := reason_to_stop(self.history, self.settings)):
            self.cooling = self.epochs, reason

    @torch.no_grad()
    def validate(self) -> dict:
        """Negative log-likelihood a choice (nats) and accuracy of the held-out choices under the posterior."""
        mean, log_scale = self.parameters
        probabilities = mean_probabilities(mean, log_scale.exp(), self.validation, self.validation_draws).cpu().numpy()
        loss = -np.log(np.maximum(probabilities[:, 0], np.finfo(np.float32).tiny)).mean(dtype=np.float64)
        return {"validation_loss": float(loss), "validation_accuracy": float(is_correct(probabilities).mean())}
