"""Triplets with the choices of people and of two encoders as files: JSON, and the photographs that are shown, small."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from alignet_hf.data.levels_design import LEVELS
from alignet_hf.evaluation.page.explorer import TIE, Explorer
from alignet_hf.evaluation.photograph_files import save_photographs
from alignet_hf.evaluation.written_files import reading_written
from alignet_hf.hub.artifacts import make_folder, replacing

TRIPLETS_FILE = "triplets.json"
PHOTOGRAPHS = "triplets"  # a folder of ROW.webp


def save_triplets(
    explored: Explorer, images: Mapping[int, Image.Image], labels: Mapping[int, str], folder: Path
) -> None:
    """Write what a page of the triplets needs.

    Args:
        images: by the rows of the triplets.
        labels: what to call each, likewise.

    Files:
        triplets.json: "n_all"; "names" of the images by their row; "triplets", each with its "images" (rows,
            ascending), the positions among them of people's "odd" one and of each model's in "choices" (-1 for a tie),
            and, where they are known, "shares" of people who chose each, "level" and "set" of judgments.
        triplets/: these images, ROW.webp.
    """
    make_folder(folder)
    rows = np.unique(explored.triplets).tolist()
    save_photographs(images, rows, folder / PHOTOGRAPHS)
    triplets = []
    for place, triplet in enumerate(explored.triplets.tolist()):
        choices = {model: int(chosen[place]) for model, chosen in explored.choices.items()}
        one = {"images": triplet, "odd": int(explored.odd[place]), "choices": choices}
        if explored.shares is not None and not np.isnan(explored.shares[place, 0]):
            one["shares"] = explored.shares[place].tolist()
        if explored.levels is not None and explored.levels[place]:
            one["level"] = str(explored.levels[place])
        if explored.sets is not None:
            one["set"] = str(explored.sets[place])
        triplets.append(one)
    content = {"n_all": explored.n_all, "names": {str(row): labels[row] for row in rows}, "triplets": triplets}
    with replacing(folder / TRIPLETS_FILE) as path:
        path.write_text(json.dumps(content) + "\n", encoding="utf-8")


def read_triplets(folder: Path) -> tuple[Explorer, dict[int, str]]:
    """What `save_triplets` wrote, and the name of each image that it shows.

    Raises:
        InputError: the file is damaged.
    """
    path = folder / TRIPLETS_FILE
    with reading_written(path, "the triplets"):
        content = json.loads(path.read_text(encoding="utf-8"))
        names = {int(row): str(name) for row, name in content["names"].items()}
        explored = _explorer(content["triplets"], content["n_all"])
        if not set(explored.triplets.ravel().tolist()) <= set(names):
            raise ValueError
    return explored, names


def _explorer(rows: list[dict], n_all: int) -> Explorer:
    """Raises ValueError, KeyError or TypeError where the rows are not what was written."""
    triplets, odd = np.array([one["images"] for one in rows], np.int64), np.array([one["odd"] for one in rows])
    models = list(rows[0]["choices"]) if rows else []
    choices = {model: np.array([one["choices"][model] for one in rows]) for model in models}
    shares = np.array([one.get("shares", [np.nan] * 3) for one in rows], np.float64)
    levels = np.array([one.get("level", "") for one in rows])
    positions = {place for chosen in (odd, *choices.values()) for place in chosen.tolist()}
    if (
        triplets.shape != shares.shape
        or triplets.shape[1:] != (3,)
        or not positions <= {TIE, 0, 1, 2}
        or not {*LEVELS, ""} >= set(levels.tolist())
        or not n_all >= len(rows)
    ):
        raise ValueError("rows")
    return Explorer(
        triplets,
        odd,
        None if np.isnan(shares).all() else shares,
        levels if levels.any() else None,
        choices,
        n_all,
        np.array([one["set"] for one in rows]) if "set" in rows[0] else None,
    )
