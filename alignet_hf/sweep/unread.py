"""Keys of a recipe that its students never meet, so that a sweep over them would train the same one again and again.

What judgments and photographs students are scored on, and what is averaged over, every student meets.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alignet_hf.errors import InputError
from alignet_hf.recipe import Recipe
from alignet_hf.recipe_file import value_of

if TYPE_CHECKING:
    from alignet_hf.sweep.grid import Point

_OF_LISTED = ("triplets.n", "triplets.strategy", "distill.triplet_order")
_OF_DENSE = ("distill.sampling", "distill.clusters_a_step")
_OF_TAUGHT = (
    *("teacher", "clusters", "triplets", "images.distill_on", "images.n_distill", "distill.triplets"),
    *("distill.teacher_temperature", "distill.unaligned_teacher_temperature", *_OF_DENSE),
)
_OF_TRAINED = ("distill", "images.extra", "images.cache")
_OF_NONE = {
    **dict.fromkeys(("name", "human.people", "teacher.license", "student.license"), "it is words alone"),
    **dict.fromkeys(("teacher.num_workers", "student.num_workers", "distill.num_workers"), "it changes no number"),
    **dict.fromkeys(("distill.save_steps", "distill.evaluate_steps"), "what is learnt does not depend on it"),
    "distill.gather_negatives": "a point trains in one process, and has no other to gather from",
    "evaluate.n_bootstrap": "the intervals alone depend on it",
}


def unread_keys(recipe: Recipe) -> dict[str, str]:
    """Key, or whole section -> why no student of the recipe is made by its value; none where there is no student."""
    options, settings = recipe.distill, set(recipe.settings)
    if options is None:
        return {}
    other, of_other = ("listed", _OF_LISTED) if options.triplets == "dense" else ("dense", _OF_DENSE)
    unread = dict(_OF_NONE)
    unread |= dict.fromkeys(of_other, f"distill.triplets is {options.triplets}; add --set distill.triplets={other}")
    if "human" in settings:  # of people's own choices, which are listed whatever the recipe says
        unread.pop("distill.triplet_order", None)
    # UnAligNet's temperature may be such that it is as uncertain as the aligned teacher.
    is_matched = "unalignet" in settings and options.loss != "hard" and options.unaligned_teacher_temperature == "auto"
    if not is_matched:
        if not {"alignet", "ud"} & settings:
            unread["surrogate"] = "no student of evaluate.settings meets the surrogate; add alignet or ud to them"
        if "alignet" not in settings:
            unread["distill.teacher_temperature"] = "alignet alone learns at it; add it to evaluate.settings"
    if "unalignet" not in settings:
        unread["distill.unaligned_teacher_temperature"] = "unalignet alone learns at it; add it to evaluate.settings"
    elif options.loss == "hard":
        unread["distill.unaligned_teacher_temperature"] = "the hard loss takes the teacher's choice"
    if (why := _without_clusters(recipe)) is not None:
        unread["clusters"] = why
    if not {"alignet", "unalignet"} & settings:
        reason = "no student of evaluate.settings learns from the teacher's triplets; add alignet or unalignet to them"
        unread |= dict.fromkeys(_OF_TAUGHT, reason)
    if not recipe.trained:
        reason = "no student of evaluate.settings is trained; add alignet, unalignet or human to them"
        unread |= dict.fromkeys(_OF_TRAINED, reason)
    return unread


def check_all_are_read(points: Sequence["Point"], path: str | Path) -> None:
    """Refuse points that differ in nothing that a student meets.

    Args:
        points: of a sweep, each of another recipe.
        path: of the recipe, which the message begins with.

    Raises:
        InputError: naming the key, the two points, and what to do.
    """
    met: dict[str, Point] = {}
    for point in points:
        unread = unread_keys(point.recipe)
        content = point.recipe.model_dump(mode="json")
        for key in unread:
            _remove(content, key)
        content["evaluate"]["settings"] = sorted(point.recipe.evaluate.settings)
        other = met.setdefault(repr(content), point)
        if other is not point:
            key, why = _without_effect(other, point, unread)
            raise InputError(
                f"{path}: grid key {key} has no effect: points {other.name} and {point.name} would train the same "
                f"student, as {why}"
            )


def _without_clusters(recipe: Recipe) -> str | None:
    """Why triplets are drawn without clusters; None where they are not."""
    options, strategy = recipe.distill, recipe.triplets.strategy
    if options.triplets == "dense":
        if options.sampling == "random" and options.clusters_a_step is None:
            return "distill.sampling is random and distill.clusters_a_step none, which ask for no clusters"
    elif strategy in ("random", "class-boundary"):
        return f"triplets.strategy is {strategy}, which asks for no clusters"
    return None


def _remove(content: dict, key: str) -> None:
    *sections, last = key.split(".")
    for section in sections:
        content = content.get(section, {})
    content.pop(last, None)


def _without_effect(first: "Point", second: "Point", unread: dict[str, str]) -> tuple[str, str]:
    """The key of the grids in which two points differ, and why no student meets it."""
    one, other = (point.recipe.model_dump(mode="json") for point in (first, second))
    for key in second.values:
        if value_of(one, key) == value_of(other, key):
            continue
        for name in sorted(unread, key=len):  # a section's reason before that of a key in it
            is_of_key = f"{name}.".startswith(f"{key}.") or f"{key}.".startswith(f"{name}.")
            if is_of_key and value_of(one, name) != value_of(other, name):
                return key, unread[name]
    return "evaluate.settings", "their order alone differs"
