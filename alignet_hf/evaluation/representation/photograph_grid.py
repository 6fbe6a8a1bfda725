"""Photographs at their places in two dimensions, none hiding another: each on the free cell of a grid nearest to it."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

OCCUPANCY = 0.5  # share of the cells with a photograph: room for gaps, which are what a map shows
FRAME = 0.07  # of a cell's side, on each side
GAP = 0.03
OUTLYING = 1  # per cent of the places at each end, which are moved to the edge: one far off would crowd all the others


def snap_to_grid(places: np.ndarray, occupancy: float = OCCUPANCY) -> tuple[np.ndarray, tuple[int, int]]:
    """Give each of N places a cell of its own, so that the squared distances they are moved by have the least sum.

    Args:
        places: (N, 2) float; the second coordinate points up.
        occupancy: share of the cells to fill, above 0 and at most 1.

    Returns:
        (N, 2) int, the row (from the top) and column of each; (rows, columns) of the grid. Its cells are square, and it
        spans the places but for outlying ones (a hundredth at each end), which lie at its edge.
    """
    lowest = np.percentile(places, OUTLYING, axis=0, method="lower")
    highest = np.percentile(places, 100 - OUTLYING, axis=0, method="higher")
    places = np.clip(places, lowest, highest)
    span = highest - lowest
    span = np.maximum(span, 0.25 * span.max() or 1.0)  # a line of places is still given a band
    # The middles of n cells span n - 1 sides: (width / side + 1) (height / side + 1) = cells, solved for 1 / side.
    cells = len(places) / occupancy
    half = span.sum() / 2
    per_unit = (np.sqrt(half**2 + span.prod() * (cells - 1)) - half) / span.prod()
    columns = 1 + round(span[0] * per_unit)
    rows = int(np.ceil(round(cells / columns, 9)))
    side = max(span[0] / max(columns - 1, 1), span[1] / max(rows - 1, 1))
    right, up = (places - (lowest + highest) / 2).T / side
    wanted = np.stack([(rows - 1) / 2 - up, (columns - 1) / 2 + right], 1)
    every = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1).reshape(-1, 2)
    _, chosen = linear_sum_assignment(cdist(wanted, every, "sqeuclidean"))
    return every[chosen], (rows, columns)


def photograph_canvas(
    cells: np.ndarray, shape: tuple[int, int], images: Sequence[Image.Image], colours: np.ndarray | None, side: int
) -> np.ndarray:
    """Draw photographs into their cells, each cut to a square, with a frame in its colour.

    Args:
        cells: (N, 2) int, rows and columns, no two the same.
        shape: (rows, columns) of the grid.
        images: N photographs.
        colours: (N, 3) uint8, or None for no frames.
        side: pixels of a cell.

    Returns:
        (rows * side, columns * side, 3) uint8, white where there is nothing.
    """
    canvas = np.full((shape[0] * side, shape[1] * side, 3), 255, np.uint8)
    gap = max(1, round(GAP * side))
    frame = 0 if colours is None else max(2, round(FRAME * side))
    for number, (image, cell) in enumerate(zip(images, cells, strict=True)):
        top, left = cell * side + gap
        inside = side - 2 * gap
        if colours is not None:
            canvas[top : top + inside, left : left + inside] = colours[number]
        inside -= 2 * frame
        picture = np.asarray(ImageOps.fit(image.convert("RGB"), (inside, inside)))
        canvas[top + frame : top + frame + inside, left + frame : left + frame + inside] = picture
    return canvas
