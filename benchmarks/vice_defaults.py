"""The choice of VICE's defaults: settings beside one another, by their accuracy on held-out choices.

    python benchmarks/vice_defaults.py DATA_FOLDER                       # people's own choices, some 10^5
    python benchmarks/vice_defaults.py DATA_FOLDER --simulate 4700000    # as many simulated ones

DATA_FOLDER holds triplets.txt (a row "i j k" each, k the odd one) and spose_66d.npy, people's published dimensions of
the objects. Simulated choices are of triplets drawn at random, the pair drawn from the softmax over the dot products of
those dimensions. People are no argmax: the softmax has the temperature under which their own choices are the most
likely, and so the simulated choices are as hard to predict as theirs.

Every setting is fitted to the first split of 90/10, and the best two to the others as well. Ties are wrong. The last
row is what most is possible: people's dimensions themselves, from which simulated choices were drawn; of people's own
choices they are only the best model there is. For a smaller run, give --simulate a smaller number, or --splits 1.
"""

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.optimize import minimize_scalar

from alignet_hf.data.things import read_embedding, read_triplets
from alignet_hf.evaluation.human.odd_one_out import model_similarities
from alignet_hf.surrogate.vice import Vice
from alignet_hf.surrogate.vice.settings import default_settings
from alignet_hf.triplets import is_correct, odd_one_last, triplet_probabilities

NAMES = ("init_dim", "learning_rate", "max_epochs", "cool_down", "burn_in", "window")
FEW = [
    (30, 4e-2, 300, 40, 40, 20),
    (30, 2e-2, 300, 40, 40, 20),
    (30, 8e-2, 300, 40, 40, 20),
    (15, 4e-2, 300, 40, 40, 20),
    (60, 4e-2, 300, 40, 40, 20),
    (100, 4e-2, 300, 40, 40, 20),
    (30, 4e-2, 100, 40, 20, 10),
    (30, 4e-2, 600, 200, 40, 50),
]
MANY = [
    (100, 5e-3, 60, 10, 10, 5),
    (100, 5e-3, 20, 5, 5, 3),
    (100, 1e-2, 20, 5, 5, 3),
    (100, 2e-2, 12, 5, 3, 3),
]
FINALISTS = 2


@dataclass
class Tried:
    """A setting, and what came of it: an entry a split in each list."""

    options: dict
    accuracies: list[float] = field(default_factory=list)
    dimensions: list[int] = field(default_factory=list)
    epochs: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def fit(self, training: np.ndarray, held_out: np.ndarray, n_objects: int) -> None:
        seed, start = len(self.accuracies), time.perf_counter()
        posterior = Vice.fit(training, n_objects, seed=seed, **self.options)
        self.seconds.append(time.perf_counter() - start)
        self.accuracies.append(posterior.odd_one_out_accuracy(held_out, n_bootstrap=0).estimate)
        self.dimensions.append(len(posterior.dimensions))
        self.epochs.append(f"{posterior.metadata['epochs']}, {posterior.metadata['stopped']}")
        setting = ", ".join(f"{self.options[name]:g}" for name in NAMES)
        found = f"{self.accuracies[-1]:.4f}, {self.seconds[-1]:.0f} s, {self.dimensions[-1]} dimensions"
        print(f"{setting}; split {seed}: {found}, {self.epochs[-1]} epochs", file=sys.stderr, flush=True)


def people_temperature(dimensions: np.ndarray, choices: np.ndarray) -> float:
    """The softmax's temperature under which choices, (n, 3) with the odd one last, are the most likely."""
    similarities = model_similarities(dimensions, choices)

    def loss(temperature: float) -> float:
        return -np.log(triplet_probabilities(similarities, temperature)[:, 0]).mean()

    return float(minimize_scalar(loss, bounds=(0.05, 20), method="bounded").x)


def simulated_choices(dimensions: np.ndarray, n: int, temperature: float, seed: int) -> np.ndarray:
    """Choices of `n` random triplets, drawn from the softmax at a temperature -> (n, 3), the odd one last."""
    rng = np.random.default_rng(seed)
    triplets = np.empty((0, 3), np.int64)
    while len(triplets) < n:
        drawn = rng.integers(0, len(dimensions), (n - len(triplets) + 100, 3))
        triplets = np.concatenate([triplets, drawn[(drawn != np.roll(drawn, 1, 1)).all(1)]])[:n]
    probabilities = triplet_probabilities(model_similarities(dimensions, triplets), temperature)
    chosen = (rng.random((n, 1)) > probabilities[:, :2].cumsum(1)).sum(1)
    return odd_one_last(triplets, np.eye(3)[chosen])[0]


def splits(choices: np.ndarray, n_splits: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """(training, held-out) choices, 90/10, of each seed."""
    orders = [np.random.default_rng(seed).permutation(len(choices)) for seed in range(n_splits)]
    held = len(choices) // 10
    return [(choices[rows[held:]], choices[rows[:held]]) for rows in orders]


def table(title: str, tried: list[Tried], default: dict, possible: list[float]) -> Table:
    made = Table(title=title)
    for name in (", ".join(NAMES), "accuracy of each split", "mean", "seconds", "epochs", "dimensions"):
        made.add_column(name, overflow="fold")
    for one in tried:
        setting = ", ".join(f"{one.options[name]:g}" for name in NAMES)
        made.add_row(
            setting + (" (default)" if one.options == default else ""),
            *_accuracies(one.accuracies),
            ", ".join(f"{seconds:.0f}" for seconds in one.seconds),
            "; ".join(one.epochs),
            ", ".join(map(str, one.dimensions)),
        )
    made.add_row("people's dimensions", *_accuracies(possible))
    return made


def _accuracies(values: list[float]) -> tuple[str, str]:
    return ", ".join(f"{value:.4f}" for value in values), f"{np.mean(values):.4f}"


def main(folder: Path, n_simulated: int | None, n_splits: int) -> None:
    dimensions = read_embedding(folder / "spose_66d.npy")
    choices = read_triplets(folder / "triplets.txt", len(dimensions))
    title = f"VICE on {len(choices)} choices of people"
    if n_simulated is not None:
        temperature = people_temperature(dimensions, choices)
        choices = simulated_choices(dimensions, n_simulated, temperature, seed=0)
        title = f"VICE on {n_simulated} SIMULATED choices, temperature {temperature:.3f}"
    parts = splits(choices, n_splits)
    default = default_settings(len(parts[0][0]))
    settings = MANY if default == default_settings(10**7) else FEW
    tried = [Tried(dict(zip(NAMES, setting, strict=True))) for setting in settings]
    for one in tried:
        one.fit(*parts[0], len(dimensions))
    for one in sorted(tried, key=lambda one: -one.accuracies[0])[:FINALISTS]:
        for part in parts[1:]:
            one.fit(*part, len(dimensions))
    possible = [is_correct(model_similarities(dimensions, held_out)).mean() for _, held_out in parts]
    Console(width=None if sys.stdout.isatty() else 160).print(table(title, tried, default, possible))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DATA_FOLDER")
    parser.add_argument("--simulate", type=int, metavar="N", help="choices to simulate; people's own by default")
    parser.add_argument("--splits", type=int, default=3, help="for the best two settings; 3 by default")
    arguments = parser.parse_args()
    main(arguments.folder, arguments.simulate, arguments.splits)
