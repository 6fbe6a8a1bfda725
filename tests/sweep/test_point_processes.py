"""Points in processes: one that fails or is killed stops no other, and none outlives the sweep."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from point_work import work

from alignet_hf.demo.run import RECIPE
from alignet_hf.sweep.grid import load_sweep
from alignet_hf.sweep.processes import run_points


def points(*numbers: int):
    return load_sweep(RECIPE, [f"triplets.n={','.join(map(str, numbers))}"], ["distill.triplets=listed"]).points


def test_those_that_fail_are_reported_and_the_others_end(tmp_path):
    said = []
    before = os.environ.get("OMP_NUM_THREADS")
    failures = run_points(points(1, 2, 3, 10, 11), tmp_path, processes=2, threads=1, say=said.append, task=work)
    log = tmp_path / "logs" / "triplets.n=1.txt"
    assert failures["triplets.n=1"] == f"images.source: wrong (see {log})"
    assert "signal SIGKILL (want of memory, perhaps)" in failures["triplets.n=2"]
    assert "ZeroDivisionError: a fault of ours" in failures["triplets.n=3"]
    assert set(failures) == {"triplets.n=1", "triplets.n=2", "triplets.n=3"}
    assert "Traceback" in (tmp_path / "logs" / "triplets.n=3.txt").read_text()
    assert "Traceback" not in log.read_text()
    assert "at work with 1 threads, 1 of OpenMP" in log.read_text()
    ended = {path.read_text() for path in tmp_path.glob("points/*/done")}
    assert len(ended) == 2  # each in a process of its own
    assert os.environ.get("OMP_NUM_THREADS") == before
    assert [line.split()[0] for line in said] == ["1/5", "2/5", "3/5", "4/5", "5/5"]


def test_no_point_outlives_a_sweep_that_is_killed(tmp_path):
    """SIGKILL, of which the sweep itself learns nothing."""
    numbers, options = points(4), {"processes": 1, "threads": 1, "task": work}
    parent = multiprocessing.get_context("spawn").Process(target=run_points, args=(numbers, tmp_path), kwargs=options)
    parent.start()
    log = tmp_path / "logs" / "triplets.n=4.txt"
    deadline = time.monotonic() + 120
    while not (log.is_file() and log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    (child,) = _writing(log)
    os.kill(parent.pid, signal.SIGKILL)
    parent.join()
    while _is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_alive(child)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_sweep_that_is_stopped_leaves_nothing_behind(tmp_path, stop):
    """Ctrl-C, which a terminal sends to every process of the command; and SIGTERM to the sweep's alone."""
    run = (
        "from test_point_processes import *\n"
        # Of what a shell runs in the background, Ctrl-C is ignored, and so it would be here.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"run_points(points(5), Path({str(tmp_path)!r}), processes=1, threads=1, task=work)"
    )
    paths = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[2])))
    sweep = subprocess.Popen(
        [sys.executable, "-c", run],
        env={**os.environ, "PYTHONPATH": paths},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    log = tmp_path / "logs" / "triplets.n=5.txt"
    deadline = time.monotonic() + 120
    while not (log.is_file() and "holds a semaphore" in log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(-sweep.pid if stop == signal.SIGINT else sweep.pid, stop)
    _, error = sweep.communicate(timeout=60)  # when the resource tracker, the last that has it open, has ended
    assert sweep.returncode == -stop
    assert "resource_tracker" not in error
    assert "Traceback" not in log.read_text()


def _writing(log: Path) -> list[int]:
    """Processes that have the file open."""
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/1"):
        try:
            if os.readlink(link) == str(log):
                found.append(int(link.parts[2]))
        except OSError:  # it has gone, or is somebody else's
            continue
    return found


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
