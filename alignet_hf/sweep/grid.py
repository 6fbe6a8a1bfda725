"""A sweep's points: a recipe with other values of some of its keys, in every combination.

A sweep is a recipe's file, and the grid from the command line (`--grid KEY=VALUE,VALUE`) or from a section of the file:

    sweep:
      grids:                          # each is a product of its own; other keys keep the recipe's value
        sampling: {split.fold: [0, 1, 2], triplets.strategy: [cluster-boundary, random]}
        triplets: {split.fold: [0, 1, 2], triplets.n: [100, 1000, 10000]}
      baseline: {triplets.n: 10000}   # what the other conditions are compared with, where it is not the recipe's own
      shots: [1]                      # 1-shot accuracy too, where the names of the judged images tell their classes
      findings:                       # differences to be said in a sentence
        - claim: Cluster-boundary triplets teach more than random ones
          paper: Fig. 16
          better: {triplets.strategy: cluster-boundary}
          than: {triplets.strategy: random}
"""

import copy
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationError

from alignet_hf.errors import InputError
from alignet_hf.recipe import Recipe, Section, Setting
from alignet_hf.recipe_file import first_complaint, parse_yaml, put, put_overrides, read_recipe, recipe_of, value_of
from alignet_hf.sweep.unread import check_all_are_read

REPLICATES = ("split.fold", "split.seed", "seed")  # keys whose values are averaged over
SETTINGS = "evaluate.settings"  # which settings a point has: each is a row of its own, whichever point made it
SECTION = "sweep"
FEW_SHOT = "few_shot_accuracy/"  # what the names of few-shot scores begin with
SCORE = rf"odd_one_out_accuracy|rsa_spearman|{FEW_SHOT}[1-9]\d*-shot"
_LONGEST_NAME = 100  # characters; file systems allow 255 bytes
_EDIT_ONLY_NAME = re.compile(r"[^\w.,=+-]")

Values = Annotated[list[Any], Field(min_length=1)]


class Finding(Section):
    """A difference between two rows of the sweep's table; keys not given have the baseline's values."""

    claim: str
    paper: str | None = None  # where the paper shows it
    better: dict[str, Any]  # values by key, and "setting", by default alignet
    than: dict[str, Any]
    score: Annotated[str, Field(pattern=f"^({SCORE})$")] = "odd_one_out_accuracy"
    expect: Literal["better", "same"] = "better"


class SweepSection(Section):
    grids: Annotated[dict[str, dict[str, Values]], Field(min_length=1)]
    baseline: dict[str, Any] = Field(default_factory=dict)
    findings: list[Finding] = Field(default_factory=list)
    shots: list[Annotated[int, Field(gt=0)]] = Field(default_factory=list)


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    Attributes:
        name: of its folder.
        recipe: that it runs.
        values: of all keys that the sweep's grids name.
        grids: names of those that it is in.
    """

    name: str
    recipe: Recipe
    values: dict[str, Any]
    grids: tuple[str, ...]

    @property
    def condition(self) -> dict[str, Any]:
        """Its values but for those that are averaged over, and which settings it has."""
        return {key: value for key, value in self.values.items() if is_of_condition(key)}


@dataclass(frozen=True)
class Sweep:
    """What a sweep runs and compares.

    Attributes:
        recipe: of whose keys the points have other values.
        grids: name -> the keys that it varies, and their values.
        points: all of them, each once.
        baseline: value by key that is not averaged over.
        findings: differences to be said.
        shots: images of each class for few-shot accuracies, a number for each; none by default.
    """

    recipe: Recipe
    grids: dict[str, dict[str, list]]
    points: tuple[Point, ...]
    baseline: dict[str, Any]
    findings: tuple[Finding, ...]
    shots: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The recipe's."""
        return self.recipe.name

    def to_dict(self) -> dict:
        """As a file has it, of which `load_sweep` makes the same sweep."""
        section = {"grids": self.grids, "baseline": self.baseline, "shots": list(self.shots)}
        section["findings"] = [finding.model_dump(mode="json", exclude_none=True) for finding in self.findings]
        return self.recipe.model_dump(mode="json") | {SECTION: section}


