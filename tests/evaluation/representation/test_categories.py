from collections import Counter
from pathlib import Path

import pytest

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation import wordnet_sources
from alignet_hf.evaluation.representation.categories import BASIC, SUPERORDINATES, Categories
from alignet_hf.evaluation.representation.wordnet import Hierarchy

SOME = Path(__file__).parent / "wordnet"
DEBIAN = wordnet_sources.DEBIAN_FOLDER
needs_wordnet = pytest.mark.skipif(not (DEBIAN / "data.noun").is_file(), reason="WordNet's database is not installed")
CHIHUAHUA, TABBY, GOLDFISH, AMBULANCE, UPRIGHT = "n02085620", "n02123045", "n01443537", "n02701002", "n04515003"


@pytest.fixture(scope="module")
def whole():
    return Hierarchy.from_folder(DEBIAN)


def test_classes_of_wordnet():
    hierarchy = Hierarchy.from_folder(SOME)
    found = Categories.of_wordnet(hierarchy, [UPRIGHT, CHIHUAHUA, TABBY, GOLDFISH, AMBULANCE, "n04524313"])
    assert found.basic_of == {
        UPRIGHT: "piano",
        CHIHUAHUA: "dog",
        TABBY: "cat",
        GOLDFISH: "fish",
        AMBULANCE: "car",  # the vehicle at the end is in no basic category
    }
    assert found.basic == ("fish", "dog", "cat", "piano", "car")
    assert found.superordinates == ("animals", "musical instruments", "vehicles")
    assert found.superordinate_rows.tolist() == [0, 0, 0, 1, 2, -1]
    basic, superordinate = found.codes([CHIHUAHUA, "n04524313", AMBULANCE, CHIHUAHUA])
    assert basic.tolist() == [1, -1, 4, 1]
    assert superordinate.tolist() == [0, -1, 2, 0]


def test_the_nearest_category_counts_and_a_draw_is_refused():
    dog, cat = BASIC["animals"]["dog"][0], BASIC["animals"]["cat"][0]
    parents = {dog: ["animal"], cat: ["animal"], "wolfhound": [dog], "both": [dog, cat], "nearer": [dog, "kitten"]}
    hierarchy = Hierarchy(parents | {"kitten": [cat]})
    assert Categories.of_wordnet(hierarchy, ["wolfhound", "nearer", "animal"]).basic_of == {
        "wolfhound": "dog",
        "nearer": "dog",
    }
    with pytest.raises(InputError, match="class both is as near to cat as to dog"):
        Categories.of_wordnet(hierarchy, ["both"])
    with pytest.raises(InputError, match="none is not in the hierarchy"):
        Categories.of_wordnet(hierarchy, ["none"])


@needs_wordnet
def test_basic_categories_lie_below_their_superordinate_one_alone(whole):
    for superordinate, group in BASIC.items():
        for basic, nodes in group.items():
            for node in nodes:
                above = {name for name, tops in SUPERORDINATES.items() if any(whole.is_a(node, top) for top in tops)}
                assert above == {superordinate}, basic


@needs_wordnet
def test_imagenet_is_partitioned(whole):
    classes = list(imagenet_classes())
    found = Categories.of_wordnet(whole, classes)
    assert len(found.basic_of) == 504
    assert Counter(found.superordinate_of[basic] for basic in found.basic_of.values()) == {
        "animals": 341,
        "vehicles": 51,
        "food": 38,
        "clothes": 31,
        "musical instruments": 15,
        "sports equipment": 15,
        "furniture": 13,
    }
    assert found.basic == tuple(basic for group in BASIC.values() for basic in group)
    assert min(Counter(found.basic_of.values()).values()) == 2
    # Not a noun of WordNet is equally near to two.
    Categories.of_wordnet(whole, whole.parents)


def test_a_table_of_ones_own(tmp_path):
    file = tmp_path / "categories.csv"
    file.write_text("class,superordinate,basic\nrobin,animals,bird\ncar,vehicles,car\nowl,animals,bird\n", "utf-8")
    found = Categories.read(file)
    assert found.basic_of == {"robin": "bird", "car": "car", "owl": "bird"}
    assert found.superordinate_of == {"bird": "animals", "car": "vehicles"}
    tabs = tmp_path / "categories.tsv"
    tabs.write_text(file.read_text("utf-8").replace(",", "\t"), "utf-8")
    assert Categories.read(tabs) == found


def test_superordinate_categories_are_runs_in_the_order_of_their_first():
    table = {"a": ("b1", "s1"), "b": ("b2", "s2"), "c": ("b3", "s1")}
    found = Categories.from_table(table)
    assert found.basic == ("b1", "b3", "b2")
    tree = found.hierarchy()
    assert tree.path_distances(["a", "b", "c"]).tolist() == [[0, 6, 4], [6, 0, 6], [4, 6, 0]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class,basic\na,b\n", "no column superordinate"),
        ("class,basic,superordinate\na,b,\n", "line 2: an empty entry"),
        ("class,basic,superordinate\na,b\n", "line 2: an empty entry"),
        ("class,basic,superordinate\na,b,s\na,c,s\n", "line 3: class a a second time"),
        ("class,basic,superordinate\na,b,s\nc,b,t\n", "class c: basic category b is in t, and before it was in s"),
        ("class,basic,superordinate\n", "no class"),
        ("", "no column class"),
    ],
)
def test_bad_tables_are_named(tmp_path, text, said):
    file = tmp_path / "categories.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(InputError, match=rf"categories\.csv.*{said}"):
        Categories.read(file)


def test_bad_tables_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        Categories.read(tmp_path / "none.csv")
    file = tmp_path / "categories.csv"
    file.write_bytes(b"class,basic,superordinate\n\xff,b,s\n")
    with pytest.raises(InputError, match="not a text file"):
        Categories.read(file)
    with pytest.raises(InputError, match="class a: its basic category b is in no superordinate one"):
        Categories({"a": "b"}, {})
