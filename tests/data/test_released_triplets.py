import zipfile

import numpy as np
import pytest

from alignet_hf.data import released_triplets as module
from alignet_hf.data.alignet import load_alignet
from alignet_hf.data.released_triplets import ReleasedTriplets
from alignet_hf.errors import InputError

RNG = np.random.default_rng(0)
INDICES = np.stack([RNG.permutation(9)[:3] for _ in range(60)])
SIMILARITIES = -np.sort(-RNG.normal(size=(60, 3)), axis=1)
FILENAMES = np.array([f"n{row:08}_{row}.JPEG" for row in range(9)])[INDICES]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "alignet_train.npz"


def arrays_of(dataset):
    arrays = dataset.with_format("numpy")[:]
    return arrays["indices"], arrays["similarities"], np.array(arrays.get("filenames"))


@pytest.mark.parametrize("save", [np.savez_compressed, np.savez])
@pytest.mark.parametrize(
    "dress",
    [
        lambda array: array,
        np.asfortranarray,
        lambda array: array.astype(array.dtype.newbyteorder(">")),
        lambda array: array.astype({"i": "i4", "f": "f4", "U": "S24"}[array.dtype.kind]),
    ],
    ids=["as released", "columns after another", "big-endian", "narrow"],
)
def test_whatever_the_layout_the_rows_are_the_same(path, save, dress, monkeypatch):
    monkeypatch.setattr(module, "ROWS_PER_BLOCK", 7)
    monkeypatch.setattr(module, "_BYTES_AT_ONCE", 50)
    save(path, indices=dress(INDICES), similarities=dress(SIMILARITIES), filenames=dress(FILENAMES))
    indices, similarities, filenames = arrays_of(load_alignet(path))
    np.testing.assert_array_equal(indices, INDICES)
    np.testing.assert_array_equal(similarities, SIMILARITIES.astype(np.float32))
    np.testing.assert_array_equal(filenames, FILENAMES)


def test_read_in_blocks(path, monkeypatch):
    monkeypatch.setattr(module, "ROWS_PER_BLOCK", 25)
    np.savez_compressed(path, indices=INDICES, similarities=SIMILARITIES)
    assert [len(table) for table in ReleasedTriplets(path).tables()] == [25, 25, 10]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("first_row", [0, 1, 24, 25, 59, 60])
def test_from_a_row_on(path, tmp_path, monkeypatch, order, first_row):
    monkeypatch.setattr(module, "ROWS_PER_BLOCK", 7)
    np.savez_compressed(path, indices=np.array(INDICES, order=order), similarities=SIMILARITIES, filenames=FILENAMES)
    tables = ReleasedTriplets(path).tables(first_row, tmp_path)
    assert [row for table in tables for row in table["indices"].to_pylist()] == INDICES[first_row:].tolist()
    assert ReleasedTriplets(path).first_filename() == FILENAMES[0, 0]


def test_each_array_is_inflated_once(path, monkeypatch):
    np.savez_compressed(
        path, indices=np.asfortranarray(INDICES), similarities=SIMILARITIES, filenames=np.asfortranarray(FILENAMES)
    )
    released, opened, inflate = ReleasedTriplets(path), [], zipfile.ZipFile.open

    def counting(archive, name, *arguments, **options):
        opened.append(name)
        return inflate(archive, name, *arguments, **options)

    monkeypatch.setattr(zipfile.ZipFile, "open", counting)
    assert sum(len(table) for table in released.tables()) == 60
    assert sorted(opened) == ["filenames.npy", "indices.npy", "similarities.npy"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"indices": INDICES}, "no array named similarities; it holds indices"),
        ({"x": INDICES}, "no array named indices; it holds none that is known"),
        ({"indices": INDICES, "similarities": SIMILARITIES[:2]}, r"similarities has shape \(2, 3\); expected \(60, 3"),
        ({"indices": np.array(3), "similarities": SIMILARITIES}, r"indices has shape \(\); expected \(0, 3"),
        ({"indices": INDICES, "similarities": SIMILARITIES[:, ::-1]}, "in 60 of 60 rows"),
        ({"indices": INDICES, "similarities": SIMILARITIES.astype(object)}, "cannot be read: an array of Python obj"),
        ({"indices": INDICES * 1.0, "similarities": SIMILARITIES}, "indices cannot be read: its type is float64"),
        ({"indices": INDICES + 2**32, "similarities": SIMILARITIES}, "expected three indices"),
        ({"indices": INDICES - 1, "similarities": SIMILARITIES}, r"row \d+ is out of range"),
    ],
)
def test_a_bad_archive_is_named(path, arrays, message):
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=rf"alignet_train\.npz: .*{message}"):
        load_alignet(path)


def test_a_damaged_archive_is_named(path, tmp_path):
    with pytest.raises(InputError, match=r"none\.npz"):
        load_alignet(tmp_path / "none.npz")
    np.savez_compressed(path, indices=INDICES, similarities=SIMILARITIES)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"alignet_train\.npz: the archive cannot be read"):
        load_alignet(path)
    at = whole.index(b"similarities.npy") + 300
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
    with pytest.raises(InputError, match=r"alignet_train\.npz: the archive cannot be read"):
        load_alignet(path)


def test_an_array_shorter_than_its_header_says(path):
    np.savez(path, indices=INDICES, similarities=SIMILARITIES)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data[:-1])
    with pytest.raises(InputError, match="an array ends before its last row"):
        load_alignet(path)


def test_numbers_longer_than_arrow_has_are_refused(tmp_path):
    similarities = np.ones((2, 3), np.longdouble)
    if similarities.itemsize <= 8:
        pytest.skip("this machine has no longer ones")
    np.savez_compressed(tmp_path / "a.npz", indices=np.array([[0, 1, 2]] * 2), similarities=similarities)
    with pytest.raises(InputError, match=r"a\.npz: similarities has type float128; save it as float64"):
        ReleasedTriplets(tmp_path / "a.npz")