def load_sweep(
    path: str | Path,
    grid: Sequence[str] = (),
    overrides: Sequence[str] = (),
    baseline: Sequence[str] = (),
    only: Sequence[str] = (),
    section: Mapping[str, Any] | None = None,
    shots: Sequence[int] | None = None,
) -> Sweep:
    """Read a recipe with its grid.

    Args:
        path: a recipe's YAML file, with a section `sweep` or without.
        grid: "section.key=value,value", each read as YAML; in place of the file's section.
        overrides: "section.key=value", for all points.
        baseline: "section.key=value", of the points that others are compared with.
        only: names of the file's grids, of which the others are left out, with the findings that need them; by default
            all.
        section: in place of the file's.
        shots: in place of the section's, whose findings that need others are left out; 0 is none.

    Raises:
        InputError: naming the key and what is allowed there, the point whose recipe is wrong, or two points whose
            students would be the same as the key that they differ in has no effect.
    """
    content = read_recipe(path)
    of_file = content.pop(SECTION, None)
    section = of_file if section is None else section
    put_overrides(content, overrides)
    base = recipe_of(content, path)
    if grid:
        section = {"grids": {"grid": dict(_axis(one) for one in grid)}}
    if section is None:
        raise InputError(
            f"{path}: what varies is not said: give --grid KEY=VALUE,VALUE (triplets.n=100,1000), or a section sweep"
        )
    try:
        options = SweepSection.model_validate(section)
    except ValidationError as error:
        raise InputError(f"{path}: {SECTION}.{first_complaint(error)}") from error
    asked = tuple(dict.fromkeys(options.shots if shots is None else (number for number in shots if number)))
    for name in only:
        if name not in options.grids:
            raise InputError(f"{path}: no grid {name}; there: {', '.join(options.grids)}")
    grids = {name: axes for name, axes in options.grids.items() if not only or name in only}
    keys = list(dict.fromkeys(key for axes in grids.values() for key in axes))
    for key in keys:
        _check_key(base, key, path)
    points = _points(content, grids, keys, path)
    check_all_are_read(points, path)
    wished = dict(options.baseline)
    for one in baseline:
        key, value = _pair(one, "--baseline")
        wished[key] = parse_yaml(value, f"--baseline {one}")
    if only:
        wished = {key: value for key, value in wished.items() if key in keys}
    found = _baseline(base, keys, points, wished, path)
    findings = []
    for finding in options.findings:
        if _lacks_shots(finding, asked):
            if shots is None:
                raise InputError(
                    f"{path}: finding {finding.claim!r}: give the number of {finding.score} in sweep.shots"
                )
        elif (wrong := _what_is_missing(finding, points, found)) is None:
            findings.append(finding)
        elif not only:
            raise InputError(f"{path}: finding {finding.claim!r}: {wrong}")
    return Sweep(base, grids, points, found, tuple(findings), asked)


def few_shot_name(n_shots: int) -> str:
    """The score, as `few_shot` calls it."""
    return f"{FEW_SHOT}{n_shots}-shot"


def is_of_condition(key: str) -> bool:
    """Whether points that differ in the key are compared, rather than put together."""
    return key not in (*REPLICATES, SETTINGS)


def same(first: Any, second: Any) -> bool:
    """Whether two values of keys are one: lists and sections are compared by what is in them."""
    return as_key(first) == as_key(second)


def as_key(value: Any) -> str:
    """A value of a key, or several by key, as something that can be looked up."""
    return json.dumps(value, sort_keys=True, default=str)


def written(value: Any) -> str:
    """A value as a reader finds it in a table: a list without quotes."""
    if isinstance(value, list | tuple):
        return "+".join(map(written, value))
    return str(value).lower() if isinstance(value, bool) else "none" if value is None else str(value)


def matching(points: Iterable[Point], condition: dict[str, Any]) -> list[Point]:
    """The points with these values, and others of further keys."""
    return [point for point in points if all(same(point.values[key], value) for key, value in condition.items())]


