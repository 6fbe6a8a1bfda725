"""What a sweep takes before it runs: its points, its stages that are each done once, and how many run at a time."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from alignet_hf.pipeline import each_stage
from alignet_hf.pipeline_work import Pipeline
from alignet_hf.recipe_check import check_recipe
from alignet_hf.recipe_estimates import StageEstimate, total
from alignet_hf.stages import Stages, fingerprint
from alignet_hf.sweep.grid import Point, Sweep, written
from alignet_hf.sweep.processes import POINTS

PROGRAM = 1.2e9  # bytes of a process beside its data: Python, torch, transformers


@dataclass(frozen=True)
class SweepCost:
    """What a sweep takes.

    Attributes:
        problems: a line for each thing that is missing or wrong.
        notes: a line for each thing that is not known.
        stages: name -> how many points have it, how many different ones there are, and the sum of what these take.
        memory: bytes of one point's process at its peak; nan where it is not known.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]
    stages: dict[str, tuple[int, int, StageEstimate]]
    memory: float

    def to_dict(self) -> dict:
        """As JSON."""
        stages = {
            name: {
                "points": n_points,
                "different": n_different,
                **{key: _or_none(getattr(sums, key)) for key in ("decoded", "forwards", "disk")},
            }
            for name, (n_points, n_different, sums) in self.stages.items()
        }
        return {"stages": stages, "memory": _or_none(self.memory), "problems": self.problems, "notes": self.notes}


def cost_of(sweep: Sweep, out: Path) -> SweepCost:
    """Look at every point, as `check_recipe` does, and count stages that several points have once."""
    problems, notes, memory = {}, {}, 0.0
    counts: dict[str, int] = {}
    different: dict[str, dict[str, StageEstimate]] = {}
    for point in sweep.points:
        check = check_recipe(point.recipe)
        problems |= dict.fromkeys(check.problems)
        notes |= dict.fromkeys(check.notes)
        whole = total(check.stages)
        memory = max(memory, whole.memory + whole.accelerator)
        prints = {} if check.problems else stage_fingerprints(point, out)
        for stage in check.stages:
            if stage.stage == "report":
                continue
            counts[stage.stage] = counts.get(stage.stage, 0) + 1
            shared = prints.get(stage.stage, point.name)
            different.setdefault(stage.stage, {})[shared] = stage
    stages = {name: (counts[name], len(found), total(list(found.values()))) for name, found in different.items()}
    return SweepCost(tuple(problems), tuple(notes), stages, memory + PROGRAM)


def stage_fingerprints(point: Point, out: Path) -> dict[str, str]:
    """Of each stage of a point: equal ones are shared."""
    found = {}

    def look(name: str, made_from: str, work=None, writes=(), shares=()) -> str:
        found[name] = fingerprint(name, made_from)
        return found[name]

    folder = out / POINTS / point.name
    each_stage(Pipeline(point.recipe, folder, Stages(folder, lambda line: None)), look)
    found.pop("report", None)  # which no point writes
    return found


def default_processes(cost: SweepCost, n_points: int) -> int:
    """As many as there are cores, as memory allows and as there are points; one beside an accelerator."""
    import torch

    if torch.accelerator.is_available():
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    room = math.inf if math.isnan(cost.memory) else free_memory() // cost.memory
    return int(max(1, min(cores, room, n_points)))


def free_memory() -> float:
    """Bytes of main memory that programs can still have; without bound where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return 1024.0 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return math.inf


def cost_tables(sweep: Sweep, cost: SweepCost, processes: int) -> list[Table]:
    """The points, and what they take together."""
    keys = list(sweep.points[0].values)
    points = Table(title=f"{sweep.name}: {len(sweep.points)} points")
    for key in (*keys, "grid"):
        points.add_column(key, overflow="fold")
    for point in sweep.points:
        points.add_row(*(written(point.values[key]) for key in keys), ", ".join(point.grids))
    costs = Table(
        title=f"{sweep.name}: what they take, estimated; {processes} at a time, each {_size(cost.memory)} of memory",
        caption="A stage that several points have alike is done once.",
    )
    for name in ("stage", "points", "different", "images decoded", "forwards", "disk"):
        costs.add_column(name, justify="left" if name == "stage" else "right")
    for name, (n_points, n_different, sums) in cost.stages.items():
        numbers = (_count(sums.decoded), _count(sums.forwards), _size(sums.disk))
        costs.add_row(name, str(n_points), str(n_different), *numbers)
    return [points, costs]


def _count(value: float) -> str:
    return "?" if math.isnan(value) else f"{round(value):,}" if value else "-"


def _size(value: float) -> str:
    if math.isnan(value):
        return "?"
    return f"{value / 1e9:.1f} GB" if value >= 1e9 else f"{value / 1e6:.1f} MB" if value else "-"


def _or_none(value: float) -> int | None:
    return None if math.isnan(value) else round(value)
