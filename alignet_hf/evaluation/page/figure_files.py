"""Figures that a command left beside its scores, as parts of a page."""

import base64
import io
from collections.abc import Iterable
from pathlib import Path

from markupsafe import Markup, escape
from PIL import Image

from alignet_hf.evaluation.page.content import Drawn

BUDGET = 3_000_000  # bytes
WIDEST = 1100  # pixels
WIDE = 1.5  # times as wide as high
CUE = '<span class="cue" aria-hidden="true">Wider than the screen: scroll it sideways →</span>'
_METHODS = {"pca": "principal components", "trimap": "TriMap", "umap": "UMAP"}
# What `evaluate` draws: name of the file -> title, what is seen, whether it shows photographs.
KNOWN = {
    "neighbours": (
        "Nearest neighbours",
        "Photographs with their nearest neighbours before and after, a row each; those that are new are framed.",
        True,
    ),
    **{
        f"{method}-photographs": (
            f"Photographs by {name}",
            f"Photographs at their places in two dimensions by {name}, a panel for each model; frames are in the "
            "colours of categories.",
            True,
        )
        for method, name in _METHODS.items()
    },
    **{
        f"{method}-points": (
            f"All images by {name}",
            f"Every image as a point in two dimensions by {name}, in the colour and shape of its category.",
            False,
        )
        for method, name in _METHODS.items()
    },
    "spectrum": ("Spectrum", "The share of variance that the first principal components hold together.", False),
    "distance-changes": (
        "Changes of distances",
        "How distances of images changed, in standard deviations: of one category, of one superordinate, of others; "
        "as they are, and with each encoder's divided by their mean.",
        False,
    ),
    "distance-changes-matrix": (
        "Changes of distances between categories",
        "A matrix of categories by categories: how the distances of their images changed.",
        False,
    ),
    "scaled-distance-changes-matrix": (
        "Changes of scaled distances between categories",
        "A matrix of categories by categories: how the distances of their images changed, each encoder's divided by "
        "their mean.",
        False,
    ),
}

# Of a comparison: which encoder is where.
_PANELS, _CHANGE = "Left: {0}; right: {1}.", "From {0} to {1}."
OF_BOTH = {
    **{f"{method}-{drawn}": _PANELS for method in _METHODS for drawn in ("photographs", "points")},
    "spectrum": "Of {0} and {1}.",
    **{name: _CHANGE for name in KNOWN if "distance-changes" in name},
}


def figure_files(
    folder: Path,
    further: dict[str, tuple[str, str]],
    *,
    photographs: bool,
    without: Iterable[str] = (),
    room: int | None = None,
    compared: tuple[str, str] | None = None,
) -> tuple[list[Drawn], list[str]]:
    """The .png files of a folder and of those in it, as many as a small page holds, known ones first.

    Returns:
        The figures, and the paths in the folder of those for which the page has no room.

    Args:
        further: name of a file -> title, what is seen, of figures without photographs that are not in `KNOWN`.
        photographs: False to leave out figures that show photographs, or of which that is not known.
        without: names of files that draw what the page draws itself.
        room: bytes that the page has left, where these are fewer than figures may take.
        compared: what the encoders of a comparison are called, the one before first; None of one encoder.
    """
    known = KNOWN | {name: (*said, False) for name, said in further.items()}
    order = {name: place for place, name in enumerate(known)}
    paths = [path for path in folder.rglob("*.png") if path.stem not in set(without)]
    drawn, left, size = [], [], 0
    most = BUDGET if room is None else min(room, BUDGET)
    for path in sorted(paths, key=lambda path: (order.get(path.stem, len(order)), path)):
        words = path.stem.replace("_", " ").replace("-", " ")
        title, says, of_photographs = known.get(path.stem, (words, f"Figure {words}.", True))
        if of_photographs and not photographs:
            continue
        if compared is not None and path.stem in OF_BOTH:
            says = f"{says} {OF_BOTH[path.stem].format(*compared)}"
        where, (data, is_wide) = path.relative_to(folder).as_posix(), _webp(path)
        if size + len(data) > most:
            left.append(where)
            continue
        size += len(data)
        picture = Markup(f'<img class="picture" src="{data}" alt="{escape(says)}">')
        if is_wide:  # a phone shows them in part, and scrolls
            picture = Markup(f'{CUE}<span class="paper wide">{picture}</span>')
        else:
            picture = Markup(f'<span class="paper">{picture}</span>')
        drawn.append(Drawn(title, [("", picture)], f"{says} In {where}."))
    return drawn, left


def _webp(path: Path) -> tuple[str, bool]:
    """The figure as a data URL, and whether it is much wider than high."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    picture.thumbnail((WIDEST, 4 * WIDEST))
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=85, method=4)
    data = f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
    return data, picture.width > WIDE * picture.height
