"""The design file and the levels that follow from file names."""

import os
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from simulated_levels import simulated_trials, write_simulated, write_simulated_design

from alignet_hf.data.levels import load_levels
from alignet_hf.data.levels_design import LEVELS, level_of, load_design
from alignet_hf.errors import InputError

NAMES = ("n00000001_1.JPEG", "n00000001_2.JPEG", "n00000002_3.JPEG")


def test_a_simulated_design_loads_as_pandas_reads_it(tmp_path):
    path = write_simulated_design(tmp_path / "design.csv")
    design, table = load_design(path), pd.read_csv(path)
    assert len(design) == len(table) == 120
    assert list(design.participants) == table["id"].tolist()
    assert list(design.trials) == table["trial"].tolist()
    images = table[["image1", "image2", "image3"]].map(lambda image: image.split("/")[-1])
    assert [list(names) for names in design.filenames] == images.to_numpy().tolist()
    words = {"between_class": "coarse-grained", "class_boundary": "class-boundary", "within_class": "fine-grained"}
    assert list(design.levels) == table["triplet_class"].map(words).tolist()


@pytest.mark.skipif("ALIGNET_DATA" not in os.environ, reason="ALIGNET_DATA names no folder with the real design")
def test_the_real_design_loads():
    design = load_design(Path(os.environ["ALIGNET_DATA"]) / "levels_design_first_20_participants.csv")
    assert len(design) == 6600
    assert Counter(design.levels) == {"coarse-grained": 2710, "fine-grained": 2530, "class-boundary": 1360}
    assert set(Counter(design.participants).values()) == {330}
    triplets = Counter(map(frozenset, design.filenames))
    assert len(triplets) == 1320
    assert set(triplets.values()) == {5}


@pytest.mark.skipif("ALIGNET_DATA" not in os.environ, reason="ALIGNET_DATA names no folder with the real design")
def test_responses_simulated_from_the_real_design_load(tmp_path):
    people = simulated_trials(Path(os.environ["ALIGNET_DATA"]) / "levels_design_first_20_participants.csv")
    levels = load_levels(write_simulated(tmp_path / "raw", people))
    assert (len(levels), {len(choices) for choices in levels["choices"]}) == (1320, {5})
    assert Counter(levels.levels) == {"coarse-grained": 542, "fine-grained": 506, "class-boundary": 272}
    assert levels.exclusions.sharing == ()


@pytest.mark.parametrize(("n_ids", "level"), [(3, "coarse-grained"), (2, "class-boundary"), (1, "fine-grained")])
def test_the_level_is_the_number_of_classes(n_ids, level):
    names = [f"n0000000{item % n_ids}_{item}.JPEG" for item in range(3)]
    assert level_of(names) == level
    assert level in LEVELS


def test_both_spellings_of_the_boundary_are_known():
    assert level_of(NAMES, "class_boundary") == level_of(NAMES, "class_border") == "class-boundary"


@pytest.mark.parametrize(
    ("names", "triplet_class", "message"),
    [
        (NAMES, "within_class", "triplet_class is 'within_class', but .* make a class-boundary triplet"),
        (NAMES, "boundary", "triplet_class is 'boundary'"),
        (("cat.jpg", *NAMES[1:]), None, r"'cat\.jpg' does not begin with an ImageNet id"),
    ],
)
def test_names_that_say_another_level_or_none_are_refused(names, triplet_class, message):
    with pytest.raises(InputError, match=f"here: {message}"):
        level_of(names, triplet_class, "here")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("between_class", "within_class", "line 4: triplet_class is 'within_class'"),
        (",0,", ",one,", "line 2: trial 'one' is not a number"),
        ("triplet_class", "class", "has no column triplet_class"),
        ("within_class\n", "\n", "line 2 has 5 fields, the header 6"),
    ],
)
def test_bad_lines_of_a_design_are_named(tmp_path, old, new, message):
    rows = ["id,image1,image2,image3,trial,triplet_class"]
    rows += [f"p,a/n00000001_{n}.JPEG,a/n00000001_1{n}.JPEG,a/n00000001_2{n}.JPEG,{n},within_class" for n in range(2)]
    rows += ["p,a/n00000001_7.JPEG,a/n00000002_8.JPEG,a/n00000003_9.JPEG,2,between_class"]
    text = "\n".join(rows) + "\n"
    path = tmp_path / "design.csv"
    path.write_text(text.replace("," + old if new == "\n" else old, new, 1))
    with pytest.raises(InputError, match=message):
        load_design(path)


def test_an_image_that_comes_twice_is_refused(tmp_path):
    path = tmp_path / "design.csv"
    path.write_text("id,image1,image2,image3,trial,triplet_class\np,n00000001_1.J,b/n00000001_1.J,n00000001_2.J,0,\n")
    with pytest.raises(InputError, match=r"line 2: the images .* are not three"):
        load_design(path)
