"""Colours of categories, told apart by the colour-blind: a palette of eight, and a shape beside each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from alignet_hf.evaluation.representation.categories import NO_CATEGORY

# Okabe & Ito without yellow, which is lost on white.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
OTHER = "other"  # categories that are left without a colour of their own
GREYS = {OTHER: ("#8A8A8A", "."), NO_CATEGORY: ("#BDBDBD", "p")}


@dataclass(frozen=True)
class CategoryColours:
    """Which category is drawn how.

    Attributes:
        shown: names in the order of the legend; last and grey, "other" stands for all that have no colour of their
            own, and "no category" for the images that have none.
        numbers: (N,) int, the place in `shown` of each image.
    """

    shown: tuple[str, ...]
    numbers: np.ndarray

    @classmethod
    def of(cls, categories: Sequence[str]) -> "CategoryColours":
        """Give the seven most frequent of N categories a colour each, in alphabetical order; the rest are "other".

        Args:
            categories: N names; `NO_CATEGORY` of an image without one.
        """
        categories = [str(category) for category in categories]
        counts = Counter(sorted(categories))
        without = [NO_CATEGORY] if counts.pop(NO_CATEGORY, 0) else []
        frequent = sorted(name for name, _ in counts.most_common(len(COLOURS)))
        shown = [*frequent, *([OTHER] if OTHER not in frequent and counts.keys() - set(frequent) else []), *without]
        place = {name: number for number, name in enumerate(shown)}
        return cls(tuple(shown), np.array([place[name] if name in place else place[OTHER] for name in categories]))

    def colour(self, number: int) -> str:
        """Of a place in `shown`."""
        return GREYS[self.shown[number]][0] if self.shown[number] in GREYS else COLOURS[number]

    def marker(self, number: int) -> str:
        """Of a place in `shown`."""
        return GREYS[self.shown[number]][1] if self.shown[number] in GREYS else MARKERS[number]

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
