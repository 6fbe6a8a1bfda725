"""Colours of categories, told apart by the colour-blind: a palette of eight, and a shape beside each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

# Okabe & Ito without yellow, which is lost on white.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
OTHER, OTHER_COLOUR, OTHER_MARKER = "other", "#999999", "."


@dataclass(frozen=True)
class CategoryColours:
    """Which category is drawn how.

    Attributes:
        shown: names in the order of the legend; "other", last, stands for all that have no colour of their own.
        numbers: (N,) int, the place in `shown` of each image.
    """

    shown: tuple[str, ...]
    numbers: np.ndarray

    @classmethod
    def of(cls, categories: Sequence[str]) -> "CategoryColours":
        """Give the seven most frequent of N categories a colour each, in alphabetical order; the rest are "other"."""
        categories = [str(category) for category in categories]
        frequent = [name for name, _ in Counter(sorted(categories)).most_common(len(COLOURS))]
        shown = sorted(frequent)
        if set(categories) - set(shown):
            shown = [*shown, OTHER]
        place = {name: number for number, name in enumerate(shown)}
        return cls(tuple(shown), np.array([place.get(name, len(shown) - 1) for name in categories]))

    def colour(self, number: int) -> str:
        """Of a place in `shown`."""
        return COLOURS[number] if number < len(COLOURS) else OTHER_COLOUR

    def marker(self, number: int) -> str:
        """Of a place in `shown`."""
        return MARKERS[number] if number < len(MARKERS) else OTHER_MARKER

    def of_images(self) -> np.ndarray:
        """(N, 3) uint8."""
        palette = np.array([to_rgb(self.colour(number)) for number in range(len(self.shown))])
        return np.round(255 * palette[self.numbers]).astype(np.uint8)

    def legend(self, markers: bool = True) -> list[Line2D]:
        """A handle for each category, with its number of images."""
        counts = np.bincount(self.numbers, minlength=len(self.shown))
        return [
            Line2D(
                [],
                [],
                linestyle="",
                marker=self.marker(number) if markers else "s",
                markersize=8,
                color=self.colour(number),
                label=f"{name} ({counts[number]})",
            )
            for number, name in enumerate(self.shown)
        ]
