import numpy as np
import pytest
from tqdm import tqdm

from alignet_hf.surrogate.vice import Vice, optimisation
from alignet_hf.surrogate.vice.settings import Settings
from alignet_hf.surrogate.vice.stopping import best_epoch, reason_to_stop

SETTINGS = {
    "seed": 0,
    "init_dim": 9,
    "prior": "gaussian",
    "spike": 0.25,
    "slab": 1.0,
    "pi": 0.5,
    "learning_rate": 1e-2,
    "batch_size": 128,
    "n_samples": 1,
    "max_epochs": 20,
    "cool_down": 4,
    "burn_in": 3,
    "window": 3,
    "k": 5,
    "fdr": 0.05,
    "patience": None,
}


@pytest.mark.parametrize(
    ("dimensions", "reason"),
    [
        ([], None),
        ([9, 8, 7, 5, 5], None),
        ([5, 5, 5, 5, 5], None),  # the first three are burn-in
        ([9, 8, 7, 5, 5, 5], "converged"),
        ([9, 8, 5, 5, 5, 4], None),
        ([9, 8, 7, 6, 5, 5], None),
        ([0, 0, 0, 0, 0, 0, 0], None),
        ([9, 9, 9, 9, 9, 9, 9], None),
        ([*range(15)], None),
        ([*range(16)], "max_epochs"),
    ],
)
def test_by_the_number_of_dimensions(dimensions, reason):
    history = [{"dimensions": number} for number in dimensions]
    assert reason_to_stop(history, Settings(**SETTINGS)) == reason


@pytest.mark.parametrize(
    ("losses", "best", "reason"),
    [
        ([], 0, None),
        ([3.0, 2.0, 2.1], 2, None),
        ([3.0, 2.0, 2.1, 2.2], 2, "early stopping"),
        ([3.0, 2.0, 2.0, 2.0], 2, "early stopping"),  # no lower is no better
        ([3.0, 2.0, 2.1, 1.9], 4, None),
    ],
)
def test_by_the_held_out_likelihood(losses, best, reason):
    history = [{"dimensions": row, "validation_loss": loss} for row, loss in enumerate(losses)]
    assert best_epoch(history) == best
    assert reason_to_stop(history, Settings(**SETTINGS | {"patience": 2})) == reason


def test_progress_shows_the_loss_the_held_out_accuracy_and_the_dimensions(monkeypatch):
    shown = []

    class Bar(tqdm):
        def set_postfix(self, ordered_dict=None, refresh=True, **kwargs):
            shown.append(dict(ordered_dict))

    monkeypatch.setattr(optimisation, "tqdm", Bar)
    choices = np.argsort(np.random.default_rng(0).random((60, 9)), 1)[:, :3]
    with pytest.warns(UserWarning, match="raise max_epochs"):
        posterior = Vice.fit(choices, 9, seed=0, init_dim=2, max_epochs=3, validation=0.2, k=1, fdr=0.9)
    assert [set(one) for one in shown] == [{"loss", "dimensions", "validation_loss", "validation_accuracy"}] * 3
    assert shown[-1]["validation_accuracy"] == f"{posterior.metadata['validation_accuracy']:.4g}"
