import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from alignet_hf.errors import InputError
from alignet_hf.surrogate.vice import Vice
from alignet_hf.surrogate.vice.checkpoint import FILE
from alignet_hf.surrogate.vice.fit import Fit

N = 20
CHOICES = np.argsort(np.random.default_rng(0).random((900, N)), 1)[:, :3]
OPTIONS = {
    "seed": 0,
    "init_dim": 6,
    "batch_size": 100,
    "learning_rate": 5e-2,
    "n_samples": 2,
    "validation": 0.2,
    "max_epochs": 12,
    "cool_down": 4,
    "progress": False,
}


def fit(folder=None, **change):
    return Vice.fit(CHOICES, N, checkpoint=folder, checkpoint_seconds=0, **OPTIONS | change)


def same_bytes(tmp_path, *posteriors):
    files = [
        posterior.save_pretrained(tmp_path / str(row)) / Vice.file_name() for row, posterior in enumerate(posteriors)
    ]
    return len({file.read_bytes() for file in files}) == 1


@pytest.fixture
def stop_after(monkeypatch):
    """Make the next fit stop before its epoch of this number, as if it had been killed."""
    run_epoch = Fit.run_epoch

    def stop(epochs):
        def run(self):
            if self.epochs == epochs:
                raise KeyboardInterrupt
            return run_epoch(self)

        monkeypatch.setattr(Fit, "run_epoch", run)

    yield stop
    monkeypatch.undo()


# In the middle, in the cool-down, and where the best epoch lies before the stop.
@pytest.mark.parametrize(
    "change", [{}, {"patience": 2, "spike": 3.0, "slab": 6.0}, {"burn_in": 1, "window": 2, "k": 1}]
)
@pytest.mark.parametrize("epochs", [1, 5, 10])
def test_a_stopped_fit_goes_on_to_the_same_bytes(change, epochs, stop_after, tmp_path):
    undisturbed = fit(**change)
    if epochs >= undisturbed.metadata["epochs"]:
        epochs = undisturbed.metadata["epochs"] - 1
    stop_after(epochs)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path / "run", **change)
    stop_after(-1)
    resumed = fit(tmp_path / "run", **change)
    assert same_bytes(tmp_path, undisturbed, resumed)


def test_it_goes_on_rather_than_starts_again(stop_after, tmp_path):
    stop_after(7)
    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path)
    stop_after(6)  # a fit from the start would come here
    fit(tmp_path)


def test_a_finished_fit_is_read_from_its_checkpoint(stop_after, tmp_path):
    first = fit(tmp_path / "run")
    stop_after(0)
    assert same_bytes(tmp_path, first, fit(tmp_path / "run"))


def test_checkpoints_are_not_written_more_often_than_asked(stop_after, tmp_path):
    stop_after(5)
    with pytest.raises(KeyboardInterrupt):
        Vice.fit(CHOICES, N, checkpoint=tmp_path, checkpoint_seconds=3600, **OPTIONS)
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 1, "validation": None}, "choices, validation, seed"),
        ({"pi": 0.4}, "pi"),
        ({"max_epochs": 13}, "max_epochs"),
    ],
)
def test_another_fit_s_checkpoint_is_refused(change, named, tmp_path):
    fit(tmp_path)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(InputError, match=f"of a fit with other {named}; name another folder"):
        fit(tmp_path, **change)
    assert (tmp_path / FILE).read_bytes() == before


@pytest.mark.parametrize("keep", [0, 50, 2000])
def test_a_damaged_checkpoint_is_named(keep, tmp_path):
    fit(tmp_path)
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:keep])
    with pytest.raises(InputError, match=f"{FILE}: not a checkpoint of VICE, or damaged"):
        fit(tmp_path)


def rewrite(path, tensors=None, metadata=None):
    """Write a checkpoint again with some of its tensors changed (None: left out), or its metadata."""
    with safe_open(path, "pt") as file:
        kept, header = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    changed = {name: tensor for name, tensor in (kept | (tensors or {})).items() if tensor is not None}
    save_file(changed, path, header if metadata is None else {"vice": metadata(json.loads(header["vice"]))})


def without(key):
    return lambda found: json.dumps({name: value for name, value in found.items() if name != key})


def changed(key, value):
    return lambda found: json.dumps(found | {key: value})


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ({"metadata": lambda found: json.dumps(found)[:-9]}, "JSONDecodeError"),
        ({"metadata": lambda found: "[]"}, "TypeError"),
        ({"metadata": without("identity")}, "KeyError: 'identity'"),
        ({"metadata": without("history")}, "KeyError: 'history'"),
        ({"metadata": without("cooling")}, "KeyError: 'cooling'"),
        ({"metadata": changed("identity", {"pi": 0.5})}, "KeyError: 'choices'"),
        ({"metadata": changed("history", [{"loss": 1.0, "dimensions": 2}])}, "KeyError: 'validation_loss'"),
        ({"metadata": changed("cooling", 3)}, "TypeError"),
        ({"tensors": {"exp_avg": None}}, "it has no tensor exp_avg"),
        ({"tensors": {"best": None}}, "it has no tensor best"),
        *[
            (
                {"tensors": {name: torch.zeros(2, N + 1, 6)}},
                rf"{name} is \(2, 21, 6\) float32 where \(2, 20, 6\) float32",
            )
            for name in ("parameters", "exp_avg", "exp_avg_sq", "best")
        ],
        ({"tensors": {"step": torch.zeros(2)}}, r"step is \(2,\) float32 where \(\) float32"),
        ({"tensors": {"generator": torch.zeros(7, dtype=torch.uint8)}}, r"generator is \(7,\) uint8"),
        ({"tensors": {"parameters": torch.zeros(2, N, 6, dtype=torch.float64)}}, r"parameters is \(2, 20, 6\) float64"),
    ],
)
def test_a_checkpoint_with_something_missing_or_of_another_shape_is_named(damage, named, tmp_path):
    options = {"patience": 50, "max_epochs": 3, "cool_down": 1}
    fit(tmp_path, **options)
    rewrite(tmp_path / FILE)  # as it was: it is the damage that is refused
    fit(tmp_path, **options)
    rewrite(tmp_path / FILE, **damage)
    with pytest.raises(
        InputError, match=f"{FILE}: not a checkpoint of VICE, or damaged: .*{named}.*; delete it"
    ) as raised:
        fit(tmp_path, **options)
    assert "\n" not in str(raised.value)


SCRIPT = """
import sys
import numpy as np
import torch
from alignet_hf.surrogate.vice import Vice

torch.set_num_threads(1)
choices = np.load(sys.argv[1])
Vice.fit(choices, 40, seed=0, batch_size=50, max_epochs=40, checkpoint=sys.argv[2], checkpoint_seconds=0)
"""


def test_killed(tmp_path):
    choices = np.argsort(np.random.default_rng(0).random((4000, 40)), 1)[:, :3]
    np.save(tmp_path / "choices.npy", choices)
    checkpoint = tmp_path / "checkpoint" / FILE
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, tmp_path / "choices.npy", checkpoint.parent])
    while process.poll() is None and not checkpoint.exists():
        time.sleep(0.01)
    time.sleep(0.3)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    with safe_open(checkpoint, "pt") as file:  # whole, whenever the kill came
        assert 0 < len(json.loads(file.metadata()["vice"])["history"]) < 40
    killed, whole = (
        Vice.fit(choices, 40, seed=0, batch_size=50, max_epochs=40, checkpoint=folder, progress=False)
        for folder in (checkpoint.parent, None)
    )
    assert same_bytes(tmp_path, killed, whole)
