"""The figures of a sweep: accuracy against a number, and bars of conditions and settings, with their intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from alignet_hf.evaluation.statistics import Result
from alignet_hf.sweep.grid import as_key, written
from alignet_hf.sweep.scores import Row, in_words, scores_of

# Colour-blind safe (Okabe & Ito), one for each setting.
_COLOURS = {"original": "#999999", "unalignet": "#56B4E9", "ud": "#E69F00", "alignet": "#0072B2", "human": "#D55E00"}
_WORDS = {"original": "original", "unalignet": "UnAligNet", "ud": "UD", "alignet": "AligNet", "human": "direct"}


def figures_of(grids: Mapping[str, tuple[tuple[str, ...], Sequence[Row]]]) -> dict[str, Figure]:
    """A figure of each grid: lines where it varies one number, else bars.

    Args:
        grids: name -> the keys that it varies, and its rows.
    """
    drawn = {}
    for grid, (keys, rows) in grids.items():
        if not rows:
            continue
        numbers = len(keys) == 1 and all(_is_number(row.condition[keys[0]]) for row in rows)
        name = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in grid)
        drawn[name] = lines(keys[0], rows) if numbers else bars(keys, rows)
    return drawn


def lines(key: str, rows: Sequence[Row]) -> Figure:
    """Each score against a number, a line a setting; settings that do not depend on it are level."""
    scores = scores_of(rows)
    figure = Figure(figsize=(5 * len(scores), 4.2), layout="constrained")
    settings = list(dict.fromkeys((row.who, row.setting) for row in rows))
    for axis, score in zip(figure.subplots(1, len(scores)), scores, strict=True):
        for who, setting in settings:
            own = [row for row in rows if (row.who, row.setting) == (who, setting) and score in row.means]
            own.sort(key=lambda row: row.condition[key])
            places = [row.condition[key] for row in own]
            results = [row.means[score] for row in own]
            axis.errorbar(
                places,
                [one.estimate for one in results],
                _errors(results),
                label=_name(who, setting),
                color=_COLOURS.get(setting),
                marker="o",
                capsize=3,
            )
        values = sorted({row.condition[key] for row in rows})
        if values[0] > 0 and values[-1] >= 8 * values[0]:
            axis.set_xscale("log")
        axis.set_xticks(values, [f"{value:,}" for value in values])
        axis.minorticks_off()
        _finish(axis, rows, score)
        axis.set_xlabel(key)
        axis.grid(alpha=0.3)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    return figure


def bars(keys: Sequence[str], rows: Sequence[Row]) -> Figure:
    """Each score's bars: conditions side by side, in each a bar a setting."""
    conditions = list(dict.fromkeys(as_key({key: row.condition[key] for key in keys}) for row in rows))
    settings = list(dict.fromkeys((row.who, row.setting) for row in rows))
    places = {condition: place for place, condition in enumerate(conditions)}
    names = {}
    scores = scores_of(rows)
    of_score = max(4.5, 1.5 + 0.75 * len(conditions) + 0.25 * len(rows))  # inches
    figure = Figure(figsize=(of_score * len(scores), 4.6), layout="constrained")
    width = 0.8 / len(settings)
    for axis, score in zip(figure.subplots(1, len(scores)), scores, strict=True):
        for number, (who, setting) in enumerate(settings):
            own = [row for row in rows if (row.who, row.setting) == (who, setting) and score in row.means]
            shown = [{key: row.condition[key] for key in keys} for row in own]
            names |= {as_key(one): "\n".join(written(value) for value in one.values()) or " " for one in shown}
            results = [row.means[score] for row in own]
            axis.bar(
                [places[as_key(one)] + (number - (len(settings) - 1) / 2) * width for one in shown],
                [one.estimate for one in results],
                width,
                yerr=_errors(results),
                label=_name(who, setting),
                color=_COLOURS.get(setting),
                capsize=3,
            )
        axis.set_xticks(range(len(conditions)), [names[condition] for condition in conditions], fontsize=8)
        _finish(axis, rows, score)
        axis.set_xlabel(", ".join(keys))
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
    return figure


def _finish(axis, rows: Sequence[Row], score: str) -> None:
    measured = next(row.means[score] for row in rows if score in row.means)
    axis.axhline(measured.chance, color="grey", linestyle=":", label="chance")
    axis.set_ylabel(in_words(score))
    over = " and ".join(f"held-out {one}" if one == measured.unit else one for one in measured.over)
    axis.set_title(f"bars: 95 % intervals, bootstrap over {over}", fontsize=8, color="grey")


def _errors(results: Sequence[Result]) -> np.ndarray:
    """(2, n) below and above: an interval of percentiles need not hold the estimate, but a bar is never negative."""
    below = [max(0.0, one.estimate - one.low) for one in results]
    above = [max(0.0, one.high - one.estimate) for one in results]
    return np.array([below, above])


def _name(who: str, setting: str) -> str:
    return _WORDS.get(setting, setting) if who == "student" else f"teacher, {_WORDS.get(setting, setting)}"


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
