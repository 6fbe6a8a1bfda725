"""The goal of uncertainty distillation: an epoch beside a plain loop over gathered rows through a DataLoader.

    python benchmarks/ud.py [ROUNDS]

Synthetic: Gaussian features of 1,854 objects, 768 dimensions, 131,000 random triplets with random probabilities. Every
step of the epoch is taken, clipped and penalised alike; the two sides are measured in turn in this one process, ROUNDS
(3) times, with torch's own number of threads (OMP_NUM_THREADS sets it).

A step's products with W cost 2 x 2 x 768^2 operations for each row of features, which neither side can do without: the
plain loop has 768 rows in a batch of 256, the distinct objects are 629 of them. At batch 4,096 it is 12,288 and 1,852.
The products of the distinct objects alone are measured too: the plain loop over them is the most that is possible.
"""

import sys
import time

import numpy as np
import torch
from measure import print_goals
from torch.utils.data import DataLoader, Dataset

from alignet_hf.surrogate.minimisation import minimise
from alignet_hf.surrogate.objective import TripletTask

N_OBJECTS, DIMENSIONS, N_TRIPLETS = 1854, 768, 131_000
SETTINGS = {
    "regularization": 1e-2,
    "seed": 0,
    "learning_rate": 1e-3,
    "max_epochs": 1,
    "patience": 1,
    "init_scale": 1e-3,
    "max_grad_norm": 1.0,
}


class GatheredRows(Dataset):
    """A triplet's three rows of features, (3, p), and its probabilities, (3,)."""

    def __init__(self, data: TripletTask):
        self.data = data

    def __len__(self) -> int:
        return len(self.data.triplets)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self.data.features[self.data.triplets[row]], self.data.targets[row]


def plain_epoch(data: TripletTask, batch_size: int) -> float:
    """Equation 3 as it is written down, with autograd and torch's default Adam -> seconds."""
    start = time.perf_counter()
    weight = torch.nn.Parameter(SETTINGS["init_scale"] * torch.eye(DIMENSIONS))
    bias = torch.nn.Parameter(torch.zeros(DIMENSIONS))
    optimizer = torch.optim.Adam([weight, bias], SETTINGS["learning_rate"])
    identity = torch.eye(DIMENSIONS)
    order = torch.randperm(len(data.triplets), generator=torch.Generator().manual_seed(SETTINGS["seed"]))
    for features, targets in DataLoader(GatheredRows(data), batch_size, sampler=order.tolist()):
        i, j, k = (features @ weight.T + bias).unbind(1)
        similarities = torch.stack([(i * j).sum(1), (i * k).sum(1), (j * k).sum(1)], 1)
        alignment = -(targets * similarities.log_softmax(1)).sum(1).mean()
        penalty = (weight - weight.trace() / DIMENSIONS * identity).square().sum()
        optimizer.zero_grad()
        (alignment + SETTINGS["regularization"] * penalty).backward()
        torch.nn.utils.clip_grad_norm_([weight, bias], SETTINGS["max_grad_norm"])
        optimizer.step()
    return time.perf_counter() - start


def our_epoch(data: TripletTask, batch_size: int) -> float:
    """The epoch that `UncertaintyDistillation.fit` takes -> seconds."""
    start = time.perf_counter()
    minimise(data, None, SETTINGS | {"batch_size": batch_size}, progress=False)
    return time.perf_counter() - start


def products_alone(data: TripletTask, batch_size: int) -> float:
    """Of every step of the epoch, only the products with W of its distinct objects -> seconds."""
    weight = torch.eye(DIMENSIONS)
    batches = [data.triplets[rows].unique() for rows in torch.randperm(len(data.triplets)).split(batch_size)]
    start = time.perf_counter()
    for objects in batches:
        features = data.features[objects]
        (features @ weight.T).T @ features
    return time.perf_counter() - start


def synthetic() -> TripletTask:
    rng = np.random.default_rng(0)
    triplets = rng.integers(0, N_OBJECTS, (2 * N_TRIPLETS, 3))
    triplets = triplets[(triplets != np.roll(triplets, 1, 1)).all(1)][:N_TRIPLETS]
    features = rng.normal(size=(N_OBJECTS, DIMENSIONS)).astype(np.float32)
    targets = rng.dirichlet([0.5, 0.5, 0.5], N_TRIPLETS).astype(np.float32)
    return TripletTask(*(torch.from_numpy(array) for array in (features, triplets, targets)))


def main(n_rounds: int) -> None:
    data, goals = synthetic(), []
    for batch_size, goal in ((256, 4), (4096, None)):
        # In turn: what else the machine does meets both.
        ways = plain_epoch, our_epoch, products_alone
        theirs, ours, least = np.median([[way(data, batch_size) for way in ways] for _ in range(n_rounds)], axis=0)
        ratio = theirs / ours
        goals.append(
            (
                f"epoch at batch {batch_size}, times faster than the plain loop",
                "" if goal is None else f">= {goal}",
                f"{ratio:.1f} ({theirs:.1f} s -> {ours:.1f} s)",
                goal is None or bool(ratio >= goal),
            )
        )
        goals.append(
            ("- the most possible: its products with W alone", "", f"{theirs / least:.1f} ({least:.1f} s)", True)
        )
    print_goals(f"ud, {torch.get_num_threads()} threads", goals)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    main(int(sys.argv[1]) if len(sys.argv) == 2 else 3)
