"""Choices in the official layouts, their split, concepts, people's dimensions and the images of concepts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignet_hf.data.things import (
    load_things,
    read_concept_images,
    read_concepts,
    read_embedding,
    split_triplets,
)
from alignet_hf.errors import InputError

CHOICES = np.random.default_rng(0).permuted(np.tile(np.arange(9), (50, 1)), axis=1)[:, :3]
OFFICIAL = (
    'Word\tuniqueID\tBottom-up Category (Human Raters)\t"Definition (from WordNet, Google, or Wikipedia)"\t'
    "Wordnet ID4\n"
    'bat\tbat1\t\t"a ""nocturnal"" mammal"\tbat.n.01\n'
    "bat\tbat2\tsports\ta club\tbat.n.05\n"
)


def test_a_folder_in_the_official_layout_is_read_whole(tmp_path):
    """1,854 concepts; choices as text, a row "i j k" each, k the odd one; validation choices as .npy of floats."""
    rng = np.random.default_rng(0)
    rows = np.stack([rng.permutation(1854)[:3] for _ in range(6000)])
    rows[0] = [0, 1853, 5]
    (tmp_path / "trainset.txt").write_text("".join("{} {} {}\n".format(*row) for row in rows[:5400]))
    np.save(tmp_path / "validationset.npy", rows[5400:].astype(np.float64))
    header, *_ = OFFICIAL.split("\n")
    table = [f'word\tunique{number}\t\t"a ""thing"""\tthing.n.{number}' for number in range(1854)]
    (tmp_path / "things_concepts.tsv").write_bytes("\r\n".join([header, *table, ""]).encode())
    things = load_things(tmp_path)
    assert things.training.dtype == things.validation.dtype == np.int64
    np.testing.assert_array_equal(things.training, rows[:5400])
    np.testing.assert_array_equal(things.validation, rows[5400:])
    assert (things.n_concepts, len(things.concepts)) == (1854, 1854)
    assert things.concepts.names[1853] == "unique1853"
    assert things.concepts.definitions[7] == 'a "thing"'
    for odd_column in range(3):
        pair = [column for column in range(3) if column != odd_column]
        found = load_things(tmp_path, odd_column=odd_column)
        np.testing.assert_array_equal(found.training, rows[:5400][:, [*pair, odd_column]])
        np.testing.assert_array_equal(found.validation, rows[5400:][:, [*pair, odd_column]])
    # Counted from 1, the last concept does not exist.
    np.savetxt(tmp_path / "trainset.txt", rows[:5400] + 1, "%d")
    with pytest.raises(InputError, match=r"trainset\.txt: names item 1854 and never item 0, .*subtract 1"):
        load_things(tmp_path)
    # As the raw table has them: a column more.
    np.savetxt(tmp_path / "trainset.txt", np.hstack([rows[:5400], rows[:5400, :1]]), "%d")
    with pytest.raises(InputError, match=r"trainset\.txt: line 1: '0 1853 5 0' is not three integers"):
        load_things(tmp_path)


@pytest.mark.parametrize("names", [("trainset", "validationset"), ("train_90", "test_10")])
def test_official_splits_stay_as_they_are(tmp_path, names):
    np.savetxt(tmp_path / f"{names[0]}.txt", CHOICES[:40], "%d")
    np.save(tmp_path / f"{names[1]}.npy", CHOICES[40:])
    things = load_things(tmp_path, n_concepts=9)
    np.testing.assert_array_equal(things.training, CHOICES[:40])
    np.testing.assert_array_equal(things.validation, CHOICES[40:])
    assert things.n_concepts == 9
    assert things.concepts is None
    first = load_things(tmp_path, n_concepts=9, odd_column=0).training
    np.testing.assert_array_equal(first, CHOICES[:40, [1, 2, 0]])
    (tmp_path / f"{names[1]}.npy").unlink()
    with pytest.raises(InputError, match=f"holds {names[0]} but no {names[1]}"):
        load_things(tmp_path)


def test_choices_without_a_split_are_split_by_the_seed(tmp_path):
    np.savetxt(tmp_path / "triplets.txt", CHOICES, "%d")
    things, again, other = (load_things(tmp_path, seed=seed, n_concepts=9) for seed in (0, 0, 1))
    assert len(things.training) + len(things.validation) == 50
    assert 5 <= len(things.validation) <= 6
    sides = ({tuple(sorted(row)) for row in part.tolist()} for part in (things.training, things.validation))
    assert not set.intersection(*sides)
    np.testing.assert_array_equal(things.validation, again.validation)
    assert things.validation.tolist() != other.validation.tolist()


