import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from alignet_hf.errors import InputError
from alignet_hf.evaluation.representation import wordnet_sources
from alignet_hf.evaluation.representation.wordnet import Hierarchy

DEBIAN = wordnet_sources.DEBIAN_FOLDER
needs_wordnet = pytest.mark.skipif(not (DEBIAN / "data.noun").is_file(), reason="WordNet's database is not installed")
# 82 nouns of WordNet 3.0 as its database has them, with pointers among themselves alone.
SOME = Path(__file__).parent / "wordnet"
DATA_NOUN = (SOME / "data.noun").read_text("utf-8")
DOG, CAT, CHAIR, TENCH, CANINE = "n02084071", "n02121808", "n03001627", "n01440764", "n02083346"


@pytest.fixture(scope="module")
def some():
    return Hierarchy.from_folder(SOME)


def write_database(folder, text=DATA_NOUN):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data.noun").write_text(text, "utf-8")
    return folder


def write_lexicon(folder, hierarchy, name, version, synset_id):
    """A lexicon as `wn` reads it (WN-LMF), of the nouns of a hierarchy."""
    entries = [
        f'<LexicalEntry id="{name}-w{node}"><Lemma writtenForm="{hierarchy.name(node)}" partOfSpeech="n"/>'
        f'<Sense id="{name}-s{node}" synset="{synset_id.format(node[1:])}"/></LexicalEntry>'
        for node in hierarchy.parents
    ]
    synsets = []
    for node, above in hierarchy.parents.items():
        relations = [f'<SynsetRelation relType="hypernym" target="{synset_id.format(one[1:])}"/>' for one in above]
        synsets.append(
            f'<Synset id="{synset_id.format(node[1:])}" ili="" partOfSpeech="n" members="{name}-w{node}">'
            f"{''.join(relations)}</Synset>"
        )
    path = folder / f"{name}.xml"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<!DOCTYPE LexicalResource SYSTEM "http://globalwordnet.github.io/schemas/WN-LMF-1.1.dtd">\n'
        '<LexicalResource xmlns:dc="https://globalwordnet.github.io/schemas/dc/">'
        f'<Lexicon id="{name}" label="some nouns" language="en" email="a@b.c" license="wordnet" version="{version}">'
        f"{''.join(entries)}{''.join(synsets)}</Lexicon></LexicalResource>",
        "utf-8",
    )
    return path


@pytest.fixture(scope="module")
def whole():
    return Hierarchy.from_folder(DEBIAN)


#       a
#      / \
#     b   c       e hangs from b and, two steps further up, from c
#    / \ / \
#   d   e   f
#       |
#       g
DIAMOND = {"b": ["a"], "c": ["a"], "d": ["b"], "e": ["b", "c"], "f": ["c"], "g": ["e"]}


def test_kinds_of_a_hierarchy_with_two_ways_up():
    h = Hierarchy(DIAMOND)
    assert len(h) == 7
    assert h.roots == ("a",)
    assert set(h.hypernym_paths("g")) == {("a", "b", "e", "g"), ("a", "c", "e", "g")}
    assert h.ancestors("g") == {"g": 0, "e": 1, "b": 2, "c": 2, "a": 3}
    assert h.descendants("c") == {"c": 0, "e": 1, "f": 1, "g": 2}
    assert h.leaves("b") == ["d", "g"]
    assert h.leaves("a", among=["f", "e", "b"]) == ["f", "e", "b"]
    assert h.leaves("c", among=["f", "d", "e"]) == ["f", "e"]
    assert h.lowest_common_ancestor("d", "f") == "a"
    assert h.lowest_common_ancestor("e", "g") == "e"
    assert h.path_distance("d", "g") == 3
    assert h.path_distance("d", "f") == 4
    assert h.is_a("g", "c")
    assert h.is_a("g", "g")
    assert not h.is_a("c", "g")
    assert [h.depth(node) for node in "abceg"] == [0, 1, 1, 2, 3]


def test_depth_is_of_the_longest_path_so_that_the_lowest_ancestor_is_the_deepest():
    h = Hierarchy({"b": ["a"], "c": ["b"], "d": ["c", "a"], "e": ["d"], "f": ["d"]})
    assert h.depth("d") == 3
    assert h.lowest_common_ancestor("e", "f") == "d"


