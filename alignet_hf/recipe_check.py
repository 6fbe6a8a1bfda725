"""Check a recipe before it runs: everything that is missing, what its encoders are, and what each stage takes.

No weights are downloaded, no image is decoded: the encoders are known by their configurations, the images by their
names, people by their files.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from alignet_hf.architecture import Architecture, UnreachableError, architecture_of
from alignet_hf.data.images import image_names
from alignet_hf.data.judgments import SplitChoices, split_choices
from alignet_hf.data.things import read_concept_images, read_triplets
from alignet_hf.errors import InputError
from alignet_hf.inputs import open_images, read_dimensions, read_judgments
from alignet_hf.recipe import Encoder, Recipe
from alignet_hf.recipe_estimates import Sizes, StageEstimate, distill_rows, estimate_stages, total
from alignet_hf.recipe_file import missing_files

if TYPE_CHECKING:
    from rich.table import Table

_COLUMNS = ("images decoded", "forwards", "disk", "disk while it runs", "memory", "accelerator")


@dataclass
class RecipeCheck:
    """What a recipe needs and takes.

    Attributes:
        recipe: its name.
        problems: a line for each thing that is missing or wrong; a run would stop at the first.
        notes: a line for each thing that is not known, and why.
        encoders: "teacher" and "student", as far as they are known.
        counts: what the recipe says of its triplets and trainings; of images, people's triplets, concepts and held-out
            objects, as far as the files are there.
        stages: in order; what follows from something unknown is NaN.
        known: the same stages as far as they are known: what is not counts as nothing.
        processes: that train together.
    """

    recipe: str
    processes: int
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    encoders: dict[str, Architecture] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    stages: list[StageEstimate] = field(default_factory=list)
    known: list[StageEstimate] = field(default_factory=list)

    def to_dict(self) -> dict:
        """As JSON; what is not known is None."""
        stages, known = (
            [{name: _or_none(value) for name, value in asdict(stage).items()} for stage in these]
            for these in (self.stages, self.known)
        )
        encoders = {who: asdict(encoder) for who, encoder in self.encoders.items()}
        return {**asdict(self), "encoders": encoders, "stages": stages, "known": known}

    def tables(self) -> list["Table"]:
        """What is there, and what each stage takes."""
        from rich.table import Table

        facts = Table(title=f"{self.recipe}: what it is made of", show_header=False)
        for who, encoder in self.encoders.items():
            facts.add_row(who, str(encoder))
        for name, count in self.counts.items():
            facts.add_row(name, f"{count:,}")
        several = "" if self.processes == 1 else f", {self.processes} processes training"
        costs = Table(
            title=f"{self.recipe}: what each stage takes, estimated{several}",
            caption="Images, forwards and disk: of all processes together. Memory: of each process, beside what the "
            "program itself takes. Accelerator: of each; of a run on the CPU it is main memory too.",
        )
        costs.add_column("stage")
        for name in _COLUMNS:
            costs.add_column(name, justify="right")
        known = self.known or self.stages
        for stage, least in zip([*self.stages, total(self.stages)], [*known, total(known)], strict=True):
            most = "<= " if stage.at_most else ""
            numbers = [
                most + _as_known(getattr(stage, name), getattr(least, name), _count) for name in ("decoded", "forwards")
            ]
            sizes = [
                _as_known(getattr(stage, name), getattr(least, name), _bytes)
                for name in ("disk", "scratch", "memory", "accelerator")
            ]
            costs.add_row(stage.stage, *numbers, *sizes, style="bold" if stage.stage == "all" else None)
        return [facts, costs] if facts.row_count else [costs]


def check_recipe(recipe: Recipe, processes: int = 1) -> RecipeCheck:
    """Look at all that a recipe names.

    Args:
        recipe: a valid one.
        processes: that are to train together.
    """
    check = RecipeCheck(recipe.name, processes)
    missing = missing_files(recipe)
    check.problems += missing.values()
    options = recipe.distill
    sizes = {"processes": processes}
    for who, encoder in (("teacher", recipe.teacher), ("student", recipe.student)):
        if encoder is not None:
            head = options.projection_dim if who == "student" else None
            sizes[who] = _look_at(check, who, encoder, head)
    found, judged_names = _look_at_images(check, recipe, missing)
    sizes |= found
    if judged_names is not None and not any(key.startswith("human.") for key in missing):
        sizes |= _look_at_people(check, recipe, judged_names)
    sizes = Sizes(**sizes)
    check.stages, check.known = estimate_stages(recipe, sizes), estimate_stages(recipe, sizes.known())
    check.counts |= _trainings(recipe)
    if options is not None:
        check.problems += _batch_problems(recipe, distill_rows(recipe, sizes), processes)
    return check


def _trainings(recipe: Recipe) -> dict[str, float]:
    """What the recipe itself says, whatever is missing."""
    counts, options = {"triplets that the teacher answers": recipe.triplets.n}, recipe.distill
    if options is None:
        return counts
    rows = "triplets" if options.triplets == "listed" else "images"
    a_step = options.batch_size * options.gradient_accumulation_steps
    counts |= {"steps of a training": options.steps, f"{rows} a step": a_step}
    if options.triplets == "listed":
        counts["epochs of a training"] = round(options.steps * a_step / recipe.triplets.n, 2)
    return counts


def _batch_problems(recipe: Recipe, n_images: float, processes: int) -> list[str]:
    size = recipe.distill.batch_size
    problems = []
    if size % processes:
        problems.append(
            f"{recipe.name}: distill.batch_size is {size}, which {processes} processes cannot share equally; "
            f"set it to a multiple of {processes}, or launch another number of processes"
        )
    rows, what = (n_images, "images") if recipe.distill.triplets == "dense" else (recipe.triplets.n, "triplets")
    if rows < size:
        problems.append(f"{recipe.name}: distill.batch_size is {size}, but there are {rows:.0f} {what}; lower it")
    return problems


def _look_at(check: RecipeCheck, who: str, encoder: Encoder, projection_dim: int | None) -> Architecture | None:
    try:
        found = architecture_of(encoder, projection_dim)
    except UnreachableError as error:
        check.notes.append(
            f"{who}: {error}; without its configuration, what depends on it stays ?. Where the Hub is reached: "
            f"hf download {encoder.model} config.json preprocessor_config.json"
        )
        return None
    except InputError as error:
        check.problems.append(f"{check.recipe}: {who}.model: {error}")
        return None
    check.encoders[who] = found
    return found


def _look_at_images(check: RecipeCheck, recipe: Recipe, missing: dict[str, str]) -> tuple[dict, Sequence[str] | None]:
    """-> sizes, and the names of the images that people judged, None where they are not there."""
    names, sizes = {}, {}
    for key, kind, what in (("source", "judged", "photographs"), ("extra", "extra", "extra photographs")):
        source = getattr(recipe.images, key)
        if source is None:
            names[kind] = []
        elif f"images.{key}" not in missing:
            try:
                names[kind] = image_names(open_images(source))
            except InputError as error:
                check.problems.append(f"{recipe.name}: images.{key}: {error}")
                continue
            check.counts[what] = len(names[kind])
    sizes = {kind: len(found) for kind, found in names.items()}
    if len(names) == 2:
        lengths = {kind: _mean_bytes(found) for kind, found in names.items()}
        sizes["name_bytes"] = sum(sizes[kind] * lengths[kind] for kind in names) / sum(sizes.values())
    return sizes, names.get("judged")


def _mean_bytes(names: Sequence[str]) -> float:
    """The length of a name; of a million, some are looked at."""
    rows = range(0, len(names), max(1, len(names) // 10_000))
    return sum(len(names[row].encode("utf-8", "surrogateescape")) for row in rows) / max(1, len(rows))


def _look_at_people(check: RecipeCheck, recipe: Recipe, names: Sequence[str]) -> dict:
    try:
        if recipe.human.dissimilarities is not None:
            people = read_judgments(recipe, names)
            n_training, n_objects = len(people.training), len(np.unique(people.training))
        else:
            people, n_training, n_objects = _split(check, recipe, names)
    except InputError as error:
        check.problems.append(f"{recipe.name}: {error}")
        return {}
    check.counts |= {
        "objects held out": len(people.held_out_rows),
        "people's triplets held out": len(people.held_out),
        "triplets that the surrogate is fitted to": n_training,
    }
    return {
        "held_out": len(people.held_out_rows),
        "held_out_triplets": len(people.held_out),
        "held_out_images": len(np.unique(people.held_out)),
        "training_triplets": n_training,
        "training_objects": n_objects,
    }


def _split(check: RecipeCheck, recipe: Recipe, names: Sequence[str]) -> tuple[SplitChoices, int, int]:
    """Choices over concepts, split but not labelled, which for those of THINGS takes minutes -> the split, how many
    triplets the surrogate is fitted to, of how many objects."""
    given, split = recipe.human, recipe.split
    embedding, label = read_dimensions(given.embedding)
    choices = read_triplets(given.triplets, len(embedding))
    shown = read_concept_images(given.concepts, names, len(embedding))
    check.counts |= {"concepts": len(embedding), "concepts shown": len(shown), "people's triplets": len(choices)}
    found = split_choices(choices, shown, len(embedding), n_folds=split.folds, fold=split.fold, seed=split.seed)
    n_objects = len(np.unique(list(shown.values()))) - len(found.held_out_rows)
    return found, given.n_soft_triplets if label is None else len(found.training), n_objects


def _or_none(value: str | float) -> str | int | None:
    if isinstance(value, str):
        return value
    return None if math.isnan(value) else round(value)


def _as_known(value: float, least: float, written: Callable[[float], str]) -> str:
    if not math.isnan(value):
        return written(value)
    return f"{written(least)} + ?" if least > 0 else "?"


def _count(value: float) -> str:
    return f"{round(value):,}" if value else "-"


def _bytes(value: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.0f} B" if value else "-"
