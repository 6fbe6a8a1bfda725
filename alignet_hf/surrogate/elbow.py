"""The Elbow criterion: how many clusters, by where the inertia stops falling fast."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def elbow(curve: Sequence[tuple[float, float]]) -> int:
    """The index of the point of a falling curve [(K, inertia)] that lies farthest below the chord of its ends."""
    points = np.asarray(curve, np.float64)
    span = points[-1] - points[0]
    if not span.all():
        raise InputError(f"n_clusters: the inertia does not change over the candidates, {points[:, 1].tolist()}")
    scaled = (points - points[0]) / span  # the chord runs from (0, 0) to (1, 1); a falling convex curve lies above it
    return int((scaled[:, 1] - scaled[:, 0]).argmax())


def draw_elbow(curve: Sequence[tuple[float, float]]) -> "Figure":
    """The curve, the chord of its ends, and the point that is farthest below it."""
    from matplotlib.figure import Figure

    numbers, inertias = np.asarray(curve, np.float64).T
    chosen = elbow(curve)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axis = figure.subplots()
    axis.plot(numbers[[0, -1]], inertias[[0, -1]], ":", color="grey", label="line between the ends")
    axis.plot(numbers, inertias, "o-", ms=4, color="#0072B2", label="k-means")
    axis.plot(
        numbers[chosen],
        inertias[chosen],
        "o",
        ms=13,
        mfc="none",
        mec="black",
        label=f"K = {numbers[chosen]:g}, farthest below the line",
    )
    axis.set(xlabel="clusters K", ylabel="inertia (sum of squared distances)", ylim=(0, None))
    axis.grid(alpha=0.3)
    axis.legend(labelspacing=0.8, borderpad=0.8)
    return figure


def save_elbow(curve: Sequence[tuple[float, float]], folder: Path) -> None:
    """Draw the curve into elbow.png of a folder, the clusters' say."""
    with replacing(folder / "elbow.png") as path:
        draw_elbow(curve).savefig(path, format="png", dpi=150)
