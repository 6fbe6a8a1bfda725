"""Similarity matrices in the formats of laboratories, each written by another library than reads it here."""

import builtins

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat
from scipy.spatial.distance import squareform

from alignet_hf.data.matrix_files import read_matrices, read_names
from alignet_hf.demo import objects92
from alignet_hf.errors import InputError

PEOPLE = objects92.people()[:3, :6, :6].astype(np.float64)
NAMES = ["tiger", "a car", "cat", "dog", "tree", "house"]


def test_numpy_files(tmp_path):
    np.save(tmp_path / "people.npy", PEOPLE)
    np.save(tmp_path / "mean.npy", PEOPLE[0])
    np.savez(tmp_path / "people.npz", anything=PEOPLE, names=NAMES)
    assert read_matrices(tmp_path / "people.npy")[1] is None
    np.testing.assert_array_equal(read_matrices(tmp_path / "people.npy")[0], PEOPLE)
    np.testing.assert_array_equal(read_matrices(tmp_path / "mean.npy")[0], PEOPLE[:1])
    matrices, names = read_matrices(tmp_path / "people.npz")
    np.testing.assert_array_equal(matrices, PEOPLE)
    assert names == NAMES
    np.savez(tmp_path / "more.npz", rdms=PEOPLE, images=np.zeros((6, 8, 8, 3), np.uint8))
    np.testing.assert_array_equal(read_matrices(tmp_path / "more.npz")[0], PEOPLE)


def test_condensed_rows_are_those_of_the_embedded_people():
    matrices, names = read_matrices(objects92.FOLDER / "people.npz", "dissimilarities", condensed=True)
    np.testing.assert_array_equal(matrices, objects92.people())
    assert names is None


def test_mat_files_with_people_last_structs_and_cells_of_names(tmp_path):
    pairs = np.stack([squareform(person) for person in PEOPLE])
    cells = np.array([[name] for name in NAMES], object)
    savemat(tmp_path / "a.mat", {"RDM": np.moveaxis(PEOPLE, 0, 2), "names": cells})
    savemat(
        tmp_path / "b.mat", {"behaviour": {"set1": {"distances": pairs, "note": "x"}, "set2": {"distances": pairs}}}
    )
    matrices, names = read_matrices(tmp_path / "a.mat")
    np.testing.assert_array_equal(matrices, PEOPLE)
    assert names == NAMES
    matrices, _ = read_matrices(tmp_path / "b.mat", "behaviour.set2.distances", condensed=True)
    np.testing.assert_allclose(matrices, PEOPLE)
    with pytest.raises(InputError, match=r"b\.mat: holds behaviour\.set1\.distances, behaviour\.set1\.note, .*key="):
        read_matrices(tmp_path / "b.mat")
    with pytest.raises(InputError, match="holds no array 'behaviour'"):
        read_matrices(tmp_path / "b.mat", "behaviour")
    with pytest.raises(InputError, match="holds <U1, where numbers are needed"):
        read_matrices(tmp_path / "b.mat", "behaviour.set1.note")


def test_mat_files_of_version_7_3(tmp_path, monkeypatch):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:  # as MATLAB lays it out: axes reversed, names by reference
        file["RDM"] = np.moveaxis(PEOPLE, 0, 2).T
        file["set1/distances"] = np.stack([squareform(person) for person in PEOPLE]).T
        cells = [file.create_dataset(f"#refs#/{n}", data=[[ord(c)] for c in name]).ref for n, name in enumerate(NAMES)]
        file.create_dataset("names", data=np.array([cells], h5py.ref_dtype))
    content = path.read_bytes()
    path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + content[128:])
    matrices, names = read_matrices(path, "RDM")
    np.testing.assert_array_equal(matrices, PEOPLE)
    assert names == NAMES
    np.testing.assert_array_equal(read_matrices(path, "set1.distances", condensed=True)[0], PEOPLE)

    real = builtins.__import__
    monkeypatch.setattr(
        builtins, "__import__", lambda name, *rest: real("no_such_module" if name == "h5py" else name, *rest)
    )
    with pytest.raises(InputError, match=r"a\.mat: a \.mat file of version 7\.3 needs the package h5py"):
        read_matrices(path)


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
@pytest.mark.parametrize("header", [True, False], ids=["header", "no header"])
@pytest.mark.parametrize("index", [True, False], ids=["row names", "no row names"])
def test_tables_as_pandas_writes_them(tmp_path, suffix, header, index):
    path = tmp_path / f"mean{suffix}"
    separator = "," if suffix == ".csv" else "\t"
    text = pd.DataFrame(PEOPLE[0], NAMES, NAMES).to_csv(None, header=header, index=index, sep=separator)
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n", 3).encode() + b"\r\n\r\n")
    matrices, names = read_matrices(path)
    np.testing.assert_allclose(matrices, PEOPLE[:1])
    assert names == (NAMES if header or index else None)


