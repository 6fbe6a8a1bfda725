"""The objective of uncertainty distillation (paper, section 4.1, equations 1-3) and its minimisation."""

from dataclasses import dataclass

import numpy as np
import torch
from tqdm import tqdm

from alignet_hf.errors import InputError
from alignet_hf.triplets import pair_values


def alignment_loss(similarities: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy between people's probabilities and softmax(S').

    Args:
        similarities: (n, 3), [s'_ij, s'_ik, s'_jk].
        probabilities: (n, 3); (1, 0, 0) is a hard choice of the first pair (equation 1), else soft (equation 2).
    """
    return -(probabilities * torch.log_softmax(similarities, -1)).sum(-1).mean()  # eq. 1, 2


def scaled_identity_penalty(weight: torch.Tensor) -> torch.Tensor:
    """|| W - (trace(W) / p) I ||_F^2: how far W, (p, p), is from only scaling the space (equation 3)."""
    mean_diagonal = weight.diagonal().mean()
    # || W - c I ||^2 = || W ||^2 - p c^2 where c = trace(W) / p: no (p, p) temporary.
    return weight.square().sum() - len(weight) * mean_diagonal.square()  # eq. 3, right


@dataclass(frozen=True)
class TripletTask:
    features: torch.Tensor  # (U, p), standardised
    triplets: torch.Tensor  # (n, 3), rows of features
    targets: torch.Tensor  # (n, 3), probabilities

    def loss(self, weight: torch.Tensor, bias: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        """The alignment loss of some of the triplets, or of all; each distinct object is transformed once."""
        features, triplets, targets = self.features, self.triplets, self.targets
        if rows is not None:
            objects, triplets = torch.unique(triplets[rows], return_inverse=True)
            features, targets = features[objects], targets[rows]
        transformed = torch.addmm(bias, features, weight.T)  # x' = W x + b, [U, p]
        return alignment_loss(pair_values(transformed @ transformed.T, triplets), targets)  # S'_ij = x'_i . x'_j


def minimise(data: TripletTask, early_stopping: TripletTask | None, settings: dict, progress: bool):
    """Adam on equation 3 -> W, b and what became of it."""
    p, n, device = data.features.shape[1], len(data.triplets), data.features.device
    weight = torch.nn.Parameter(settings["init_scale"] * torch.eye(p, device=device))
    bias = torch.nn.Parameter(torch.zeros(p, device=device))
    optimizer = torch.optim.Adam([weight, bias], settings["learning_rate"], fused=True)
    generator = torch.Generator().manual_seed(settings["seed"])
    best_loss, best, waited = float("inf"), None, 0
    bar = tqdm(range(settings["max_epochs"]), unit="epoch", desc="UD", disable=None if progress else True)
    for epoch in bar:
        if settings["batch_size"] is None or settings["batch_size"] >= n:
            batches = [None]
        else:
            batches = torch.randperm(n, generator=generator).to(device).split(settings["batch_size"])
        total = 0.0
        for rows in batches:
            optimizer.zero_grad()
            loss = data.loss(weight, bias, rows)
            objective = loss + settings["regularization"] * scaled_identity_penalty(weight)  # eq. 3
            objective.backward()
            if settings["max_grad_norm"] is not None:
                torch.nn.utils.clip_grad_norm_([weight, bias], settings["max_grad_norm"])
            optimizer.step()
            total += loss.item() * (n if rows is None else len(rows)) / n
        if not np.isfinite(total):
            raise InputError(f"the loss is {total} in epoch {epoch}; lower learning_rate or init_scale")
        bar.set_postfix(loss=f"{total:.4f}", refresh=False)
        if early_stopping is None:
            continue
        with torch.no_grad():
            held_out = early_stopping.loss(weight, bias).item()
        if held_out < best_loss:
            best_loss, waited = held_out, 0
            best = weight.detach().clone(), bias.detach().clone()
        else:
            waited += 1
            if waited == settings["patience"]:
                break
    outcome = {"epochs": epoch + 1, "loss": total}
    if early_stopping is not None:
        outcome["validation_loss"] = best_loss
    weight, bias = best or (weight.detach(), bias.detach())
    return weight.cpu().numpy(), bias.cpu().numpy(), outcome
