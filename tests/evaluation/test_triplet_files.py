"""Triplets as files: what is read is what was written; a damaged file is refused in a line."""

import json

import numpy as np
import pytest
from PIL import Image

from alignet_hf.errors import InputError
from alignet_hf.evaluation.page.explorer import Explorer
from alignet_hf.evaluation.photograph_files import SIDE, open_photographs
from alignet_hf.evaluation.triplet_files import PHOTOGRAPHS, TRIPLETS_FILE, read_triplets, save_triplets

EXPLORED = Explorer(
    np.array([[2, 5, 8], [1, 2, 3]]),
    np.array([0, 2]),
    np.array([[0.5, 0.25, 0.25], [np.nan] * 3]),
    np.array(["fine-grained", ""]),
    {"before": np.array([-1, 2]), "after": np.array([0, 1])},
    70,
    np.array(["levels", "choices"]),
)
IMAGES = {row: Image.new("RGB", (400, 300), (20 * row, 0, 0)) for row in (1, 2, 3, 5, 8)}
LABELS = {row: f"photograph {row}" for row in IMAGES}


def test_what_is_read_is_what_was_written(tmp_path):
    save_triplets(EXPLORED, IMAGES, LABELS, tmp_path)
    found, names = read_triplets(tmp_path)
    assert names == LABELS
    for part in ("triplets", "odd", "shares", "levels", "sets"):
        np.testing.assert_array_equal(getattr(found, part), getattr(EXPLORED, part), part)
    assert {name: chosen.tolist() for name, chosen in found.choices.items()} == {"before": [-1, 2], "after": [0, 1]}
    assert found.n_all == 70
    photographs = open_photographs(tmp_path / PHOTOGRAPHS, names)
    assert all(photograph.size == (SIDE, SIDE * 3 // 4) for photograph in photographs.values())
    assert photographs[8].getpixel((9, 9))[0] == pytest.approx(160, abs=4)


def test_what_is_not_known_stays_so(tmp_path):
    known = {"triplets": EXPLORED.triplets, "odd": EXPLORED.odd, "choices": EXPLORED.choices, "n_all": 2}
    save_triplets(Explorer(shares=None, levels=None, **known), IMAGES, LABELS, tmp_path)
    found, _ = read_triplets(tmp_path)
    assert found.shares is found.levels is found.sets is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content.pop("names"),
        lambda content: content["names"].pop("8"),
        lambda content: content["triplets"][0].update(odd=3),
        lambda content: content["triplets"][0].update(images=[1, 2]),
        lambda content: content["triplets"][0].update(level="coarse"),
        lambda content: content["triplets"][1].pop("choices"),
        lambda content: content["triplets"][1].pop("set"),
        lambda content: content.update(n_all=1),
        lambda content: content.update(triplets=[]),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, damage):
    save_triplets(EXPLORED, IMAGES, LABELS, tmp_path)
    content = json.loads((tmp_path / TRIPLETS_FILE).read_text())
    damage(content)
    (tmp_path / TRIPLETS_FILE).write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"triplets\.json: not the triplets that evaluate --out writes"):
        read_triplets(tmp_path)


def test_a_photograph_that_is_gone_is_one_line(tmp_path):
    save_triplets(EXPLORED, IMAGES, LABELS, tmp_path)
    (tmp_path / PHOTOGRAPHS / "5.webp").unlink()
    with pytest.raises(InputError, match=r"5\.webp: not a photograph that evaluate --out writes"):
        open_photographs(tmp_path / PHOTOGRAPHS, LABELS)
