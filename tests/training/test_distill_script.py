"""training/distill.py says in a line what the command line says in one."""

import errno
import importlib.util
import sys
from pathlib import Path

import pytest

from alignet_hf.demo.run import RECIPE
from alignet_hf.errors import InputError, NonFiniteLossError

SCRIPT = Path(__file__).parents[2] / "training" / "distill.py"


@pytest.fixture
def ending(tmp_path, monkeypatch, capsys):
    """The script where its run raises an error -> exit code, standard error."""
    spec = importlib.util.spec_from_file_location("distill_script", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(sys, "argv", ["distill.py", str(RECIPE), "--out", str(tmp_path / "out")])

    def ending(error: Exception) -> tuple[int, str]:
        def fail(*args, **kwargs):
            raise error

        monkeypatch.setattr(script, "run_together", fail)
        with pytest.raises(SystemExit) as stop:
            script.main()
        return stop.value.code, capsys.readouterr().err

    return ending


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (InputError("recipe: wrong"), 2, "recipe: wrong"),
        (NonFiniteLossError("the loss of step 3 is nan"), 1, "the loss of step 3 is nan"),
        (PermissionError(errno.EACCES, "Permission denied", "out/teacher"), 2, "out/teacher: Permission denied"),
        (
            OSError(errno.ENOSPC, "No space left on device", "out/metrics.json"),
            2,
            "out/metrics.json: No space left on device; make room and start the same command again",
        ),
    ],
)
def test_errors_are_one_line(ending, error, code, line):
    assert ending(error) == (code, f"distill.py: {line}\n")


def test_a_fault_of_ours_keeps_its_traceback(ending):
    with pytest.raises(ZeroDivisionError):
        ending(ZeroDivisionError())
