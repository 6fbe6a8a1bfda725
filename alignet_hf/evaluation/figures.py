"""The figures of a report: similarity matrices, training curves, triplets."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from PIL import Image, ImageOps
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from alignet_hf.triplets import odd_one_out, triplet_similarities

# Colour-blind safe (Okabe & Ito): agreement with people, disagreement, the odd one itself.
AGREE, DISAGREE, ODD = "#009E73", "#D55E00", "#0072B2"
DPI = 110


def people_order(similarities: np.ndarray) -> np.ndarray:
    """An order of objects, (N,) rows, that puts together what people find alike: average linkage, leaves ordered."""
    distances = similarities.max() - similarities
    np.fill_diagonal(distances, 0)
    return leaves_list(linkage(squareform(distances, checks=False), "average", optimal_ordering=True))


def similarity_matrices(matrices: dict[str, np.ndarray], order: np.ndarray) -> Figure:
    """Matrices side by side in one order of objects; colours are ranks, which is what the scores compare.

    Args:
        matrices: title -> (N, N) similarities.
        order: (N,) rows.
    """
    side, bar = 3.9, 1.4  # inches
    figure = Figure(figsize=(side * len(matrices) + bar, side + 0.35), layout="constrained")
    axes = figure.subplots(1, len(matrices), squeeze=False)[0]
    for axis, (title, matrix) in zip(axes, matrices.items(), strict=True):
        upper = np.triu_indices(len(matrix), 1)
        ranks = np.ones(matrix.shape)  # nothing is more alike than an object and itself
        ranks[upper] = rankdata(matrix[upper]) / len(upper[0])
        ranks.T[upper] = ranks[upper]
        picture = axis.imshow(ranks[np.ix_(order, order)], cmap="viridis", vmin=0, vmax=1)
        axis.set_title(title)
        axis.set(xticks=[], yticks=[])
    axes[0].set_ylabel("held-out objects, ordered by people")
    scale = figure.colorbar(picture, ax=axes, fraction=0.03, pad=0.01, ticks=[0, 1])
    scale.ax.set_yticklabels(["least alike", "most alike"])
    return figure


def training_curves(histories: dict[str, list[dict]]) -> Figure:
    """Loss, and where it was measured held-out odd-one-out accuracy, by step.

    Args:
        histories: name -> the log history of a trainer.
    """
    measured = sorted(
        {key for history in histories.values() for entry in history for key in entry if _is_accuracy(key)}
    )
    figure = Figure(figsize=(10 if measured else 5.5, 3.8), layout="constrained")
    axes = figure.subplots(1, 2 if measured else 1, squeeze=False)[0]
    losses = [entry["loss"] for history in histories.values() for entry in history if "loss" in entry]
    for name, history in histories.items():
        _curve(axes[0], history, "loss", name)
        for key in measured:
            held_out = key.removeprefix("eval_").removesuffix("odd_one_out_accuracy").rstrip("_")
            _curve(axes[1], history, key, name if len(measured) == 1 else f"{name}, {held_out}")
    axes[0].set(xlabel="step", ylabel="triplet loss", title="Loss on the teacher's triplets")
    if losses and max(losses) > 10 * min(losses) > 0:
        axes[0].set_yscale("log")
        axes[0].yaxis.set_minor_formatter(NullFormatter())  # of a decade alone: labels in between run into one another
    if measured:
        axes[1].axhline(1 / 3, color="grey", linestyle=":", label="chance")
        axes[1].set(xlabel="step", ylabel="odd-one-out accuracy", title="Held-out human choices")
    for axis in axes:
        axis.legend()
        axis.grid(alpha=0.3)
    return figure


def _is_accuracy(key: str) -> bool:
    return key.endswith("_odd_one_out_accuracy")


def _curve(axis, history: list[dict], key: str, name: str) -> None:
    points = [(entry["step"], entry[key]) for entry in history if key in entry]
    if points:
        axis.plot(*zip(*points, strict=True), label=name, marker="o" if len(points) < 30 else "")


def triplet_pictures(triplets: np.ndarray, images: Sequence[Image.Image], embeddings: dict[str, np.ndarray]) -> Figure:
    """Triplets as pictures: the odd one that people chose framed, and beneath it what each representation chose.

    Args:
        triplets: (n, 3) rows of `images`, people's odd one last; n a multiple of 3.
        images: an image source.
        embeddings: name -> (len(images), D).
    """
    choices = {name: odd_one_out(triplet_similarities(rows, triplets)) for name, rows in embeddings.items()}
    figure = Figure(figsize=(15, 1.9 * len(triplets) / 3 + 0.9), layout="constrained")
    figure.suptitle(
        "Framed: people's odd one out. Beneath: the student's, before and after; green as people chose, orange not."
    )
    for block, subfigure in enumerate(figure.subfigures(len(triplets) // 3, 3, wspace=0.06).flat):
        # Shown in the order of the images, so that the odd one has no place of its own.
        shown = np.argsort(triplets[block])
        for axis, position in zip(subfigure.subplots(1, 3), shown, strict=True):
            axis.imshow(ImageOps.fit(images[int(triplets[block, position])], (160, 160)))
            axis.set(xticks=[], yticks=[])
            for spine in axis.spines.values():
                spine.set(color=ODD, linewidth=4, visible=bool(position == 2))
            chose = [name for name, choice in choices.items() if choice[block] == position]
            axis.set_xlabel(" and ".join(chose) or " ", color=AGREE if position == 2 else DISAGREE, fontsize=9)
    return figure
