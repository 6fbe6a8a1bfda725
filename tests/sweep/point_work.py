"""What a point of a test's sweep does, in a module that imports nothing heavy: each point's process imports it."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

from alignet_hf.errors import InputError


def work(recipe, folder: Path, library: Path, *, force: bool, threads: int) -> None:
    """What a point of so many triplets does."""
    folder.mkdir(parents=True, exist_ok=True)
    print(f"at work with {threads} threads, {os.environ['OMP_NUM_THREADS']} of OpenMP")
    match recipe.triplets.n:
        case 1:
            raise InputError("images.source: wrong")
        case 2:
            os.kill(os.getpid(), signal.SIGKILL)
        case 3:
            raise ZeroDivisionError("a fault of ours")
        case 4:
            time.sleep(600)
        case 5:
            _ = multiprocessing.Lock()  # a named semaphore, to be given back; progress bars have one
            print("holds a semaphore")
            time.sleep(600)
    (folder / "done").write_text(str(os.getpid()))
