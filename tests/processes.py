"""Processes that work together over gloo, as a launcher starts them."""

import multiprocessing
import os
import socket
import subprocess
import sys
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
