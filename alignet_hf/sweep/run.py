"""A sweep from beginning to end: checked, run, compared, written down."""

import os
from collections.abc import Callable
from pathlib import Path

from alignet_hf.encoders import check_encoder
from alignet_hf.output_folder import LOCK, check_ours, working_in
from alignet_hf.recipe_file import check_files
from alignet_hf.sweep.cost import cost_of, default_processes
from alignet_hf.sweep.grid import Sweep
from alignet_hf.sweep.processes import LIBRARY, LOGS, POINTS, about, run_points
from alignet_hf.sweep.report import SWEEP, SweepReport
from alignet_hf.sweep.time_left import TimeLeft


def run_sweep(
    sweep: Sweep,
    out: str | Path,
    *,
    processes: int | None = None,
    force: bool = False,
    say: Callable[[str], None] = print,
) -> SweepReport:
    """Run a sweep in a folder, going on from where an earlier call was stopped.

    The folder afterwards:
        points/NAME/    the runs                        shared/     finished stages, which the points share
        logs/NAME.txt   what each point said            figures/    a figure for each grid
        sweep.json      all that was found              points.csv, means.csv, differences.csv
        recipe.yaml     what was run, with its grids

    Args:
        sweep: what `load_sweep` gives.
        out: the sweep's folder.
        processes: points at a time; by default as many as cores and memory allow.
        force: in the folders of points of another recipe, replace what that changes.
        say: takes a line of progress.

    Raises:
        InputError: a file that is missing or wrong, another process at work in the folder, or a folder that holds what
            no sweep wrote. What stops one point alone is in the report's `failures`.
    """
    out = Path(out)
    for recipe in {point.recipe.model_dump_json(): point.recipe for point in sweep.points}.values():
        check_files(recipe)
    for encoder in {
        encoder.model_dump_json(): encoder
        for point in sweep.points
        for encoder in (point.recipe.teacher, point.recipe.student)
        if encoder is not None
    }.values():
        check_encoder(encoder)
    if processes is None:
        processes = default_processes(cost_of(sweep, out), len(sweep.points))
    threads = max(1, _cores() // processes)
    tasks = None
    if sweep.shots:
        from alignet_hf.sweep.few_shot import few_shot_tasks

        tasks = few_shot_tasks(sweep, say)
    with working_in(out):
        check_ours(out, {POINTS, LIBRARY, LOGS, SWEEP, LOCK})
        many = f"{processes} at a time, {threads} threads each" if processes > 1 else "one at a time"
        time_left = TimeLeft(sweep, out, processes)
        n_ended, seconds = time_left.read()
        n_left = len(sweep.points) - n_ended
        going_on = f"; {n_left} to go{about(seconds)}" if n_left else "; all are finished, none is run again"
        more = going_on if n_ended else ""
        say(f"{sweep.name}: {len(sweep.points)} points, {many}; what they say: {out / LOGS}{more}")
        options = {"force": force, "say": say, "seconds_left": lambda: time_left.read()[1]}
        failures = run_points(sweep.points, out, processes=processes, threads=threads, **options)
        report = SweepReport.read(sweep, out, failures, tasks)
        report.save(out)
    return report


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
