"""Processes that work together over gloo, as a launcher starts them; and work that is killed."""

import multiprocessing
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch
from accelerate import PartialState

from alignet_hf.errors import InputError

TESTS = Path(__file__).parent
LAUNCHER = ("-m", "torch.distributed.run", "--standalone")


def launched(n_processes: int, *command, cwd=None, timeout: float = 400) -> subprocess.CompletedProcess:
    """Run a script, or `-m` a module, with its arguments, in one process or in several; it must end well."""
    several = () if n_processes == 1 else (*LAUNCHER, f"--nproc_per_node={n_processes}")
    paths = os.pathsep.join(map(str, (TESTS.parent, TESTS, TESTS / "distill")))
    run = subprocess.run(
        [sys.executable, *several, *map(str, command)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert run.returncode == 0, run.stderr[-5000:]
    return run


def killed_at_random(start: Callable[[Path], BaseProcess], folder: Path, contents: Callable[[Path], object]) -> Path:
    """Kill work that goes on when it is started again, at random moments -> the folder of what was killed last.

    What comes to its end between kills must have the contents of undisturbed work.

    Args:
        start: starts the work in a folder.
        folder: for all there is; the undisturbed work is in `undisturbed`.
        contents: of the work in a folder, to compare.
    """
    begun = time.monotonic()
    start(folder / "undisturbed").join()
    duration = time.monotonic() - begun
    expected = contents(folder / "undisturbed")
    moments, kills, killed = random.Random(0), 0, folder / "killed-0"
    for attempt in range(20):
        child = start(killed)
        child.join(moments.uniform(0.1, 0.7) * duration)
        child.kill()
        child.join()
        kills += child.exitcode != 0
        if child.exitcode == 0:
            assert contents(killed) == expected
            killed = folder / f"killed-{attempt + 1}"
    assert kills >= 5
    return killed


def in_processes(n_processes: int, work) -> list:
    """What `work(index)` gives, or its InputError, in processes as a launcher starts them; None where one was killed.

    Forked, they need not import torch anew.
    """
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]

    def child(index, pipe):
        torch.set_num_threads(1)
        names = {
            "RANK": index,
            "LOCAL_RANK": index,
            "WORLD_SIZE": n_processes,
            "LOCAL_WORLD_SIZE": n_processes,
            "OMP_NUM_THREADS": 1,
        }
        names |= {"MASTER_ADDR": "localhost", "MASTER_PORT": port}
        os.environ.update({name: str(value) for name, value in names.items()})
        PartialState._reset_state()
        try:
            pipe.send(work(index))
        except InputError as error:
            pipe.send(error)
        os._exit(0)

    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(n_processes)]
    children = [context.Process(target=child, args=(index, there)) for index, (_, there) in enumerate(pipes)]
    for process, (_, there) in zip(children, pipes, strict=True):
        process.start()
        there.close()
    results = []
    for here, _ in pipes:
        try:
            results.append(here.recv() if here.poll(120) else pytest.fail("a process hangs"))
        except EOFError:
            results.append(None)
            for process in children:  # as launchers do
                process.kill()
    for process in children:
        process.join()
    return results
