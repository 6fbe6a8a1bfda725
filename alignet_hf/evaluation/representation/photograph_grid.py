"""Photographs at their places in two dimensions, none hiding another: each on the free cell of a grid nearest to it."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

OCCUPANCY = 0.5  # share of the cells with a photograph: room for gaps, which are what a map shows
FRAME = 0.07  # of a cell's side, on each side
GAP = 0.03


def snap_to_grid(places: np.ndarray, occupancy: float = OCCUPANCY) -> tuple[np.ndarray, tuple[int, int]]:
    """Give each of N places a cell of its own, so that the squared distances they are moved by have the least sum.

    Args:
        places: (N, 2) float; the second coordinate points up.
        occupancy: share of the cells to fill, above 0 and at most 1.

    Returns:
        (N, 2) int, the row (from the top) and column of each; (rows, columns) of the grid. Its cells are square, and it
        spans the places.
    """
    span = np.ptp(places, axis=0)
    span = np.maximum(span, 0.25 * span.max() or 1.0)  # a line of places is still given a band
    cells = len(places) / occupancy
    columns = int(np.ceil(np.sqrt(cells * span[0] / span[1])))
    rows = int(np.ceil(cells / columns))
    middle = (places.min(0) + places.max(0)) / 2
    side = max(span[0] / columns, span[1] / rows)
    wanted = np.stack([rows / 2 - (places[:, 1] - middle[1]) / side, columns / 2 + (places[:, 0] - middle[0]) / side])
    every = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1).reshape(-1, 2)
    _, chosen = linear_sum_assignment(cdist(wanted.T, every + 0.5, "sqeuclidean"))
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
