"""Projections side by side, before and after: as points or as photographs, coloured by category."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from alignet_hf.errors import InputError
from alignet_hf.evaluation.figures import DPI
from alignet_hf.evaluation.representation.category_colours import CategoryColours
from alignet_hf.evaluation.representation.photograph_grid import photograph_canvas, snap_to_grid
from alignet_hf.evaluation.representation.projection import METHODS, Projections

PANEL = 7.0  # inches
MAX_PHOTOGRAPHS = 225  # more would be too small to recognise
LARGEST = 110  # pixels of a photograph's side


def draw_points(projections: Projections, categories: Sequence[str] | None = None) -> Figure:
    """Every image a point, in the colour and shape of its category.

    Args:
        projections: of n images.
        categories: of all embedded images, `projections.n_images` names; None for one colour.
    """
    rows = projections.rows
    colours = CategoryColours.of(_of_rows(categories, rows, projections.n_images) if categories else [""] * len(rows))
    figure, axes = _panels(projections, colours if categories else None, markers=True)
    size = float(np.clip(9000 / len(rows), 4, 50))
    for axis, places in zip(axes, projections.places.values(), strict=True):
        for number in range(len(colours.shown)):
            chosen = places[colours.numbers == number]
            axis.scatter(
                *chosen.T, s=size, color=colours.colour(number), marker=colours.marker(number), alpha=0.75, linewidth=0
            )
        axis.set_aspect("equal", adjustable="datalim")
        axis.margins(0.05)
    return figure


def draw_photographs(
    projections: Projections,
    images: Sequence[Image.Image],
    categories: Sequence[str] | None = None,
    *,
    max_photographs: int = MAX_PHOTOGRAPHS,
    seed: int = 0,
) -> Figure:
    """Photographs at their places, none hiding another; each moved to the nearest free cell of a grid.

    Args:
        projections: of n images.
        images: an image source of all embedded images, `projections.n_images`.
        categories: as for `draw_points`; frames are in their colours.
        max_photographs: of more images so many are drawn at random, and the title says so.
        seed: of that draw.
    """
    if len(images) != projections.n_images:
        raise InputError(f"{len(images)} images, {projections.n_images} embeddings; give one for each")
    shown = np.arange(len(projections.rows))
    if len(shown) > max_photographs:
        shown = np.sort(np.random.default_rng((seed, 4)).choice(len(shown), max_photographs, replace=False))
    rows = projections.rows[shown]
    photographs = [images[int(row)] for row in rows]
    colours = CategoryColours.of(_of_rows(categories, rows, projections.n_images)) if categories else None
    snapped = [snap_to_grid(places[shown]) for places in projections.places.values()]
    height = max(shape[0] / max(shape) for _, shape in snapped)  # of a panel that is 1 wide
    figure, axes = _panels(projections, colours, markers=False, n_shown=len(rows), height=height)
    for axis, (cells, shape) in zip(axes, snapped, strict=True):
        side = min(LARGEST, int(PANEL * DPI / max(shape)))
        canvas = photograph_canvas(cells, shape, photographs, colours and colours.of_images(), side)
        axis.imshow(canvas)
        middle, half = np.array(canvas.shape[:2]) / 2, max(canvas.shape[:2]) / 2
        axis.set(
            xlim=(middle[1] - half, middle[1] + half),
            ylim=(middle[0] + half * height, middle[0] - half * height),
        )
    return figure


def _panels(
    projections: Projections,
    colours: CategoryColours | None,
    markers: bool,
    n_shown: int | None = None,
    height: float = 1.0,
):
    names = list(projections.places)
    below = 0.5 if colours is None else 1.0
    figure = Figure(figsize=(PANEL * len(names), PANEL * height + below), layout="constrained")
    axes = figure.subplots(1, len(names), squeeze=False)[0]
    for axis, name in zip(axes, names, strict=True):
        axis.set_title(name, fontsize=14)
        axis.set(xticks=[], yticks=[])
        axis.set_xlabel(_axes_of(projections, name))
        for spine in axis.spines.values():
            spine.set_color("#cccccc")
    n_shown = n_shown or len(projections.rows)
    if n_shown < projections.n_images:
        figure.suptitle(f"{n_shown:,} of {projections.n_images:,} images, drawn at random", fontsize=10, color="grey")
    if colours is not None:
        figure.legend(handles=colours.legend(markers), loc="outside lower center", ncols=4, frameon=False, fontsize=11)
    return figure, axes


def _axes_of(projections: Projections, name: str) -> str:
    label = METHODS[projections.method]
    if name in projections.explained:
        label = f"first two {label}, {projections.explained[name]:.0%} of the variance"
    last = list(projections.places)[-1]
    return label if name == last else f"{label}, turned to fit {last}"


def _of_rows(categories: Sequence[str], rows: np.ndarray, n_images: int) -> list[str]:
    if len(categories) != n_images:
        raise InputError(f"{len(categories)} categories, {n_images} embeddings; give one for each")
    return [categories[int(row)] for row in rows]
