"""Figures of changes of distances: their distribution by level (Fig. 3D, 21) and between categories (Fig. 3E, 22)."""

import textwrap
from collections.abc import Mapping
from itertools import groupby

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from scipy.stats import gaussian_kde

from alignet_hf.evaluation.representation.distance_changes import LEVELS, DistanceChanges

# Colour-blind safe (Okabe & Ito), and told apart by the line as well.
LEVEL_STYLES = {
    "same_basic": ("#0072B2", "-", "same basic category"),
    "same_superordinate": ("#009E73", "--", "same superordinate category"),
    "different_superordinate": ("#D55E00", "-.", "different superordinate categories"),
}
CLOSER_TO_FARTHER = "RdBu_r"  # blue: moved closer together; white at 0
MAX_ENTRIES = 12  # across: of so few categories the numbers are written into the matrix
NO_PAIR = "grey: no pair of images, as within a category of one image"
CHARACTERS = 10.5  # of a title, to an inch


def level_densities(changes: Mapping[str, DistanceChanges], title: str = "") -> Figure:
    """The density of z-scored changes at each level; a dot at the foot marks the mean, with its interval.

    Args:
        changes: title, the encoder's name say -> its changes.
        title: of all of them, the two that are compared say.
    """
    width = max(7.2, 4.2 * len(changes))
    heading = _wrapped(title, width)
    figure = Figure(figsize=(width, 4.0 + 0.25 * _n_lines(heading)), layout="constrained")
    axes = figure.subplots(1, len(changes), sharex=True, sharey=True, squeeze=False)[0]
    samples = np.concatenate([one for change in changes.values() for one in change.samples.values()])
    grid = np.linspace(*np.percentile(samples, [0.2, 99.8]), 300)
    for axis, (name, change) in zip(axes, changes.items(), strict=True):
        foot = 0
        for level in LEVELS:
            values, result = change.samples[level], change.of_level(level)
            if result is None or len(values) < 2 or not np.ptp(values):
                continue
            colour, line, label = LEVEL_STYLES[level]
            density = gaussian_kde(values)(grid)
            axis.plot(grid, density, color=colour, linestyle=line, label=label)
            axis.fill_between(grid, density, color=colour, alpha=0.12, linewidth=0)
            foot -= 0.035
            axis.plot([result.low, result.high], [foot] * 2, color=colour, linewidth=2)
            axis.plot(result.estimate, foot, "o", color=colour, markersize=5)
        axis.axvline(0, color="grey", linewidth=0.8, linestyle=":")
        axis.set_title(_wrapped(name, width / len(changes) - 0.6), fontsize=11)
        axis.set_xlabel("z-scored change of distance\n← closer together        farther apart →")
    axes[0].set_ylabel("density of pairs")
    axes[0].set_yticks([tick for tick in axes[0].get_yticks() if tick >= 0])  # beneath are the means
    axes[0].set_ylim(bottom=-0.035 * (len(LEVELS) + 1))
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.suptitle(heading, fontsize=12)
    return figure


def category_matrix(changes: DistanceChanges, title: str = "") -> Figure:
    """The mean z-scored change between basic categories, grouped by superordinate ones.

    Args:
        changes: whose matrix is drawn; categories without a pair are left out, and what has none is grey.
        title: the encoder's name, say.
    """
    seen = np.isfinite(changes.matrix).any(1)
    matrix = changes.matrix[np.ix_(seen, seen)]
    basic = [name for name, is_seen in zip(changes.categories.basic, seen, strict=True) if is_seen]
    size = float(np.clip(0.14 * len(basic) + 2.2, 4.5, 14))
    heading = _wrapped(title, size + 0.6)
    figure = Figure(figsize=(size + 0.6, size + 0.25 * _n_lines(heading)), layout="constrained")
    axis = figure.subplots()
    entries = np.abs(matrix[np.isfinite(matrix)])
    most = float(np.percentile(entries, 98)) or 1.0
    axis.set_facecolor("lightgrey")
    picture = axis.imshow(matrix, cmap=CLOSER_TO_FARTHER, vmin=-most, vmax=most)
    fontsize = 7 if len(basic) > 30 else 9
    axis.set_xticks(range(len(basic)), basic, rotation=90, fontsize=fontsize)
    axis.set_yticks(range(len(basic)), basic, fontsize=fontsize)
    axis.tick_params(length=0)
    if len(basic) <= MAX_ENTRIES:
        for row, column in np.argwhere(np.isfinite(matrix)):
            value = matrix[row, column]
            colour = "white" if abs(value) > 0.6 * most else "black"
            axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour)
    start = 0
    for superordinate, group in groupby(changes.categories.superordinate_of[name] for name in basic):
        stop = start + len(list(group))
        corner, width = start - 0.5, stop - start
        axis.add_patch(Rectangle((corner, corner), width, width, fill=False, linewidth=1.3, clip_on=False))
        axis.text(len(basic) - 0.2, (start + stop - 1) / 2, superordinate, va="center", fontsize=fontsize + 1.5)
        start = stop
    bar = figure.colorbar(picture, ax=axis, shrink=0.5, location="top", aspect=40, pad=0.01, extend="both")
    said = "mean z-scored change of distance\nblue: moved closer together; red: farther apart"
    if not np.isfinite(matrix).all():
        said += f"\n{NO_PAIR}"
    bar.set_label(said)
    figure.suptitle(heading, fontsize=12)
    return figure


def _wrapped(title: str, inches: float) -> str:
    """A title in lines, each of which has room; a part of it that is a line already stays one."""
    return "\n".join(textwrap.fill(line, max(12, int(CHARACTERS * inches))) for line in title.split("\n"))


def _n_lines(title: str) -> int:
    return title.count("\n") + 1 if title else 0
