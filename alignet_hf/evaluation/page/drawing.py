"""Drawings of a page, as SVG that takes its colours and letters from the page: light and dark, on a phone, on paper."""

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup, escape
from matplotlib import colormaps
from matplotlib.ticker import LogLocator, MaxNLocator
from PIL import Image
from scipy.stats import rankdata

from alignet_hf.evaluation.page.photographs import Photographs

MOST_OBJECTS = 200  # of a matrix
MOST_CLASSES = 8  # with a colour of their own
PLOT_WIDTH, PLOT_HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 420, 270, 64, 44, 14, 12
CELL = 40  # of a map of photographs
STEPS = [1, 2, 5, 10]  # of ticks


def axis_over(values: Sequence[float]) -> tuple[float, float]:
    """An axis in tenths, or finer where the values lie close, that holds all values."""
    low, high = min(values), max(values)
    step = 0.1 if high - low > 0.15 or not high > low else 10.0 ** np.floor(np.log10((high - low) / 1.5))
    return float(np.floor(low / step + 1e-9) * step), float(np.ceil(high / step - 1e-9) * step) + step * (low == high)


def interval_bar(score, axis: tuple[float, float]) -> Markup:
    """An estimate with its interval, a dotted line at chance and a line or band at what people score.

    It stands beside the numbers that it draws, and so is hidden from screen readers.
    """

    def place(value: float) -> str:
        return f"{100 * (value - axis[0]) / (axis[1] - axis[0]):.2f}%"

    parts = ['<line class="scale" x1="0" x2="100%" y1="11" y2="11"/>']
    if score.chance is not None:
        parts.append(f'<line class="chance" x1="{place(score.chance)}" x2="{place(score.chance)}" y1="1" y2="21"/>')
    if score.ceiling is not None:
        upper = score.upper_ceiling
        if upper is not None:
            width = f"{100 * (upper - score.ceiling) / (axis[1] - axis[0]):.2f}%"
            parts.append(f'<rect class="band" x="{place(score.ceiling)}" y="2" width="{width}" height="18"/>')
        for value in (score.ceiling, upper):
            if value is not None:
                parts.append(f'<line class="ceiling" x1="{place(value)}" x2="{place(value)}" y1="2" y2="20"/>')
    if score.low is not None:
        low, high = place(score.low), place(score.high)
        parts.append(f'<line class="interval" x1="{low}" x2="{high}" y1="11" y2="11"/>')
        parts += [f'<line class="end" x1="{x}" x2="{x}" y1="7" y2="15"/>' for x in (low, high)]
    if not score.is_reference:
        parts.append(f'<circle class="estimate" cx="{place(score.estimate)}" cy="11" r="4.5"/>')
    return Markup(f'<svg class="interval-bar" height="22" aria-hidden="true" focusable="false">{"".join(parts)}</svg>')


def matrix_picture(similarities: np.ndarray, order: np.ndarray, says: str) -> Markup:
    """(N, N) similarities as colours of their ranks, which is what the scores compare: a dot an object and object.

    Args:
        order: (n,) rows to show, in their order.
        says: the text alternative.
    """
    ranks = np.ones(similarities.shape)
    upper = np.triu_indices(len(similarities), 1)
    ranks[upper] = rankdata(similarities[upper]) / len(upper[0])
    ranks.T[upper] = ranks[upper]
    colours = colormaps["viridis"](ranks[np.ix_(order, order)], bytes=True)[..., :3]
    file = io.BytesIO()
    Image.fromarray(colours).quantize(128).save(file, "PNG", optimize=True)
    data = base64.b64encode(file.getvalue()).decode()
    return Markup(f'<img class="matrix" src="data:image/png;base64,{data}" alt="{escape(says)}">')


def photograph_map(
    cells: np.ndarray,
    shape: tuple[int, int],
    rows: Sequence[int],
    photographs: Photographs,
    says: str,
    classes: np.ndarray | None = None,
) -> Markup:
    """Photographs in the cells of a grid, framed in the colour of their class.

    Args:
        cells: (n, 2) int, the row (from the top) and column of each.
        shape: (rows, columns) of the grid.
        rows: of the image source, n.
        says: the text alternative.
        classes: (n,) numbers of the classes, from 0; None to draw no frame.
    """
    parts = []
    for number, (row, (down, right)) in enumerate(zip(rows, cells.tolist(), strict=True)):
        at = f'x="{CELL * right + 2}" y="{CELL * down + 2}" width="{CELL - 4}" height="{CELL - 4}"'
        parts.append(f'<use href="#p{photographs.numbers[int(row)]}" {at}/>')
        if classes is not None:
            parts.append(f'<rect class="frame class-{classes[number]}" {at}/>')
    return Markup(
        f'<svg class="map" viewBox="0 0 {CELL * shape[1]} {CELL * shape[0]}" role="img" aria-label="{escape(says)}">'
        f"{''.join(parts)}</svg>"
    )