@pytest.mark.parametrize(("header", "index"), [(True, True), (True, False), (False, True)])
def test_names_that_are_numbers_are_names(tmp_path, header, index):
    numbers = [11, 12, 13, 14, 15, 16]
    pd.DataFrame(PEOPLE[0], numbers, numbers).to_csv(tmp_path / "m.csv", header=header, index=index)
    matrices, names = read_matrices(tmp_path / "m.csv")
    np.testing.assert_allclose(matrices, PEOPLE[:1])
    assert names == [str(number) for number in numbers]


def test_rows_and_columns_named_in_different_orders_are_refused(tmp_path):
    pd.DataFrame(PEOPLE[0], NAMES, ["tiger", *NAMES[:0:-1]]).to_csv(tmp_path / "m.csv")
    with pytest.raises(InputError, match=r"m\.csv: the names of the columns and of the rows .* number 2 is 'house'"):
        read_matrices(tmp_path / "m.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3\n4,5\n7,8,9\n", "not square: row 1 has 2 values, row 0 3"),
        ("1,2,3,4\n5,6,7,8\n", "not square: it has the shape 2 x 4"),
        ("0,1,2\n1,0,x\n2,3,0\n", "row 1, column 2 holds 'x', which is not a number"),
        ("0,1,2\n1,0,\n2,3,0\n", "row 1, column 2 holds ''"),
        ("\n", "holds no matrix"),
        ("a,b,c,d\n", "holds names and no matrix"),
        ("a\nb\nc\nd\n", "not square"),
    ],
)
def test_bad_tables_are_named_by_row_and_column(tmp_path, text, message):
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(InputError, match=rf"m\.csv: .*{message}|m\.csv: {message}"):
        read_matrices(tmp_path / "m.csv")


def test_bad_files_are_named(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 5)))
    np.save(tmp_path / "b.npy", np.zeros((3, 5)))
    np.savez(tmp_path / "c.npz", x=PEOPLE, y=PEOPLE)
    for name, message, options in [
        ("a.npy", "not square: it has the shape 4 x 5", {}),
        ("b.npy", "rows of 5 numbers are not the upper triangles", {"condensed": True}),
        ("c.npz", "holds x, y; name the one to read", {}),
        ("c.npz", "holds no array 'z'; it holds x, y", {"key": "z"}),
        ("d.mat", "cannot be read as .mat", {}),
        ("e.npy", "cannot be read as", {}),
        ("e.txt", "matrices are read from .npy", {}),
    ]:
        if not (tmp_path / name).exists():
            (tmp_path / name).write_text("something else, and long enough to look like a header " * 10)
        with pytest.raises(InputError, match=f"{name}: .*{message}|{name}: {message}"):
            read_matrices(tmp_path / name, **options)


@pytest.mark.parametrize("name", ["a.mat", "a.npz", "a.npy"])
def test_files_cut_off_anywhere_are_named(tmp_path, name):
    savemat(tmp_path / "a.mat", {"rdm": PEOPLE[0]}, do_compression=True)
    np.savez_compressed(tmp_path / "a.npz", rdm=PEOPLE[0])
    np.save(tmp_path / "a.npy", PEOPLE[0])
    content = (tmp_path / name).read_bytes()
    for length in range(0, len(content) - 8, 11):
        (tmp_path / name).write_bytes(content[:length])
        with pytest.raises(InputError, match=rf"{name}: "):
            read_matrices(tmp_path / name)


def test_names_one_a_line(tmp_path):
    (tmp_path / "names.txt").write_bytes(b"\xef\xbb\xbftiger\r\na car\n\ncat\r\n")
    assert read_names(tmp_path / "names.txt") == NAMES[:3]


def test_a_named_matrix_that_is_not_square_is_called_so(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(",a,b,c,d\n" + "".join(f"{name},0,1,1,1\n" for name in "abc"))
    with pytest.raises(InputError, match=r"people\.csv: the matrix is not square: 3 rows and 4 columns have a name"):
        read_matrices(path)
    with pytest.raises(InputError, match=r"nowhere\.mat: cannot be read: no such file"):
        read_matrices(tmp_path / "nowhere.mat")
