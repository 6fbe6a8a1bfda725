"""Nearest neighbours before and after alignment, as pictures."""

import textwrap
from collections.abc import Sequence

from matplotlib.figure import Figure
from PIL import Image, ImageOps

from alignet_hf.evaluation.figures import AGREE, DISAGREE, ODD
from alignet_hf.evaluation.representation.categories import NO_CATEGORY
from alignet_hf.evaluation.representation.neighbour_pages import AT_RANDOM, MOST_CHANGED, NeighbourPage, QueryNeighbours

SIDE = 0.95  # inches of a photograph
PIXELS = 128
LABEL = 15  # characters on a line
UNKNOWN = "#767676"  # of an image, or beside a query, without a category
HEADINGS = {MOST_CHANGED: "Where the neighbours changed most: the fewest kept", AT_RANDOM: "Drawn at random"}


def draw_neighbours(
    page: NeighbourPage,
    images: Sequence[Image.Image],
    labels: Sequence[str] | None = None,
    categories: Sequence[str] | None = None,
) -> Figure:
    """A row a query: the query, its neighbours before, its neighbours after; those that are new are framed.

    Args:
        page: of N images.
        images: an image source of all N.
        labels: what to write beneath each image, its category by default.
        categories: with them, a tick and green stand for a neighbour of the query's own category, orange for another,
            grey where the query or the neighbour has none (`NO_CATEGORY`).
    """
    labels = categories if labels is None else labels
    sections = [
        (why, [query for query in page.queries if query.chosen == why])
        for why in (MOST_CHANGED, AT_RANDOM)
        if any(query.chosen == why for query in page.queries)
    ]
    row = SIDE + (0.45 if labels is not None else 0.12)
    heights = [0.75 + row * len(queries) for _, queries in sections]
    figure = Figure(figsize=(SIDE * 1.12 * (2 * page.k + 2), sum(heights) + 0.85))
    head, *parts = figure.subfigures(1 + len(sections), 1, height_ratios=[0.85, *heights], squeeze=False)[:, 0]
    head.text(0.5, 0.68, _headline(page), ha="center", va="center", fontsize=13)
    head.text(0.5, 0.25, _key(categories), ha="center", va="center", fontsize=10, color="#444444")
    for part, (why, queries), height in zip(parts, sections, heights, strict=True):
        heading = HEADINGS[why]
        if why == MOST_CHANGED and page.same_category:
            heading += ", one of each category in turn"
        part.text(0.01, 1 - 0.2 / height, heading, fontsize=12, weight="bold", va="center")
        grid = part.add_gridspec(
            len(queries),
            2 * page.k + 3,
            width_ratios=[1, 0.3, *[1] * page.k, 0.3, *[1] * page.k],
            wspace=0.08,
            hspace=(row - SIDE) / SIDE,
            left=0.01,
            right=0.99,
            top=1 - 0.65 / height,
            bottom=(row - SIDE) / height,
        )
        for number, query in enumerate(queries):
            places = [0, *range(2, 2 + page.k), *range(3 + page.k, 3 + 2 * page.k)]
            axes = [part.add_subplot(grid[number, place]) for place in places]
            _draw_row(axes, query, images, labels, categories)
            if number == 0:
                for axis, title in ((axes[0], "query"), (axes[1], "before"), (axes[1 + page.k], "after")):
                    axis.set_title(title, loc="left", fontsize=10)
    return figure


def _draw_row(axes, query: QueryNeighbours, images, labels, categories) -> None:
    rows = [query.query, *query.before, *query.after]
    framed = [False] * (1 + len(query.before)) + list(query.new)
    for number, (axis, row, new) in enumerate(zip(axes, rows, framed, strict=True)):
        axis.imshow(ImageOps.fit(images[int(row)].convert("RGB"), (PIXELS, PIXELS)))
        axis.set(xticks=[], yticks=[])
        for spine in axis.spines.values():
            spine.set(color=ODD, linewidth=3.5, visible=bool(new))
        if labels is None:
            continue
        text, colour = str(labels[row]), "black"
        if categories is not None and number:
            text, colour = _judged(text, categories[row], categories[query.query])
        axis.set_xlabel("\n".join(textwrap.wrap(text, LABEL)[:2]), color=colour, fontsize=7.5, labelpad=3)


def _headline(page: NeighbourPage) -> str:
    if not page.same_category:
        return f"Of its {page.k} nearest neighbours, an image keeps {page.kept.estimate:.0%}"
    before, after = page.same_category["before"], page.same_category["after"]
    return (
        f"Neighbours of the same category: {before.estimate:.0%} before [{before.low:.0%}, {before.high:.0%}], "
        f"{after.estimate:.0%} after [{after.low:.0%}, {after.high:.0%}]; chance {after.chance:.0%}"
    )


def _judged(text: str, category: str, wanted: str) -> tuple[str, str]:
    """What to write beneath a neighbour, and in which colour."""
    if NO_CATEGORY in (category, wanted):
        return text, UNKNOWN
    return (f"✓ {text}", AGREE) if category == wanted else (text, DISAGREE)


def _key(categories: Sequence[str] | None) -> str:
    key = "Blue frame: no neighbour before."
    if categories is None:
        return key
    key += "  Green with a tick: of the query's category; orange: of another."
    return f"{key[:-1]}; grey: one of the two has none." if NO_CATEGORY in categories else key
