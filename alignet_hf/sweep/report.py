"""What a sweep came to: tables for the terminal, CSV and JSON, and figures, in its folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from rich.table import Table

from alignet_hf.evaluation.figures import DPI
from alignet_hf.evaluation.statistics import Result
from alignet_hf.hub.artifacts import replacing, replacing_folder
from alignet_hf.pipeline import RECIPE
from alignet_hf.sweep.figures import figures_of
from alignet_hf.sweep.grid import FEW_SHOT, Sweep, as_key, matching, written
from alignet_hf.sweep.point import read_results
from alignet_hf.sweep.processes import POINTS
from alignet_hf.sweep.scores import Difference, Found, Row, differences, findings, in_words, rows_of, scores_of

if TYPE_CHECKING:
    import pandas

    from alignet_hf.sweep.few_shot import FewShotTask

SWEEP = "sweep.json"
SPREAD = "spread_over_draws"  # as `evaluate` calls it
OF_FEW_SHOT = (
    "Few-shot accuracies are of 100 draws of the shots, with l2 1,024 for every student. Those of `evaluate` are of 10 "
    "draws by default (of the function few_shot 20), at an l2 that it chooses: not to be compared with them."
)
_SETTINGS = {
    "original": "original",
    "unalignet": "UnAligNet",
    "ud": "UD",
    "alignet": "AligNet",
    "human": "direct (people's choices)",
}


@dataclass(frozen=True)
class SweepReport:
    """What the finished points of a sweep say.

    Attributes:
        sweep: that was run.
        rows: a condition in a setting each.
        differences: paired ones.
        findings: the sweep's, measured.
        failures: name of a point -> why it failed.
    """

    sweep: Sweep
    rows: list[Row]
    differences: list[Difference]
    findings: list[Found]
    failures: dict[str, str]

    @classmethod
    def read(
        cls,
        sweep: Sweep,
        out: Path,
        failures: dict[str, str],
        tasks: "Mapping[str, FewShotTask] | None" = None,
    ) -> "SweepReport":
        """From the folders of the points, but for those that failed.

        Args:
            tasks: of the points, with few-shot accuracy; None without it.
        """
        done = [point for point in sweep.points if point.name not in failures]
        folders = {point.name: out / POINTS / point.name for point in done}
        results = {name: read_results(folder) for name, folder in folders.items()}
        if tasks is not None:
            from alignet_hf.sweep.few_shot import few_shot_results

            for name, of_point in few_shot_results(sweep, folders, tasks).items():
                for key, scores in of_point.items():
                    results[name][key] = results[name][key] | scores
        rows = rows_of(done, results)
        return cls(sweep, rows, differences(sweep, rows), findings(sweep, rows), failures)

    def to_dict(self) -> dict:
        """As JSON."""
        sweep = self.sweep
        return {
            "name": sweep.name,
            "recipe": sweep.to_dict(),
            "command": f"alignet-hf sweep {RECIPE} --out again",
            "baseline": sweep.baseline,
            "points": [
                {
                    "name": point.name,
                    "values": point.values,
                    "grids": point.grids,
                    "failure": self.failures.get(point.name),
                }
                for point in sweep.points
            ],
            "rows": [
                {
                    "condition": row.condition,
                    "who": row.who,
                    "setting": row.setting,
                    "n_points": len(next(iter(row.by_replicate.values()))),
                    "scores": {name: _as_json(row, name) for name in row.means},
                }
                for row in self.rows
            ],
            "differences": [
                {
                    "kind": one.kind,
                    "first": {"condition": one.first.condition, "setting": one.first.setting},
                    "second": {"condition": one.second.condition, "setting": one.second.setting},
                    "scores": {name: comparison.to_dict() for name, comparison in one.scores.items()},
                }
                for one in self.differences
            ],
            "findings": [
                {
                    **one.finding.model_dump(),
                    "verdict": one.verdict,
                    "sentence": str(one),
                    "difference": None if one.comparison is None else one.comparison.to_dict(),
                }
                for one in self.findings
            ],
        }

    def frames(self) -> "dict[str, pandas.DataFrame]":
        """A row a point and setting; a row a condition and setting; a row a difference."""
        import pandas

        by_identity = {(as_key(row.condition), row.who, row.setting): row for row in self.rows}
        points, means, paired = [], [], []
        for point in self.sweep.points:
            split = point.recipe.split
            of = split.seed, split.fold, point.recipe.seed
            for (condition, who, setting), row in by_identity.items():
                if condition != as_key(point.condition) or of not in next(iter(row.by_replicate.values())):
                    continue
                scores = {name: results[of] for name, results in row.by_replicate.items()}
                replicate = dict(zip(("split.seed", "split.fold", "seed"), of, strict=True))
                points.append({"point": point.name, **_flat(point.condition), **replicate, "who": who})
                points[-1] |= {"setting": setting, **_numbers(scores)}
        for row in self.rows:
            n_points = len(next(iter(row.by_replicate.values())))
            means.append({**_flat(row.condition), "who": row.who, "setting": row.setting, "points": n_points})
            means[-1] |= _numbers(row.means) | _spreads(row)
        for one in self.differences:
            first, second = (
                {f"{side}.{key}": value for key, value in {**_flat(row.condition), "setting": row.setting}.items()}
                for side, row in (("first", one.first), ("second", one.second))
            )
            numbers = _numbers({name: comparison.difference for name, comparison in one.scores.items()})
            p_values = {f"{name}.p": comparison.p_bootstrap for name, comparison in one.scores.items()}
            paired.append({"kind": one.kind, **first, **second, **numbers, **p_values})
        return {
            name: pandas.DataFrame(rows)
            for name, rows in (("points", points), ("means", means), ("differences", paired))
        }

    def tables(self) -> list[Table]:
        """For rich to print: of each grid its conditions in each setting; then the paired differences."""
        tables = [self._grid_table(name, keys) for name, keys in self._shown().items()]
        if self.differences:
            tables.append(self._difference_table())
        return tables

    def save(self, out: Path) -> None:
        """Write sweep.json, recipe.yaml, points.csv, means.csv, differences.csv, and figures/."""
        with replacing(out / RECIPE) as path:
            path.write_text(yaml.safe_dump(self.sweep.to_dict(), sort_keys=False), encoding="utf-8")
        with replacing(out / SWEEP) as path:
            path.write_text(json.dumps(self.to_dict(), indent=2) + "\n", encoding="utf-8")
        for name, frame in self.frames().items():
            with replacing(out / f"{name}.csv") as path:
                frame.to_csv(path, index=False)
        with replacing_folder(out / "figures") as folder:
            for name, figure in figures_of(self.rows_by_grid()).items():
                figure.savefig(folder / f"{name}.png", dpi=DPI)

    def rows_by_grid(self) -> dict[str, tuple[tuple[str, ...], list[Row]]]:
        """Of each grid the keys that differ in it, and its students' rows (the teacher's, where there is none)."""
        found = {}
        for grid, keys in self._shown().items():
            conditions = {as_key(point.condition) for point in self.sweep.points if grid in point.grids}
            rows = [row for row in self.rows if as_key(row.condition) in conditions]
            students = [row for row in rows if row.who == "student"]
            found[grid] = keys, students or rows
        return found

    def _shown(self) -> dict[str, tuple[str, ...]]:
        baseline = self.sweep.baseline
        return {grid: tuple(key for key in keys if key in baseline) for grid, keys in self.sweep.grids.items()}

    def _grid_table(self, grid: str, keys: tuple[str, ...]) -> Table:
        table = Table(title=f"{self.sweep.name}, {grid}: means over folds and seeds")
        for key in keys:
            table.add_column(key, overflow="fold")
        table.add_column("setting")
        rows = self.rows_by_grid()[grid][1]
        scores = scores_of(rows)
        for name in scores:
            spread = " (spread)" if name.startswith(FEW_SHOT) else ""
            table.add_column(f"{in_words(name)}\n\\[95 %]{spread}", justify="right", no_wrap=True)
        table.add_column("odd-one-out\nby point", justify="right", overflow="fold")
        if scores != scores_of([]):
            spread = "Spread: the standard deviation from draw to draw of the shots, within a fold and seed."
            table.caption = f"{OF_FEW_SHOT} {spread}"
        for row in rows:
            values = (written(row.condition[key]) for key in keys)
            cells = [_with_spread(row, name) if name in row.means else "-" for name in scores]
            each = "  ".join(f"{one.estimate:.3f}" for one in row.by_replicate["odd_one_out_accuracy"].values())
            is_baseline = as_key(row.condition) == as_key(self.sweep.baseline)
            table.add_row(*values, setting_in_words(row), *cells, each, style="bold" if is_baseline else None)
        return table

    def _difference_table(self) -> Table:
        said = ", ".join(f"{key}={written(value)}" for key, value in self.sweep.baseline.items())
        table = Table(
            title=f"{self.sweep.name}: paired differences",
            caption=f"Conditions are compared with {said or 'each other'}, in the same setting.",
        )
        table.add_column("first", overflow="fold")
        table.add_column("less", overflow="fold", min_width=9)
        scores = scores_of(self.rows)
        for name in scores:
            table.add_column(f"{in_words(name)}\n\\[95 %]", justify="right", no_wrap=True)
        for one in self.differences:
            cells = [_interval(one.scores[name].difference, "+") if name in one.scores else "-" for name in scores]
            table.add_row(*self._sides(one), *cells)
        return table

    def _sides(self, one: Difference) -> tuple[str, str]:
        """What is compared with what, in the keys in which the two, or the first and the baseline, differ."""
        baseline = self.sweep.baseline
        apart = [key for key, value in one.first.condition.items() if as_key(value) != as_key(baseline.get(key))]
        where = ", ".join(f"{key}={written(one.first.condition[key])}" for key in apart)
        if one.kind == "condition":
            return f"{setting_in_words(one.first)}, {where}", "baseline"
        return f"{setting_in_words(one.first)}{f' ({where})' if where else ''}", setting_in_words(one.second)


def setting_in_words(row: Row) -> str:
    """Short, as a table and a figure show it."""
    setting = _SETTINGS.get(row.setting, row.setting)
    return setting if row.who == "student" else f"teacher, {setting}"


def point_folders(sweep: Sweep, out: Path, condition: dict) -> list[Path]:
    """The runs' folders of the points with these values: where their students are."""
    return [out / POINTS / point.name for point in matching(sweep.points, condition)]


def _flat(condition: dict) -> dict:
    return {key: written(value) if isinstance(value, list | dict) else value for key, value in condition.items()}


def _numbers(scores: dict[str, Result]) -> dict[str, float]:
    return {
        (name if part == "estimate" else f"{name}.{part}"): getattr(result, part)
        for name, result in scores.items()
        for part in ("estimate", "low", "high")
    }


def _spreads(row: Row) -> dict[str, float]:
    """The spread of each few-shot accuracy."""
    spreads = {name: row.spread(name) for name in row.means}
    return {f"{name}.{SPREAD}": spread for name, spread in spreads.items() if spread is not None}


def _as_json(row: Row, score: str) -> dict:
    """A mean, with the spread of a few-shot accuracy."""
    spread = row.spread(score)
    return Result.to_dict(row.means[score]) | ({} if spread is None else {SPREAD: spread})


def _with_spread(row: Row, score: str) -> str:
    spread = row.spread(score)
    return _interval(row.means[score]) + ("" if spread is None else f" ({spread:.3f})")


def _interval(result: Result, sign: str = "") -> str:
    return f"{result.estimate:{sign}.3f} [{result.low:{sign}.3f}, {result.high:{sign}.3f}]"
