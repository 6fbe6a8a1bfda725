"""Nearest neighbours before and after alignment, as pictures."""

import textwrap
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from PIL import Image, ImageOps

from alignet_hf.evaluation.figures import AGREE, DISAGREE, ODD
from alignet_hf.evaluation.representation.categories import NO_CATEGORY
from alignet_hf.evaluation.representation.neighbour_pages import AT_RANDOM, MOST_CHANGED, NeighbourPage, QueryNeighbours

SIDE = 0.95  # inches of a photograph
PIXELS = 128
LABEL = 15  # characters on a line
HEADLINE, KEY = 9.5, 12.0  # characters to an inch
MOST_NAMED = 4  # categories, which the key then names
UNKNOWN = "#767676"  # of an image, or beside a query, without a category
HEADINGS = {MOST_CHANGED: "Where the neighbours changed most: the fewest kept", AT_RANDOM: "Drawn at random"}


def draw_neighbours(
    page: NeighbourPage,
    images: Sequence[Image.Image],
    labels: Sequence[str] | None = None,
    categories: Sequence[str] | None = None,
    titles: Mapping[str, str] | None = None,
) -> Figure:
    """A row a query: the query, its neighbours before, its neighbours after; those that are new are framed.

    Args:
        page: of N images.
        images: an image source of all N.
        labels: what to write beneath each image, its category by default.
        categories: with them, a tick and green stand for a neighbour of the query's own category, orange for another,
            grey where the query or the neighbour has none (`NO_CATEGORY`).
        titles: what "before" and "after" are called.
    """
    titles = titles or {"before": "before", "after": "after"}
    finer = labels is not None and categories is not None
    labels = categories if labels is None else labels
    sections = [
        (why, [query for query in page.queries if query.chosen == why])
        for why in (MOST_CHANGED, AT_RANDOM)
        if any(query.chosen == why for query in page.queries)
    ]
    row = SIDE + (0.45 if labels is not None else 0.12)
    heights = [0.75 + row * len(queries) for _, queries in sections]
    width = SIDE * 1.12 * (2 * page.k + 2)
    headline = textwrap.fill(_headline(page, titles), max(30, int(HEADLINE * width)))
    key = textwrap.fill(_key(categories, titles["before"], finer), max(30, int(KEY * width)))
    n_lines = [text.count("\n") + 1 for text in (headline, key)]
    top = 0.35 + 0.25 * n_lines[0] + 0.2 * n_lines[1]
    figure = Figure(figsize=(width, sum(heights) + top))
    head, *parts = figure.subfigures(1 + len(sections), 1, height_ratios=[top, *heights], squeeze=False)[:, 0]
    head.text(0.5, 1 - 0.12 / top, headline, ha="center", va="top", fontsize=13)
    head.text(0.5, 0.08 / top, key, ha="center", va="bottom", fontsize=10, color="#444444")
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
                for place, title in {0: "query", 1: titles["before"], 1 + page.k: titles["after"]}.items():
                    axes[place].set_title(title, loc="left", fontsize=10)
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


def _headline(page: NeighbourPage, titles: Mapping[str, str]) -> str:
    if not page.same_category:
        said = f"Of its {page.k} nearest neighbours, an image keeps {page.kept.estimate:.0%}"
        return f"{said} from {titles['before']} to {titles['after']}"
    of_each = [
        f"{titles[when]} {one.estimate:.0%} [{one.low:.0%}, {one.high:.0%}]" for when, one in page.same_category.items()
    ]
    chance = f"{page.same_category['after'].chance:.0%}"
    return f"Neighbours of the same category: {', '.join(of_each)}; chance {chance}"


def _judged(text: str, category: str, wanted: str) -> tuple[str, str]:
    """What to write beneath a neighbour, and in which colour."""
    if NO_CATEGORY in (category, wanted):
        return text, UNKNOWN
    return (f"✓ {text}", AGREE) if category == wanted else (text, DISAGREE)


def _key(categories: Sequence[str] | None, before: str, finer: bool) -> str:
    key = f"Blue frame: not among those under “{before}”."
    if categories is None:
        return key
    key += f" Green with a tick: of the query's superordinate category{named_categories(categories)}; "
    key += "orange: of another; grey: one of the two has none." if NO_CATEGORY in categories else "orange: of another."
    return f"{key} Beneath each: its class, which is finer." if finer else key


def named_categories(categories: Sequence[str]) -> str:
    """ " (animate, inanimate)" where there are few; else nothing."""
    names = sorted(set(categories) - {NO_CATEGORY})
    return f" ({', '.join(names)})" if len(names) <= MOST_NAMED else ""
