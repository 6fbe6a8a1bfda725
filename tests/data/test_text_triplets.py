"""Files of choices in every layout that is about, against numpy."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignet_hf.data.text_triplets import read_triplets
from alignet_hf.errors import InputError

TRIPLETS = np.array([[0, 1, 2], [5, 4, 3], [7, 0, 8]])


def test_text_and_npy_say_the_same(tmp_path):
    np.savetxt(tmp_path / "integers.txt", TRIPLETS, "%d")
    np.savetxt(tmp_path / "floats.txt", TRIPLETS)  # 7.000000000000000000e+00
    np.save(tmp_path / "integers.npy", TRIPLETS.astype(np.int16))
    np.save(tmp_path / "floats.npy", TRIPLETS.astype(np.float64))
    for path in tmp_path.iterdir():
        np.testing.assert_array_equal(read_triplets(path, 9), TRIPLETS)


@pytest.mark.parametrize("odd_column", range(3))
def test_the_odd_one_may_be_declared_in_any_column(tmp_path, odd_column):
    np.savetxt(tmp_path / "t.txt", np.insert(TRIPLETS[:, :2], odd_column, TRIPLETS[:, 2], axis=1), "%d")
    np.testing.assert_array_equal(read_triplets(tmp_path / "t.txt", odd_column=odd_column), TRIPLETS)


def test_a_column_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="odd_column is 3"):
        read_triplets(tmp_path / "t.txt", odd_column=3)


@given(
    st.lists(st.permutations(range(6)).map(lambda order: order[:3]), min_size=1, max_size=20),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([" ", "\t", ",", ", "]),
    st.booleans(),
    st.integers(0, 3),
)
def test_line_endings_marks_and_blank_lines_do_no_harm(tmp_path_factory, rows, ending, between, mark, n_blank):
    path = tmp_path_factory.mktemp("triplets") / "t.txt"
    lines = [between.join(map(str, row)) for row in rows]
    text = lines[0] + "\n" + "".join(line + ending for line in lines[1:]) + n_blank * (ending + "  ")
    path.write_bytes((b"\xef\xbb\xbf" if mark else b"") + text.encode())
    np.testing.assert_array_equal(read_triplets(path, 6), rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 1 2\n0 1\n", "line 2: '0 1' is not three integers"),
        ("0 1 2\r\n\r\n0 1 2.5\r\n", r"line 3: '0 1 2\.5' is not three"),
        ("0 1 2 3\n", "line 1"),
        ("0 1 nan\n", "line 1"),
        ("0 1 2\n0 1 1e300\n", "line 2"),
        ("i j k\n0 1 2\n", "line 1: 'i j k'"),
        ("0 1 2\n3 4", "line 2"),
        (" \n\n", "holds no triplet"),
        ("0 1 2\n0 1 9\n", "row 1 is out of range"),
        ("0 1 2\n-1 1 3\n", "row 1 is out of range"),
        ("0 1 2\n3 1 1\n", "row 1 names an item twice"),
    ],
)
def test_what_is_wrong_is_named_by_line_or_row(tmp_path, text, message):
    path = tmp_path / "t.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"t\.txt: {message}"):
        read_triplets(path, 9)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([[0.0, 1, 2], [0, 1, 2.5]]), "row 1 is not three integers"),
        (np.array([[0.0, 1, np.nan]]), "row 0 is not three integers"),
        (np.zeros((2, 4), int), "shape"),
        (np.zeros((0, 3), int), "holds no triplet"),
        (np.array([[0, 1, 12]]), "row 0 is out of range"),
        (np.array([["a", "b", "c"]]), "must be integers"),
        (np.array([[True, False, True]]), "must be integers"),
        (np.array([[0.0, 1, 1e300]]), "row 0 is not three integers"),
        (np.array([[0, 1, 2]], object), r"Object arrays .*; save it as integers, array\.astype\(int\)"),
        (np.array(3), r"is not an array of shape \(triplets, 3\)"),
        (np.arange(3), r"is not an array of shape"),
        (np.zeros((2, 0), int), "shape"),
        (np.array([[1, 9, 3], [2, 4, 5]]), "names item 9 and never item 0, where 0 to 8 are due; .*subtract 1"),
    ],
)
def test_a_bad_array_is_named(tmp_path, array, message):
    np.save(tmp_path / "t.npy", array)
    with pytest.raises(InputError, match=rf"t\.npy: .*{message}"):
        read_triplets(tmp_path / "t.npy", 9)


@pytest.mark.parametrize("n_items", [None, 12])
def test_a_file_that_counts_from_1_is_warned_of_where_no_number_is_too_high(tmp_path, n_items):
    rows = np.random.default_rng(0).permuted(np.tile(np.arange(9), (40, 1)), axis=1)[:, :3]
    for name, counted in (("0.txt", rows), ("1.txt", rows + 1), ("few.txt", rows[:2] + 1)):
        np.savetxt(tmp_path / name, counted, "%d")
    with pytest.warns(UserWarning, match=r"1\.txt: no triplet names item 0; if the file counts from 1, subtract 1"):
        assert read_triplets(tmp_path / "1.txt", n_items).min() == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_triplets(tmp_path / "0.txt", n_items)
        read_triplets(tmp_path / "few.txt", n_items)  # too few to say


def test_an_archive_by_another_name_is_refused(tmp_path):
    np.savez(tmp_path / "t", TRIPLETS)
    (tmp_path / "t.npz").rename(tmp_path / "t.npy")
    with pytest.raises(InputError, match=r"t\.npy: is not an array"):
        read_triplets(tmp_path / "t.npy")


def test_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "t.npy").write_bytes(b"no array")
    (tmp_path / "t.txt").write_bytes(b"\xff\xfe0\x00")
    for name in ("t.npy", "t.txt", "none.txt"):
        with pytest.raises(InputError, match=f"{name}: cannot be read"):
            read_triplets(tmp_path / name)
