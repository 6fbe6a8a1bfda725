"""How far a training is: lines at logging steps, each at its time; a bar on a terminal."""

import sys

import pytest
from transformers import TrainerControl, TrainerState

from alignet_hf.distill import progress
from alignet_hf.distill.progress import TrainingProgress


def train(monkeypatch, seconds: float, steps: int = 100, first: int = 0, is_first_process: bool = True):
    """A training without a model: a log every tenth step."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    callback, control = TrainingProgress("alignet"), TrainerControl()
    state = TrainerState(global_step=first, max_steps=steps, is_world_process_zero=is_first_process)
    callback.on_train_begin(None, state, control)
    while state.global_step < steps:
        state.global_step += 1
        now[0] += seconds
        callback.on_step_end(None, state, control)
        if state.global_step % 10 == 0:
            callback.on_log(None, state, control, logs={"loss": 0.19, "learning_rate": 1e-5, "grad_norm": 1.0})
    callback.on_log(None, state, control, logs={"train_runtime": 1.0})
    callback.on_train_end(None, state, control)


def test_a_line_at_every_logging_step(monkeypatch, capsys):
    train(monkeypatch, seconds=72)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == 10
    assert lines[3] == "alignet: step 40/100, loss 0.190, lr 1e-05, 72 min left"


def test_fast_steps_are_lines_at_times(monkeypatch, capsys):
    train(monkeypatch, seconds=0.25)
    assert [line.split(",")[0] for line in capsys.readouterr().err.splitlines()] == [
        "alignet: step 40/100",
        "alignet: step 80/100",
    ]


def test_it_says_from_where_it_goes_on(monkeypatch, capsys):
    train(monkeypatch, seconds=60, first=80)
    assert capsys.readouterr().err.splitlines() == [
        "alignet: goes on from step 80 of 100",
        "alignet: step 90/100, loss 0.190, lr 1e-05, 10 min left",
        "alignet: step 100/100, loss 0.190, lr 1e-05, 0 s left",
    ]


@pytest.mark.parametrize("first", [0, 80])
def test_the_other_processes_are_silent(monkeypatch, capsys, first):
    train(monkeypatch, seconds=72, first=first, is_first_process=False)
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_a_terminal_goes_on_where_the_training_does(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    train(monkeypatch, seconds=72, first=80)
    err = capsys.readouterr().err
    assert "80/100" in err
    assert "100/100" in err
    assert "loss=0.190" in err
    assert "alignet: step" not in err
