"""Points in parallel: each in a process of its own, of which one that fails or dies stops no other."""

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from alignet_hf.console import line_and_code, of_a_recipe
from alignet_hf.output_folder import make_folder
from alignet_hf.progress import duration
from alignet_hf.sweep.grid import Point

LIBRARY, LOGS = "shared", "logs"  # beside the points' folders
POINTS = "points"
_TAKE_SECONDS = ("alignet_hf.distill.run", "transformers.trainer")  # to import, what a point needs later
_PATIENCE = 10.0  # seconds for a point that is stopped to leave nothing behind
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass
class _Running:
    point: Point
    process: BaseProcess
    reason: Connection
    start: float


def run_points(
    points: Sequence[Point],
    out: Path,
    *,
    processes: int,
    threads: int,
    force: bool = False,
    say: Callable[[str], None] = print,
    task: Callable | None = None,
    seconds_left: Callable[[], float | None] = lambda: None,
) -> dict[str, str]:
    """Run the points, each in `out/points/NAME`, several at a time; what they say goes to `out/logs/NAME.txt`.

    Args:
        points: whose files and encoders were checked.
        out: the sweep's folder.
        processes: at a time.
        threads: of each.
        force: as for `pipeline.run`.
        say: takes a line of progress.
        task: what runs a point, by default `sweep.point.run_point`.
        seconds_left: how long those will take that are not finished, where it is known.

    Returns:
        {name: a line that says why}, of the points that failed.
    """
    imports = []
    if task is None:
        from alignet_hf.sweep.point import run_point as task

        imports = _TAKE_SECONDS
    make_folder(out / LOGS)
    # A server that has imported what a point needs, and of which each point's process is a copy.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload([task.__module__, *imports])
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ |= dict.fromkeys(_THREAD_VARIABLES, str(threads))  # what a process reads when it begins
    waiting, running, failures = list(points), [], {}
    n_ended = 0
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                running.append(_start(context, task, waiting.pop(0), out, threads, force))
            wait([one.process.sentinel for one in running])
            for one in [one for one in running if not one.process.is_alive()]:
                running.remove(one)
                n_ended += 1
                if reason := _why(one, out):
                    failures[one.point.name] = reason
                n_left, ended = len(waiting) + len(running), "failed" if reason else "done"
                more = f", {n_left} to go{about(seconds_left())}" if n_left else ""
                seconds = duration(time.monotonic() - one.start)
                say(f"{n_ended}/{len(points)} {one.point.name}: {ended} after {seconds}{more}")
    finally:
        for one in running:  # Ctrl-C, say; what they did is kept, and goes on
            one.process.terminate()
        for one in running:
            one.process.join(_PATIENCE)
            one.process.kill()
            one.process.join()
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
    return failures


def about(seconds: float | None) -> str:
    """A time, as what follows in a line: ", about 12 min"; nothing where it is not known, or no work is left."""
    return f", about {duration(seconds)}" if seconds else ""


def _start(context, task: Callable, point: Point, out: Path, threads: int, force: bool) -> _Running:
    receiver, sender = context.Pipe(duplex=False)
    call = partial(task, point.recipe, out / POINTS / point.name, out / LIBRARY, force=force, threads=threads)
    process = context.Process(target=_work, args=(call, _log(out, point), sender), name=point.name)
    process.start()
    sender.close()
    return _Running(point, process, receiver, time.monotonic())


def _log(out: Path, point: Point) -> Path:
    return out / LOGS / f"{point.name}.txt"


def _why(one: _Running, out: Path) -> str | None:
    """Why a point failed, in a line; None where it did not."""
    one.process.join()
    code = one.process.exitcode
    if code == 0:
        return None
    try:
        said = one.reason.recv() if one.reason.poll() else None
    except EOFError:
        said = None
    if said is None:
        died = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        said = f"its process ended with {died}" + (" (want of memory, perhaps)" if code == -signal.SIGKILL else "")
    return f"{said} (see {_log(out, one.point)})"


def _work(call: Callable[[], None], log: Path, reason: Connection) -> None:
    """A point's process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which a terminal sends to all; the sweep then ends its points
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with log.open("a", encoding="utf-8", buffering=1) as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            with of_a_recipe():
                call()
        except Exception as error:
            said = line_and_code(error)
            if said is None:
                traceback.print_exc()
            line, code = said or (f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", 1)
            print(line, file=sys.stderr, flush=True)
            reason.send(line)
            sys.exit(code)


def _stop(*_) -> None:
    """End as if the work had: a process that dies on the spot leaves its semaphores, of which Python then complains."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(128 + signal.SIGTERM)


def _end_with_parent() -> None:
    """A point's process does not outlive the sweep's, even where that one is killed; its stages go on next time."""
    wait([multiprocessing.parent_process().sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE)
    os._exit(1)
