import warnings

import numpy as np
import pytest
import torch

from alignet_hf.errors import InputError, NonFiniteLossError
from alignet_hf.surrogate.vice import Vice
from alignet_hf.surrogate.vice import posterior as vice_module
from alignet_hf.surrogate.vice.fit import Fit
from alignet_hf.surrogate.vice.objective import Objective
from alignet_hf.surrogate.vice.posterior import HISTORY
from alignet_hf.surrogate.vice.prior import SpikeAndSlab
from alignet_hf.surrogate.vice.settings import Settings, default_settings
from alignet_hf.triplets import all_triplets, odd_one_last, triplet_probabilities, triplet_similarities

# A world of three dimensions, on each of which a third of the objects is high.
N = 30
RNG = np.random.default_rng(0)
TRUE = np.where(np.arange(N)[:, None] % 3 == np.arange(3), 1.8, 0.0) + RNG.uniform(0, 0.3, (N, 3))
TRIPLETS = RNG.permutation(all_triplets(N))
TRUTH = triplet_probabilities(triplet_similarities(TRUE, TRIPLETS))
# The pair that people chose, at these odds, comes first.
CHOSEN = (RNG.random(len(TRIPLETS))[:, None] > TRUTH.cumsum(1)).sum(1)
CHOICES, _ = odd_one_last(TRIPLETS, np.eye(3)[CHOSEN])
TRAINING, HELD_OUT = CHOICES[:3000], CHOICES[3000:]
QUICK = {"seed": 0, "init_dim": 8, "batch_size": 256, "learning_rate": 5e-2, "progress": False}

SETTINGS = {
    "seed": 0,
    "init_dim": 8,
    "prior": "gaussian",
    "spike": 0.25,
    "slab": 1.0,
    "pi": 0.5,
    "learning_rate": 5e-2,
    "batch_size": 256,
    "n_samples": 1,
    "max_epochs": 10,
    "cool_down": 0,
    "burn_in": 0,
    "window": 5,
    "k": 5,
    "fdr": 0.05,
    "patience": None,
}


@pytest.fixture(scope="module", params=["gaussian", "laplace"])
def fitted(request):
    return Vice.fit(TRAINING, N, prior=request.param, max_epochs=100, validation=HELD_OUT, **QUICK)


def correlations(embedding):
    return np.corrcoef(embedding.T, TRUE.T)[: embedding.shape[1], embedding.shape[1] :]


def test_finds_the_dimensions_that_people_see(fitted):
    assert len(fitted.dimensions) == 3
    assert fitted.embedding.shape == (N, 3)
    assert (fitted.embedding >= 0).all()
    assert sorted(correlations(fitted.embedding).argmax(1)) == [0, 1, 2]
    assert (correlations(fitted.embedding).max(1) > 0.95).all()
    assert (np.diff(fitted.embedding.sum(0)) <= 0).all()


def test_probabilities_are_those_of_people(fitted):
    triplets, truth = TRIPLETS[3000:], TRUTH[3000:]
    probabilities = fitted.triplet_probabilities(triplets)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    assert np.abs(probabilities - truth).mean() < 0.06
    assert np.abs(1 / 3 - truth).mean() > 0.15


def test_accuracy_is_close_to_the_best_possible(fitted):
    best = (TRUTH[3000:].argmax(1) == CHOSEN[3000:]).mean()
    result = fitted.odd_one_out_accuracy(HELD_OUT)
    accuracy = result.estimate
    assert best - 0.04 < accuracy <= best + 0.02
    assert result.low < accuracy < result.high
    assert (result.chance, result.n_objects, result.over) == (1 / 3, N, ("objects",))
    assert fitted.metadata["validation_accuracy"] == pytest.approx(accuracy, abs=0.03)
    swapped = HELD_OUT[:, [0, 2, 1]]  # another's choices: the odd one is another
    assert fitted.odd_one_out_accuracy(swapped, n_bootstrap=0).estimate < 0.3


def test_interval_of_accuracy_is_over_objects(fitted):
    triplets, draws = HELD_OUT[:300], 40
    result = fitted.odd_one_out_accuracy(triplets, 7, seed=3, n_bootstrap=draws)
    probabilities = fitted.triplet_probabilities(triplets, 7, seed=3)
    correct = (probabilities[:, 0] > probabilities[:, 1]) & (probabilities[:, 0] > probabilities[:, 2])
    assert result.estimate == correct.mean()
    counts = np.random.default_rng(3).multinomial(N, np.full(N, 1 / N), draws)
    weights = counts[:, triplets].prod(2)  # [draws, triplets]
    np.testing.assert_allclose(result.samples, (weights * correct).sum(1) / weights.sum(1))
    assert (result.low, result.high) == tuple(np.percentile(result.samples, [2.5, 97.5]))


