"""Keys of a recipe that its students never meet, so that a sweep over them would train the same one again and again."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alignet_hf.errors import InputError
from alignet_hf.recipe import Recipe
from alignet_hf.recipe_file import value_of

if TYPE_CHECKING:
    from alignet_hf.sweep.grid import Point

_OF_LISTED = ("triplets.n", "triplets.strategy", "distill.triplet_order")
_OF_DENSE = ("distill.sampling", "distill.clusters_a_step", "distill.gather_negatives")


def unread_keys(recipe: Recipe) -> dict[str, str]:
    """Key -> why no student of the recipe is trained by its value; none where there is no student to train."""
    if recipe.distill is None:
        return {}
    kind = recipe.distill.triplets
    other, of_other = ("listed", _OF_LISTED) if kind == "dense" else ("dense", _OF_DENSE)
    unread = dict.fromkeys(of_other, f"distill.triplets is {kind}; add --set distill.triplets={other}")
    if "human" in recipe.trained:  # of people's own choices, which are listed whatever the recipe says
        unread.pop("distill.triplet_order", None)
    if not {"alignet", "unalignet"} & set(recipe.trained):
        reason = "no student of evaluate.settings learns from the teacher's triplets; add alignet or unalignet to them"
        unread |= dict.fromkeys(("triplets.n", "triplets.strategy", *_OF_DENSE), reason)
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
            section, name = key.split(".")
            del content[section][name]
        other = met.setdefault(repr(content), point)
        if other is not point:
            before, here = other.recipe.model_dump(mode="json"), point.recipe.model_dump(mode="json")
            key = next(key for key in unread if value_of(before, key) != value_of(here, key))
            raise InputError(
                f"{path}: grid key {key} has no effect: points {other.name} and {point.name} would train the same "
                f"student, as {unread[key]}"
            )