def test_heights_are_those_of_the_tree_above_the_classes():
    h = Hierarchy(DIAMOND | {"z": ["g"]})  # z is no class: it makes nothing higher
    nodes = ["d", "e", "f", "g"]
    expected = [[0, 2, 3, 2], [2, 0, 2, 1], [3, 2, 0, 2], [2, 1, 2, 0]]
    assert h.heights(nodes).tolist() == expected


def test_nodes_with_nothing_in_common():
    h = Hierarchy({"b": ["a"], "d": ["c"]})
    assert h.lowest_common_ancestor("b", "d") is None
    assert h.path_distance("b", "d") is None
    assert h.path_distances(["b", "d"]).tolist() == [[0, np.inf], [np.inf, 0]]
    assert h.heights(["b", "d"]).tolist() == [[0, np.inf], [np.inf, 0]]


def test_what_is_no_hierarchy_is_refused():
    with pytest.raises(InputError, match="no node"):
        Hierarchy({})
    with pytest.raises(InputError, match=r"kind of itself: .* < "):
        Hierarchy({"a": ["b"], "b": ["a"]})
    with pytest.raises(InputError, match=r"x \(and 1 more\) is not in the hierarchy of 7 nodes"):
        Hierarchy(DIAMOND).path_distances(["a", "x", "y"])
    with pytest.raises(InputError, match="x is not in"):
        Hierarchy(DIAMOND).is_a("a", "x")


def test_database(some):
    assert some.name(DOG) == "dog"
    assert set(some.parents[DOG]) == {CANINE, "n01317541"}
    assert some.is_a(DOG, "n00015388")
    assert not some.is_a(CHAIR, "n00015388")
    assert some.roots == ("n00001740",)
    assert some.name(some.lowest_common_ancestor(DOG, CAT)) == "carnivore"


def test_nltk_finds_its_corpus_unpacked_or_not(tmp_path, monkeypatch, some):
    nltk = pytest.importorskip("nltk")
    unpacked, packed = tmp_path / "unpacked", tmp_path / "packed"
    write_database(unpacked / "corpora" / "wordnet")
    (packed / "corpora").mkdir(parents=True)
    with zipfile.ZipFile(packed / "corpora" / "wordnet.zip", "w") as archive:
        archive.writestr("wordnet/", "")
        archive.writestr("wordnet/data.noun", DATA_NOUN)
    for folder in (unpacked, packed):
        monkeypatch.setattr(nltk.data, "path", [str(folder)])
        assert Hierarchy.from_nltk().parents == some.parents
        assert Hierarchy.open().names == some.names
    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(InputError, match=r'nltk.download\("wordnet"\)'):
        Hierarchy.from_nltk()


def test_what_names_no_source_says_how_to_get_one(tmp_path, monkeypatch):
    nltk = pytest.importorskip("nltk")
    monkeypatch.setattr(nltk.data, "path", [])
    monkeypatch.setattr(wordnet_sources, "DEBIAN_FOLDER", tmp_path / "none")
    with pytest.raises(InputError, match="apt install wordnet-base"):
        Hierarchy.open()
    monkeypatch.setattr(wordnet_sources, "DEBIAN_FOLDER", write_database(tmp_path / "debian"))
    assert DOG in Hierarchy.open()
    assert DOG in Hierarchy.open(tmp_path / "debian")
    with pytest.raises(InputError, match=r"empty/data.noun: cannot be read .*apt install wordnet-base"):
        Hierarchy.from_folder(tmp_path / "empty")


def test_wn_gives_the_same_hierarchy(tmp_path, monkeypatch, some):
    wn = pytest.importorskip("wn")
    monkeypatch.setattr(wn.config, "data_directory", tmp_path / "wn")
    wn.add(write_lexicon(tmp_path, some, "some", "1.4", "omw-en-{}-n"), progress_handler=None)
    read = Hierarchy.from_wn("some:1.4")
    assert {node: set(above) for node, above in read.parents.items()} == {
        node: set(above) for node, above in some.parents.items()
    }
    assert read.names == some.names
    with pytest.raises(InputError, match=r'wn.download\("omw-en:1.4"\)'):
        Hierarchy.open("wn")
    wn.add(write_lexicon(tmp_path, some, "other", "2024", "oewn-x{}-n"), progress_handler=None)
    with pytest.raises(InputError, match=r"other:2024: synset oewn-x.* carries no offset of WordNet 3.0"):
        Hierarchy.from_wn("other:2024")