def test_a_posterior_that_tells_nothing_apart_scores_zero():
    nothing = Vice(np.full((5, 2), -9, np.float32), np.full((5, 2), 0.1, np.float32), k=5, fdr=0.05)
    assert nothing.odd_one_out_accuracy(np.array([[0, 1, 2], [3, 4, 0]])).estimate == 0
    assert nothing.embedding.shape == (5, 0)


def test_probabilities_do_not_depend_on_the_other_triplets(fitted, monkeypatch):
    whole = fitted.triplet_probabilities(TRIPLETS[:500], 6, seed=4)
    np.testing.assert_allclose(fitted.triplet_probabilities(TRIPLETS[100:103], 6, seed=4), whole[100:103], atol=1e-6)
    monkeypatch.setattr(vice_module, "_TRIPLETS_PER_BLOCK", 64)
    np.testing.assert_allclose(fitted.triplet_probabilities(TRIPLETS[:500], 6, seed=4), whole, atol=1e-6)
    assert np.abs(fitted.triplet_probabilities(TRIPLETS[:500], 6, seed=5) - whole).max() > 1e-3
    assert fitted.triplet_probabilities(np.empty((0, 3), int)).shape == (0, 3)


def test_history_and_facts(fitted):
    assert fitted.history.shape == (100, len(HISTORY))
    loss, dimensions, validation_loss, accuracy = fitted.history.T
    assert loss[-1] < loss[0]
    assert fitted.metadata["dimensions"] == dimensions[-1] == 3
    assert fitted.metadata["validation_loss"] == validation_loss[-1] < validation_loss[0]
    assert fitted.metadata["validation_accuracy"] == accuracy[-1]
    assert fitted.metadata["n_triplets"] == 3000
    assert fitted.metadata["n_validation"] == len(HELD_OUT)


def test_save_and_load(fitted, tmp_path):
    fitted.save_pretrained(tmp_path)
    loaded = Vice.from_pretrained(tmp_path)
    for name, tensor in fitted.tensors().items():
        np.testing.assert_array_equal(loaded.tensors()[name], tensor)
    assert loaded.facts() == fitted.facts()
    assert loaded.odd_one_out_accuracy(HELD_OUT[:50]) == fitted.odd_one_out_accuracy(HELD_OUT[:50])


def test_same_seed_same_bytes(tmp_path):
    for folder, seed in (("a", 0), ("b", 0), ("c", 1)):
        fitted = Vice.fit(TRAINING, N, max_epochs=3, **QUICK | {"seed": seed})
        fitted.save_pretrained(tmp_path / folder)
    a, b, c = ((tmp_path / folder / Vice.file_name()).read_bytes() for folder in "abc")
    assert a == b != c


def test_neither_global_generator_nor_number_of_threads_changes():
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    Vice.fit(TRAINING, N, max_epochs=2, **QUICK)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_converges_by_the_number_of_dimensions():
    fitted = Vice.fit(TRAINING, N, max_epochs=200, burn_in=15, window=10, cool_down=5, **QUICK)
    facts, dimensions = fitted.metadata, fitted.history[:, HISTORY.index("dimensions")]
    assert facts["stopped"] == "converged"
    before = facts["epochs"] - 5
    assert 25 <= before < 195
    assert len(set(dimensions[before - 10 : before])) == 1
    # It did so at the first opportunity.
    assert before == 25 or len(set(dimensions[before - 11 : before - 1])) > 1


def test_a_number_that_never_changed_is_not_convergence():
    options = QUICK | {"learning_rate": 1e-4, "max_epochs": 30}  # a rate at which nothing has been pruned yet
    with pytest.warns(UserWarning, match="all 8 dimensions are kept after 30 epochs; raise max_epochs, or init_dim"):
        fitted = Vice.fit(TRAINING, N, burn_in=2, window=3, cool_down=0, **options)
    assert fitted.metadata["stopped"] == "max_epochs"


def test_stops_early_and_keeps_the_best_epoch():
    # So few choices are learnt by heart where the prior is wide.
    options = QUICK | {"spike": 3.0, "slab": 6.0, "max_epochs": 80}
    stopped = Vice.fit(TRAINING[:60], N, validation=HELD_OUT, patience=5, cool_down=0, **options)
    losses = stopped.history[:, HISTORY.index("validation_loss")]
    assert stopped.metadata["stopped"] == "early stopping"
    assert len(losses) < 80
    assert stopped.metadata["epoch"] == losses.argmin() + 1 == len(losses) - 5
    assert stopped.metadata["validation_loss"] == losses.min()
    to_the_best = Vice.fit(TRAINING[:60], N, cool_down=0, **options | {"max_epochs": stopped.metadata["epoch"]})
    np.testing.assert_array_equal(stopped.mean, to_the_best.mean)
    np.testing.assert_array_equal(stopped.scale, to_the_best.scale)