def _axis(text: str) -> tuple[str, list]:
    key, values = _pair(text, "--grid")
    return key, parse_yaml(f"[{values}]", f"--grid {text}")


def _pair(text: str, option: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (equals and value.strip()):
        raise InputError(f"{option} {text}: expected section.key=value{',value' if option == '--grid' else ''}")
    return key.strip(), value


def _check_key(base: Recipe, key: str, path: str | Path) -> None:
    content: Any = base.model_dump(mode="json")
    for part in key.split("."):
        if not isinstance(content, dict) or part not in content:
            known = f"; there: {', '.join(content)}" if isinstance(content, dict) else ""
            raise InputError(f"{path}: grid key {key}: no such key in the recipe{known}")
        content = content[part]


def _points(content: dict, grids: dict[str, dict[str, list]], keys: list[str], path: str | Path) -> tuple[Point, ...]:
    """Every combination of every grid; one recipe that several grids have is one point."""
    found: dict[str, Point] = {}
    for grid, axes in grids.items():
        for values in product(*axes.values()):
            given, said = (
                copy.deepcopy(content),
                ",".join(f"{key}={written(value)}" for key, value in zip(axes, values, strict=True)),
            )
            for key, value in zip(axes, values, strict=True):
                put(given, key, value, f"grid {grid}")
            recipe = recipe_of(given, f"{path}, point {said}")
            dumped = recipe.model_dump(mode="json")
            digest = as_key(dumped)
            if (before := found.get(digest)) is not None:
                in_grids = tuple(dict.fromkeys((*before.grids, grid)))
                found[digest] = Point(before.name, before.recipe, before.values, in_grids)
                continue
            found[digest] = Point(
                _folder_name(said, digest), recipe, {key: value_of(dumped, key) for key in keys}, (grid,)
            )
    return tuple(found.values())


def _folder_name(said: str, digest: str) -> str:
    """Readable, and where that cannot be the whole name, told apart by the recipe's digest."""
    name = _EDIT_ONLY_NAME.sub("-", said)
    if name == said and len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:_LONGEST_NAME]}-{hashlib.sha256(digest.encode()).hexdigest()[:8]}"


def _baseline(
    base: Recipe, keys: list[str], points: tuple[Point, ...], wished: dict[str, Any], path: str | Path
) -> dict[str, Any]:
    """The condition that others are compared with: as is asked, else the recipe's own, else the first point's."""
    keys = [key for key in keys if is_of_condition(key)]
    if unknown := [key for key in wished if key not in keys]:
        raise InputError(f"{path}: baseline key {unknown[0]} is in no grid; the grids have {', '.join(keys) or 'none'}")
    own = base.model_dump(mode="json")
    condition = {key: value_of(own, key) for key in keys} | wished
    if matching(points, condition):
        return condition
    if wished:
        raise InputError(f"{path}: no point has the baseline's values ({_said(condition)}); give those of one")
    return points[0].condition


def _lacks_shots(finding: Finding, shots: Sequence[int]) -> bool:
    """Whether it is about a few-shot accuracy that is not asked for."""
    return finding.score.startswith(FEW_SHOT) and finding.score not in map(few_shot_name, shots)


def _what_is_missing(finding: Finding, points: tuple[Point, ...], baseline: dict[str, Any]) -> str | None:
    """Why a finding cannot be measured, or None."""
    for side in (finding.better, finding.than):
        setting = side.get("setting", "alignet")
        condition = baseline | {key: value for key, value in side.items() if key != "setting"}
        if unknown := set(condition) - set(baseline):
            return f"{unknown.pop()} is in no grid"
        if not any(setting in point.recipe.settings for point in matching(points, condition)):
            known = ", ".join(get_args(Setting))
            return f"no point has {_said(condition)} and setting {setting} (of {known})"
    return None


def _said(condition: dict[str, Any]) -> str:
    return ", ".join(f"{key}={written(value)}" for key, value in condition.items())
