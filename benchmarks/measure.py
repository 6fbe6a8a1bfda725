"""Run a command, measure its time and peak memory, and print goals beside what came out."""

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Run:
    """A command that has ended well.

    Attributes:
        result: what it printed with --json.
        seconds: wall time, start of Python included.
        gigabytes: peak resident memory of the process.
    """

    result: dict
    seconds: float
    gigabytes: float


def run(*arguments: str) -> Run:
    """Run `alignet-hf ARGUMENTS --json`; its progress goes to standard error."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "alignet_hf", *arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024  # of the largest child so far
    return Run(json.loads(done.stdout), seconds, peak / 1e9)


def print_goals(title: str, goals: list[tuple[str, str, str, bool | None]]) -> None:
    """Print rows (what, goal, measured, met), and exit with 1 if a goal is not met.

    A row whose goal is "" is there to be read, and meets nothing; `met` is None where a goal was not measured.
    """
    table = Table(title=title)
    for name in ("what", "goal", "measured", "met"):
        table.add_column(name, no_wrap=name != "what")
    for what, goal, measured, met in goals:
        table.add_row(what, goal, measured, {True: "yes", False: "NO", None: "not measured"}[met] if goal else "")
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    sys.exit(0 if all(met in (True, None) or not goal for _, goal, _, met in goals) else 1)


def with_interval(score: dict[str, float]) -> str:
    return f"{score['estimate']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"
