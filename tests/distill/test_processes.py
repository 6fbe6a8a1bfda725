"""Two processes learn as one does: the same curves, gradients and scores, also from one another's checkpoints."""

import json
from pathlib import Path

import pytest
import torch
from processes import launched
from safetensors.torch import load_file
from two_processes import CURVES, curve_trainer, evaluation, gathered_gradients, listed_trainer

from alignet_hf.errors import InputError

SCRIPT = Path(__file__).with_name("two_processes.py")
# Adam makes whole steps of the rounding noise that is the gradient of the keys' bias, which attention does not depend
# on; the penalty, and the gradient's norm a little, see it.
NOISY = {"decay_penalty": 1e-2, "grad_norm": 1e-3}


@pytest.fixture(scope="module")
def by_one(tmp_path_factory):
    """The curves of a single process with 64 rows a step; its checkpoints lie where two processes find them."""
    folder = tmp_path_factory.mktemp("processes")
    curves = {}
    for data in CURVES:
        trainer = curve_trainer(folder / f"{data}-by-one", data, batch_size=64)
        trainer.train()
        curves[data] = trainer.state.log_history
    return folder, curves


@pytest.fixture(scope="module")
def folder(by_one):
    """What two processes left."""
    launched(2, SCRIPT, by_one[0])
    return by_one[0]


def read(folder, name, process=0):
    return json.loads((folder / f"{name}-{process}.json").read_text())


def assert_same_curve(first, second, tolerance=1e-4):
    assert [entry["step"] for entry in first] == [entry["step"] for entry in second]
    for one, two in zip(first[:-1], second[:-1], strict=True):  # the last holds the runtime
        assert one.keys() == two.keys()
        for key, value in one.items():
            assert two[key] == pytest.approx(value, rel=NOISY.get(key, tolerance), abs=1e-7), (key, one["step"])


def test_two_processes_train_as_one(folder, tmp_path):
    """The same losses, accuracies and weights under gradient accumulation; resuming was checked over there."""
    alone = listed_trainer(tmp_path, batch_size=4)
    alone.train()
    assert_same_curve(alone.state.log_history, read(folder, "log"))
    for name, value in load_file(folder / "weights.safetensors").items():
        if not name.endswith("k_proj.bias"):
            torch.testing.assert_close(value, alone.model.state_dict()[name], atol=1e-4, rtol=1e-4, msg=name)


@pytest.mark.parametrize("data", CURVES)
def test_one_process_with_64_rows_and_two_with_32_have_the_same_curve(by_one, folder, data):
    """Dense ones with gathered negatives; each epoch ends with a step of 8 rows."""
    steps = [entry["loss"] for entry in by_one[1][data][:-1]]
    assert len(steps) == 20
    assert len({round(loss, 4) for loss in steps}) > 15  # a curve that a mistake in the data would change
    assert_same_curve(by_one[1][data], read(folder, f"{data}-curve"))


@pytest.mark.parametrize("data", CURVES)
def test_two_processes_go_on_from_the_checkpoint_of_one(by_one, folder, data):
    assert_same_curve(by_one[1][data], read(folder, f"{data}-goes-on"))


@pytest.mark.parametrize("data", CURVES)
def test_one_process_goes_on_from_the_checkpoint_of_two(by_one, folder, data, tmp_path):
    resumed = curve_trainer(tmp_path, data, batch_size=64)
    resumed.train(resume_from_checkpoint=str(folder / f"{data}-by-two" / "checkpoint-9"))
    assert_same_curve(by_one[1][data], resumed.state.log_history)


def test_a_checkpoint_of_other_steps_is_refused(by_one, tmp_path):
    checkpoint = str(by_one[0] / "listed-by-one" / "checkpoint-9")
    with pytest.raises(InputError, match="learnt from 64 rows, those of this run would learn from 32"):
        curve_trainer(tmp_path, "listed", batch_size=32).train(resume_from_checkpoint=checkpoint)
    # Halves of it in two micro-batches are the same step.
    halves = curve_trainer(tmp_path, "listed", batch_size=32, gradient_accumulation_steps=2)
    halves.train(resume_from_checkpoint=checkpoint)
    losses = [[entry["loss"] for entry in log[:-1]] for log in (by_one[1]["listed"], halves.state.log_history)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.parametrize(
    ("name", "n_images", "options"),
    [("gathered", 32, {}), ("uneven", 27, {"sampling": "cluster-boundary"})],  # 14 images and 13
)
def test_gathered_negatives_give_the_gradient_of_the_whole_batch(folder, tmp_path, name, n_images, options):
    whole = gathered_gradients(tmp_path, 32, n_images, **options)
    together = load_file(folder / f"{name}.safetensors")
    assert whole.keys() == together.keys()
    assert max(gradient.abs().max() for gradient in whole.values()) > 0.1
    for key, gradient in whole.items():
        torch.testing.assert_close(together[key], gradient, atol=1e-5, rtol=1e-5, msg=key)


def test_evaluation_is_shared_and_counts_every_row_once(folder, tmp_path):
    alone = evaluation(tmp_path)
    for process in (0, 1):
        scores = read(folder, "evaluation", process)
        for key in ("listed_loss", "dense_loss", "people_odd_one_out_accuracy"):
            assert scores[key] == pytest.approx(alone[key], rel=1e-6), key


def test_a_loss_that_is_not_finite_in_one_process_stops_all(folder):
    first, second = read(folder, "not-finite", 0), read(folder, "not-finite", 1)
    assert first == second
    assert first["step"] == 1
    assert first["error"].startswith("the loss of step 2 is nan in process 1: the batch's similarities are not finite")
