"""The experiment of uncertainty distillation, drawn."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from alignet_hf.evaluation.statistics import Result
from alignet_hf.surrogate.ud_result import CHANCE, NAMES, Setting, UDExperiment

# Colour-blind safe (Okabe & Ito).
_COLOURS = {"hard": "#D55E00", "people": "#0072B2", "vice": "#009E73", "given": "#CC79A7"}


def draw_trade_off(experiment: UDExperiment) -> Figure:
    """What alignment wins and what it costs: accuracy over lambda, and beside it over the neighbours kept.

    The two share the axis of accuracy: a dot's lambda is read at the same height on the left, so that no number has to
    stand among dots that lie on one another. Bars are the 95 % intervals.
    """
    figure = Figure(figsize=(10, 5.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    grid = sorted({setting.regularization for setting in experiment.settings})
    for number, kind in enumerate(experiment.kinds):
        line = sorted((s for s in experiment.settings if s.labels == kind), key=lambda s: s.regularization)
        # Side by side at each lambda: kinds that do alike would hide one another.
        places = [grid.index(s.regularization) + 0.16 * (number - (len(experiment.kinds) - 1) / 2) for s in line]
        style = {"color": _COLOURS[kind], "label": NAMES[kind], "capsize": 2, "elinewidth": 1, "alpha": 0.8}
        accuracy = [s.accuracy for s in line]
        left.errorbar(places, _estimates(accuracy), _bars(accuracy), fmt="o-", ms=5, **style)
        kept = [s.neighbourhood_preservation for s in line]
        right.errorbar(_estimates(kept), _estimates(accuracy), _bars(accuracy), _bars(kept), fmt="-", **style)
        sizes = 12 + 9 * np.array([grid.index(s.regularization) for s in line])
        right.scatter(_estimates(kept), _estimates(accuracy), sizes, color=_COLOURS[kind], alpha=0.8, zorder=3)
        if experiment.chosen in line:
            ring = {"ms": 15, "mfc": "none", "mec": "black", "ls": "none", "label": "chosen"}
            place = places[line.index(experiment.chosen)]
            for axis, x in ((left, place), (right, experiment.chosen.neighbourhood_preservation.estimate)):
                axis.plot(x, experiment.chosen.accuracy.estimate, "o", **ring)
    right.plot(1, experiment.teacher.estimate, "*", ms=12, color="black", clip_on=False)
    levels = [("the teacher", experiment.teacher.estimate, "-"), ("chance", CHANCE, ":")]
    if experiment.ceiling is not None:
        levels.append(("a person, by the others", experiment.ceiling.estimate, "--"))
    for axis in (left, right):
        for name, height, dashes in levels:
            axis.axhline(height, color="black", linewidth=1, linestyle=dashes, label=name, zorder=1)
        axis.grid(alpha=0.3)
    left.set_xticks(range(len(grid)), [f"{value:g}" for value in grid])
    left.set(xlabel="lambda", ylabel="odd-one-out accuracy, objects not fitted on [95 %]")
    right.set(xlabel=f"share of the {experiment.facts['n_neighbours']} nearest neighbours kept [95 %]")
    right.set_title("the larger the dot, the larger lambda", fontsize=9, color="grey")
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4, fontsize=9)
    figure.suptitle("What alignment wins and what it costs")
    return figure


def draw_reliability(experiment: UDExperiment) -> Figure:
    """The reliability diagram of each kind of labels: of the chosen setting, and of the other kinds' most accurate."""
    chosen = experiment.chosen
    best: list[Setting] = [
        chosen if kind == chosen.labels else experiment.choose(labels=kind) for kind in experiment.kinds
    ]
    figure = Figure(figsize=(4.6 * len(best), 5.2), layout="constrained")
    axes: list[Axes] = list(figure.subplots(1, len(best), squeeze=False)[0])
    for axis, setting in zip(axes, best, strict=True):
        setting.calibration.draw(axis)
        error = setting.calibration.error.estimate
        axis.set_title(f"{NAMES[setting.labels]}, lambda {setting.regularization:g}\ncalibration error {error:.3f}")
    return figure


def _estimates(results: list[Result]) -> list[float]:
    return [result.estimate for result in results]


def _bars(results: list[Result]) -> np.ndarray:
    """(2, n) lengths below and above the estimates; an interval of percentiles need not hold its estimate."""
    ends = [(result.estimate - result.low, result.high - result.estimate) for result in results]
    return np.maximum(np.array(ends).T, 0)