def class_legend(names: Sequence[str]) -> Markup:
    """What the colours of a map mean."""
    keys = (f'<li><span class="key class-{number}"></span>{escape(name)}</li>' for number, name in enumerate(names))
    return Markup(f'<ul class="legend" aria-label="Colours of the frames">{"".join(keys)}</ul>')


def line_chart(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    x: str,
    y: str,
    says: str,
    log: bool = False,
    reference: tuple[str, float] | None = None,
) -> Markup:
    """Lines over a common axis, told apart by colour and by dashes, with their names beneath.

    Args:
        series: name -> x and y of its points.
        x, y: names of the axes.
        says: the text alternative.
        log: whether y is logarithmic.
        reference: name and y of a horizontal line.
    """
    ys = [value for _, values in series.values() for value in values] + ([reference[1]] if reference else [])
    xs = [value for values, _ in series.values() for value in values]
    if log:
        y_ticks = LogLocator(subs=(1.0, 2.0, 5.0)).tick_values(min(ys), max(ys))
        y_range = min(ys) / 1.1, max(ys) * 1.1
    else:
        y_ticks = MaxNLocator(5, steps=STEPS).tick_values(min(ys), max(ys))
        y_range = (y_ticks[0], y_ticks[-1]) if min(ys) < max(ys) else (min(ys) - 0.5, max(ys) + 0.5)
    x_range = (min(xs), max(xs)) if min(xs) < max(xs) else (min(xs) - 1, max(xs) + 1)
    scale = np.log if log else np.asarray

    def across(value: float) -> float:
        return LEFT + (PLOT_WIDTH - LEFT - RIGHT) * (value - x_range[0]) / (x_range[1] - x_range[0])

    def up(value: float) -> float:
        share = (scale(value) - scale(y_range[0])) / (scale(y_range[1]) - scale(y_range[0]))
        return PLOT_HEIGHT - BOTTOM - (PLOT_HEIGHT - BOTTOM - TOP) * float(share)

    parts = []
    for tick in y_ticks:
        if y_range[0] <= tick <= y_range[1]:
            parts.append(
                f'<line class="grid" x1="{LEFT}" x2="{PLOT_WIDTH - RIGHT}" y1="{up(tick):.1f}" y2="{up(tick):.1f}"/>'
            )
            parts.append(f'<text x="{LEFT - 6}" y="{up(tick) + 4:.1f}" text-anchor="end">{tick:.4g}</text>')
    for tick in MaxNLocator(6, steps=STEPS, integer=True).tick_values(*x_range):
        if x_range[0] <= tick <= x_range[1]:
            parts.append(
                f'<text x="{across(tick):.1f}" y="{PLOT_HEIGHT - BOTTOM + 17}" text-anchor="middle">{tick:g}</text>'
            )
    parts.append(f'<text x="{(LEFT + PLOT_WIDTH) / 2}" y="{PLOT_HEIGHT - 6}" text-anchor="middle">{escape(x)}</text>')
    middle = (PLOT_HEIGHT - BOTTOM) / 2
    parts.append(f'<text transform="translate(13 {middle}) rotate(-90)" text-anchor="middle">{escape(y)}</text>')
    keys = []
    if reference:
        height = f"{up(reference[1]):.1f}"
        parts.append(f'<line class="reference" x1="{LEFT}" x2="{PLOT_WIDTH - RIGHT}" y1="{height}" y2="{height}"/>')
        keys.append((reference[0], "reference"))
    for number, (name, points) in enumerate(series.items()):
        path = " ".join(f"{across(a):.1f},{up(b):.1f}" for a, b in zip(*points, strict=True))
        parts.append(f'<polyline class="line line-{number}" points="{path}"/>')
        if len(points[0]) < 30:
            parts += [
                f'<circle class="dot line-{number}" cx="{across(a):.1f}" cy="{up(b):.1f}" r="3"/>'
                for a, b in zip(*points, strict=True)
            ]
        keys.append((name, f"line line-{number}"))
    legend = "".join(
        f'<li><svg class="swatch" viewBox="0 0 28 8" aria-hidden="true">'
        f'<line class="{kind}" x1="0" x2="28" y1="4" y2="4"/></svg>{escape(name)}</li>'
        for name, kind in keys
    )
    return Markup(
        f'<svg class="chart" viewBox="0 0 {PLOT_WIDTH} {PLOT_HEIGHT}" role="img" aria-label="{escape(says)}">'
        f'{"".join(parts)}</svg><ul class="legend">{legend}</ul>'
    )