def test_validation_share_is_held_out():
    fitted = Vice.fit(CHOICES, N, validation=0.25, max_epochs=1, **QUICK)
    assert fitted.metadata["n_validation"] == round(0.25 * len(CHOICES))
    assert fitted.metadata["n_triplets"] == len(CHOICES) - fitted.metadata["n_validation"]


def test_draws_of_a_step_are_averaged():
    choices = torch.from_numpy(TRAINING[:200].astype(np.int64))
    fit = Fit(choices, None, N, Settings(**SETTINGS | {"n_samples": 3, "batch_size": 200}))
    with torch.no_grad():
        fit.parameters[1] = -1
    objective = Objective(fit.parameters.detach().clone(), SpikeAndSlab(), len(choices))
    generator = torch.Generator()
    generator.set_state(fit.generator.get_state())
    torch.randperm(len(choices), generator=generator)
    grads = torch.empty(3, 2, N, SETTINGS["init_dim"])
    losses = [
        objective.gradient(choices, torch.empty(grads[0, 0].shape).normal_(generator=generator), g) for g in grads
    ]
    assert fit.run_epoch()["loss"] == pytest.approx(np.mean(losses))
    np.testing.assert_allclose(fit.parameters.grad, grads.mean(0), atol=1e-6)
    assert (grads[0] - grads[1]).abs().max() > 1e-3


def test_objects_in_no_choice_are_said_and_left_at_the_prior():
    with pytest.warns(UserWarning, match=r"2 objects are in no choice, and stay at the prior: 30, 31"):
        fitted = Vice.fit(TRAINING, N + 2, max_epochs=5, **QUICK)
    np.testing.assert_array_equal(fitted.mean[N:], 0)
    np.testing.assert_allclose(fitted.scale[N:], np.sqrt(0.5 * 0.25**2 + 0.5), rtol=1e-6)


def test_no_dimension_left_is_said():
    with pytest.warns(UserWarning, match="no dimension has 31 objects above zero after 2 epochs"):
        Vice.fit(TRAINING, N, max_epochs=2, k=31, **QUICK)


@pytest.mark.parametrize(("n_choices", "init_dim"), [(999_999, 30), (1_000_000, 100)])
def test_defaults_by_the_number_of_choices(n_choices, init_dim):
    assert default_settings(n_choices)["init_dim"] == init_dim
    Settings(**SETTINGS | default_settings(n_choices))


def test_defaults_are_filled_in():
    choices = TRAINING[:50]
    given = Vice.fit(choices, N, seed=0, max_epochs=2, learning_rate=0.1, progress=False).metadata
    expected = default_settings(50) | {"max_epochs": 2, "learning_rate": 0.1}
    assert {name: given[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"triplets": TRAINING[:5] + N}, "out of range"),
        ({"triplets": np.array([[0, 1, 1]])}, "row 0 names an item twice"),
        ({"triplets": np.empty((0, 3), int)}, "there are none to fit to"),
        ({"validation": np.array([[0, 1, N]])}, "validation: row 0 is out of range"),
        ({"validation": 1.5}, "validation: a share of 1.5"),
        ({"validation": np.empty((0, 3), int)}, "validation: there are no choices in it"),
        ({"patience": 3}, "patience: early stopping needs validation"),
        ({"patience": 0, "validation": 0.1}, "patience: 0"),
        ({"learning_rate": 0.0}, "learning_rate: 0"),
        ({"batch_size": 0}, "batch_size: 0; 1 or more"),
        ({"max_epochs": 0}, "max_epochs: 0; 1 or more"),
        ({"cool_down": -1}, "cool_down: -1"),
        ({"fdr": 0.0}, "fdr: 0 is not"),
        ({"prior": "cauchy"}, "'cauchy' is not gaussian or laplace"),
        ({"pi": 2.0}, "pi: 2 is not"),
    ],
)
def test_bad_input(change, message):
    options = {"triplets": TRAINING, "n_objects": N, "max_epochs": 1} | QUICK | change
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(InputError, match=message):
            Vice.fit(**options)


def test_accuracy_needs_a_choice(fitted):
    with pytest.raises(InputError, match="triplets: there are none to score"):
        fitted.odd_one_out_accuracy(np.empty((0, 3), int))


def test_probabilities_need_known_objects_and_a_draw(fitted):
    with pytest.raises(InputError, match="out of range"):
        fitted.triplet_probabilities(np.array([[0, 1, N]]))
    with pytest.raises(InputError, match="n_samples: 0"):
        fitted.triplet_probabilities(TRIPLETS[:3], 0)


def test_a_fit_that_diverges_says_so():
    with pytest.raises(NonFiniteLossError, match="lower learning_rate"):
        Vice.fit(TRAINING, N, max_epochs=5, **QUICK | {"learning_rate": 1e30})
