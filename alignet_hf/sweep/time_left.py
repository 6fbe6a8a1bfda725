"""How long a sweep has still to run, told from what its finished stages took: before a restart, and while it runs."""

import json
from pathlib import Path

import numpy as np

from alignet_hf.recipe import TRAINED_SETTINGS
from alignet_hf.stages import RECORDS
from alignet_hf.sweep.cost import stage_fingerprints
from alignet_hf.sweep.grid import Sweep
from alignet_hf.sweep.processes import POINTS
from alignet_hf.sweep.shared_stages import OF_ONE_RUN


class TimeLeft:
    """The time that the stages which no point has finished will take, if they take what others of their kind took.

    Args:
        sweep: of which all files are there.
        out: its folder, which need not be there.
        processes: points at a time.
    """

    def __init__(self, sweep: Sweep, out: Path, processes: int):
        self.processes = processes
        self.records = {point.name: out / POINTS / point.name / RECORDS for point in sweep.points}
        self.stages = {point.name: stage_fingerprints(point, out) for point in sweep.points}

    def read(self) -> tuple[int, float | None]:
        """-> how many points are finished, and the seconds that the others will take: None where a kind of stage has
        been finished by none. A training is as long as any other, where there was none of its setting."""
        finished, took = self._finished()
        todo = set()  # one of each that points share
        n_ended = 0
        for name, stages in self.stages.items():
            own = {(kind, made_from, name if kind in OF_ONE_RUN else "") for kind, made_from in stages.items()}
            n_ended += own <= finished
            todo |= own - finished
        means = {kind: float(np.mean(list(seconds.values()))) for kind, seconds in took.items()}
        trained = [means[kind] for kind in TRAINED_SETTINGS if kind in means]
        if trained:
            means = dict.fromkeys(TRAINED_SETTINGS, float(np.mean(trained))) | means
        if any(kind not in means for kind, *_ in todo):
            return n_ended, None
        at_a_time = max(1, min(self.processes, len(self.stages) - n_ended))
        return n_ended, sum(means[kind] for kind, *_ in todo) / at_a_time

    def _finished(self) -> tuple[set[tuple[str, str, str]], dict[str, dict[tuple[str, str], float]]]:
        """Finished stages, and of each kind what each took: the most, as others than the first take it from there."""
        finished: set[tuple[str, str, str]] = set()
        took: dict[str, dict[tuple[str, str], float]] = {}
        for name, folder in self.records.items():
            for path in folder.glob("*.json"):
                record = json.loads(path.read_text(encoding="utf-8"))
                if "seconds" not in record:
                    continue
                of = name if path.stem in OF_ONE_RUN else ""
                finished.add((path.stem, record["made_from"], of))
                of_kind = took.setdefault(path.stem, {})
                key = record["made_from"], of
                of_kind[key] = max(of_kind.get(key, 0.0), record["seconds"])
        return finished, took
