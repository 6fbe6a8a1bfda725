"""Nearest neighbours before and after as files: which they are as JSON, and the photographs that are shown, small."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from alignet_hf.evaluation.photograph_files import save_photographs
from alignet_hf.evaluation.representation.neighbour_pages import NeighbourPage
from alignet_hf.evaluation.written_files import reading_written
from alignet_hf.hub.artifacts import make_folder, replacing

NEIGHBOURS_FILE = "neighbours.json"
PHOTOGRAPHS = "neighbours"  # a folder of ROW.webp


def save_neighbours(
    page: NeighbourPage,
    images: Sequence[Image.Image],
    labels: Sequence[str],
    folder: Path,
    categories: Sequence[str] | None = None,
    titles: Mapping[str, str] | None = None,
) -> None:
    """Write what a page of the neighbours needs.

    Args:
        page: of N images.
        images: all N.
        labels: what to call each.
        categories: of all N; None where they are not known.
        titles: what "before" and "after" are called.

    Files:
        neighbours.json: `NeighbourPage.to_dict`, "names" and, where they are known, "categories" of the images that it
            shows, by their row; "titles".
        neighbours/: these images, ROW.webp.
    """
    make_folder(folder)
    rows = sorted({int(row) for one in page.queries for row in (one.query, *one.before, *one.after)})
    save_photographs(images, rows, folder / PHOTOGRAPHS)
    content = page.to_dict() | {"names": {str(row): str(labels[row]) for row in rows}, "titles": dict(titles or {})}
    if categories is not None:
        content["categories"] = {str(row): str(categories[row]) for row in rows}
    with replacing(folder / NEIGHBOURS_FILE) as path:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_neighbours(folder: Path) -> tuple[dict, dict[int, str]]:
    """What `save_neighbours` wrote -> `NeighbourPage.to_dict` with "titles" and, by row, "categories" (empty where they
    are not known); and the name of each image that it shows.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / NEIGHBOURS_FILE
    with reading_written(path, "the neighbours"):
        content = json.loads(path.read_text(encoding="utf-8"))
        names = {int(row): str(name) for row, name in content.pop("names").items()}
        content["titles"] = {str(when): str(title) for when, title in content.get("titles", {}).items()}
        content["categories"] = {int(row): str(name) for row, name in content.get("categories", {}).items()}
        for one in content["queries"]:
            shown = {one["query"], *one["before"], *one["after"]}
            if not shown <= set(names) or (content["categories"] and not shown <= set(content["categories"])):
                raise ValueError
            str(one["chosen"])
        if not isinstance(content["same_category"], dict) or not content["n_images"] > content["k"] > 0:
            raise ValueError
    return content, names