def test_other_versions_are_refused(tmp_path):
    # WordNet 3.1 has dogs at 02086723.
    folder = write_database(tmp_path / "3.1", DATA_NOUN.replace("02084071", "02086723"))
    with pytest.raises(InputError, match=r"n02084071 is dog in WordNet 3.0.*has nothing there.*get WordNet 3.0"):
        Hierarchy.from_folder(folder)
    folder = write_database(tmp_path / "moved", DATA_NOUN.replace(" 01 chair ", " 01 chaise "))
    with pytest.raises(InputError, match=r"n03001627 is chair in WordNet 3.0, .* this has chaise there"):
        Hierarchy.from_folder(folder)


@pytest.mark.parametrize("bad", ["02084071 05 n", "some text", "02084071 05 n 01 dog 0 003 @ 02083346 n 0000", "é"])
def test_a_damaged_database_is_named_by_its_line(tmp_path, bad):
    n_lines = len(DATA_NOUN.splitlines())
    folder = write_database(tmp_path, DATA_NOUN + bad + "\n")
    with pytest.raises(InputError, match=rf"data\.noun, line {n_lines + 1}: not a line of WordNet's data.noun"):
        Hierarchy.from_folder(folder)


def test_pairs_and_names_from_files(tmp_path):
    pairs, names = tmp_path / "is_a.txt", tmp_path / "names.txt"
    pairs.write_text("a b\na c\nb e\n\nc e\nb e\n", "utf-8")
    names.write_text("a\tthing\ne\tdog, domestic dog, Canis familiaris\n", "utf-8")
    h = Hierarchy.from_is_a(pairs, names)
    assert h.parents == {"a": (), "b": ("a",), "c": ("a",), "e": ("b", "c")}
    assert (h.name("e"), h.name("b")) == ("dog", "b")
    assert Hierarchy.open(pairs).parents == h.parents


def test_bad_files_of_pairs_are_named(tmp_path):
    file = tmp_path / "is_a.txt"
    file.write_text("a b\nb c d\n", "utf-8")
    with pytest.raises(InputError, match=r"is_a.txt, line 2: 'b c d'"):
        Hierarchy.from_is_a(file)
    file.write_text("\n", "utf-8")
    with pytest.raises(InputError, match="no line"):
        Hierarchy.from_is_a(file)
    file.write_text("a b\n", "utf-8")
    names = tmp_path / "names.txt"
    names.write_text("a thing\n", "utf-8")
    with pytest.raises(InputError, match=r"names.txt, line 1: 'a thing'; a line is"):
        Hierarchy.from_is_a(file, names)
    with pytest.raises(InputError, match=r"none\.txt: cannot be read"):
        Hierarchy.from_is_a(tmp_path / "none.txt")
    file.write_bytes(b"\xff\xfe a")
    with pytest.raises(InputError, match="not a text file"):
        Hierarchy.from_is_a(file)


@needs_wordnet
def test_all_of_wordnet_against_its_own_lines(whole):
    text = (DEBIAN / "data.noun").read_text("latin-1")
    lines = [line for line in text.splitlines() if not line.startswith("  ")]
    assert len(whole) == len(lines) == 82115
    assert whole.roots == ("n00001740",)
    for line in lines[::101]:
        above = {f"n{offset}" for offset in re.findall(r" @i? (\d{8}) n", line.split("|")[0])}
        assert set(whole.parents[f"n{line[:8]}"]) == above
    assert [whole.name(node) for node in whole.hypernym_paths(TENCH)[0][-6:]] == [
        "bony fish",
        "teleost fish",
        "soft-finned fish",
        "cypriniform fish",
        "cyprinid",
        "tench",
    ]


@needs_wordnet
def test_matrices_of_distances_against_pairs(whole):
    rng = np.random.default_rng(0)
    nodes = [str(node) for node in rng.choice(sorted(whole.descendants("n00003553")), 40, replace=False)]
    paths, heights = whole.path_distances(nodes), whole.heights(nodes)

    def height(top):
        def down(node):
            below = [down(child) for child in whole.children[node]]
            longest = max(below, default=-1)
            return longest + 1 if longest >= 0 else 0 if node in nodes else -1

        return down(top)

    tops = {node: height(node) for node in {above for node in nodes for above in whole.ancestors(node)}}
    for i, first in enumerate(nodes):
        for j, second in enumerate(nodes):
            assert paths[i, j] == whole.path_distance(first, second)
            common = whole.ancestors(first).keys() & whole.ancestors(second).keys()
            assert heights[i, j] == (0 if i == j else min(tops[node] for node in common))