def test_the_concept_table_says_how_many_concepts_there_are(tmp_path):
    np.savetxt(tmp_path / "triplets.txt", CHOICES, "%d")
    (tmp_path / "concepts.tsv").write_text("concept\n" + "\n".join("abcdefgh") + "\n")
    with pytest.raises(InputError, match=r"triplets\.txt: row \d+ is out of range: .* there are 8 items"):
        load_things(tmp_path)
    (tmp_path / "concepts.tsv").write_text("concept\n" + "\n".join("abcdefghi") + "\n")
    assert load_things(tmp_path).concepts.names == tuple("abcdefghi")
    (tmp_path / "triplets.txt").unlink()
    with pytest.raises(InputError, match="no choices in this folder; looked for trainset and validationset"):
        load_things(tmp_path)


@given(st.integers(4, 200), st.floats(0.1, 0.9), st.integers(0, 5))
def test_a_split_deals_every_row_once_and_keeps_the_order(n, share, seed):
    rows = np.arange(3 * n).reshape(-1, 3)
    if not 0 < round(share * n) < n:
        return
    training, validation = split_triplets(rows, validation_share=share, seed=seed)
    assert len(validation) == round(share * n)
    for part in (training, validation):
        assert part[:, 0].tolist() == sorted(part[:, 0])
    assert sorted([*training[:, 0], *validation[:, 0]]) == rows[:, 0].tolist()


@pytest.mark.parametrize("share", [0, 1, -0.5, 0.001])
def test_a_split_with_an_empty_part_is_refused(share):
    with pytest.raises(InputError, match="50 triplets cannot be split"):
        split_triplets(CHOICES, validation_share=share, seed=0)


def test_the_official_concept_table_and_one_of_ours(tmp_path):
    (tmp_path / "things_concepts.tsv").write_bytes(b"\xef\xbb\xbf" + OFFICIAL.replace("\n", "\r\n", 1).encode())
    concepts = read_concepts(tmp_path / "things_concepts.tsv")
    assert concepts.names == ("bat1", "bat2")
    assert concepts.wordnet_ids == ("bat.n.01", "bat.n.05")
    assert concepts.definitions == ('a "nocturnal" mammal', "a club")
    assert concepts.categories == ("", "")
    (tmp_path / "c.tsv").write_text("index\tconcept\twordnet_id\tcategory\n0\tbat\tn01\tanimal\n1\tcar\t\t\n\n")
    concepts = read_concepts(tmp_path / "c.tsv")
    assert (concepts.names, concepts.wordnet_ids, concepts.categories) == (("bat", "car"), ("n01", ""), ("animal", ""))
    assert len(concepts) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("index\tconcept\n0\ta\n2\tb\n", "line 3: index '2' where 1 is due"),
        ("concept\na\na\n", "line 3: the name 'a' comes twice"),
        ("word\na\n", "no column uniqueID or concept"),
        ("", "no column uniqueID or concept"),
        ("index\tconcept\n0\ta\n1\n", "line 3 has 1 fields, the header 2; is the file cut off there"),
        ('concept\n"a\n', "unexpected end of data"),
    ],
)
def test_bad_concept_tables_are_named(tmp_path, text, message):
    (tmp_path / "c.tsv").write_text(text)
    with pytest.raises(InputError, match=rf"c\.tsv: .*{message}|c\.tsv: {message}"):
        read_concepts(tmp_path / "c.tsv")


def test_concepts_find_their_images_by_file_name(tmp_path):
    path = tmp_path / "concepts.tsv"
    path.write_text("concept_index\tphoto\tmore\n4\tb.jpg\tx\n2\ta.jpg\ty\n")
    assert read_concept_images(path, ["folder/a.jpg", "folder/b.jpg"], 5) == {4: 1, 2: 0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("concept\tphoto\n0\ta.jpg\n", "no column concept_index"),
        ("concept_index\tphoto\n7\ta.jpg\n", "line 2: concept_index '7' is not one of 0 to 4"),
        (
            "concept_index\tphoto\n1\ta.jpg\n2\tz.jpg\n",
            r"concepts\.tsv: 1 of 2 names \(z\.jpg\) are not among the 3 images there; add",
        ),
        ("concept_index\tphoto\n1\ta.jpg\n1\tb/c.jpg\n", "line 3: concept_index 1 comes twice"),
        ("concept_index\tphoto\n1\tc.jpg\n", r"c\.jpg' is ambiguous: 'b/c\.jpg' and 'd/c\.jpg'"),
        ("concept_index\tphoto\n", "names no concept"),
    ],
)
def test_bad_concept_files_are_named(tmp_path, text, message):
    path = tmp_path / "concepts.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_concept_images(path, ["a.jpg", "b/c.jpg", "d/c.jpg"], 5)


def test_an_embedding_must_be_finite_numbers(tmp_path):
    path = tmp_path / "dimensions.npy"
    np.save(path, np.array([[1.0, np.inf]]))
    with pytest.raises(InputError, match=r"dimensions\.npy: row 0 holds inf"):
        read_embedding(path)
    for content in (b"no array", b"", b"PK\x03\x04 an archive cut short"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="cannot be read"):
            read_embedding(path)
