import os

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alignet_hf.data import alignet
from alignet_hf.data.alignet import load_alignet, save_alignet, triplet_dataset
from alignet_hf.errors import InputError

RNG = np.random.default_rng(0)
INDICES = np.stack([RNG.permutation(9)[:3] for _ in range(60)]).astype(np.int32)
SIMILARITIES = -np.sort(-RNG.normal(size=(60, 3)), axis=1).astype(np.float32)
NAMES = [f"n{row}.JPEG" for row in range(9)]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of its own, where every data set is large."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(alignet, "_ROWS_IN_MEMORY", 10)
    return tmp_path / "cache" / "alignet"


@pytest.fixture
def folder(tmp_path):
    return save_alignet(triplet_dataset(INDICES, SIMILARITIES, NAMES), tmp_path / "triplets")


def entries(cache):
    return sorted(cache.glob("*.arrow"))


def test_rows_are_those_of_the_file_and_stay_on_disk(folder, cache):
    loaded = load_alignet(folder)
    assert [file["filename"] for file in loaded.cache_files] == [str(path) for path in entries(cache)]
    np.testing.assert_array_equal(loaded["indices"], INDICES)
    np.testing.assert_array_equal(np.array(loaded["similarities"], np.float32), SIMILARITIES)
    np.testing.assert_array_equal(loaded["filenames"], np.array(NAMES)[INDICES])
    assert loaded.features == alignet.FEATURES_WITH_FILENAMES
    allocated = pa.total_allocated_bytes()
    again = load_alignet(folder)
    assert pa.total_allocated_bytes() == allocated
    assert again[17] == loaded[17]


def test_made_once(folder, cache):
    load_alignet(folder)
    (made,) = entries(cache)
    stamp = made.stat().st_mtime_ns
    load_alignet(folder)
    assert [path.stat().st_mtime_ns for path in entries(cache)] == [stamp]


def test_another_file_of_that_name_takes_the_place_of_the_old(folder, cache):
    old = load_alignet(folder)
    save_alignet(triplet_dataset(INDICES[::-1], SIMILARITIES), folder)
    np.testing.assert_array_equal(load_alignet(folder)["indices"], INDICES[::-1])
    assert len(entries(cache)) == 1
    np.testing.assert_array_equal(old["indices"], INDICES)  # who has it open keeps it


@pytest.mark.parametrize("rows_per_group", [2**12, 2**19])
def test_the_first_opening_holds_a_block_not_the_file(tmp_path, monkeypatch, rows_per_group):
    first = np.arange(2**19, dtype=np.int32)
    similarities = -np.sort(-RNG.normal(size=(2**19, 3)), axis=1).astype(np.float32)
    whole = triplet_dataset(np.stack([first, first[::-1] + 2**19, first + 2**20], axis=1), similarities)
    path = tmp_path / "train.parquet"
    pq.write_table(whole.data.table, path, row_group_size=rows_per_group, use_dictionary=False, compression=None)
    monkeypatch.setattr(alignet, "ROWS_PER_BLOCK", 2**12)
    monkeypatch.setattr(alignet, "_READ_AT_ONCE", 2**16)
    held, at_rest, check = [], pa.total_allocated_bytes(), alignet.RowCheck.__call__

    def weighing(self, table):
        held.append(pa.total_allocated_bytes() - at_rest)
        return check(self, table)

    monkeypatch.setattr(alignet.RowCheck, "__call__", weighing)
    assert load_alignet(path).data.table == whole.data.table
    assert path.stat().st_size > 12e6
    assert len(held) == 128
    assert 0 < max(held) < 2e6


def test_splits_have_an_entry_each(folder, cache):
    save_alignet(triplet_dataset(INDICES[:20], SIMILARITIES[:20]), folder, "valid")
    assert (len(load_alignet(folder)), len(load_alignet(folder, "valid"))) == (60, 20)
    assert len(entries(cache)) == 2


def test_what_was_warned_of_is_warned_of_again(tmp_path):
    similarities = SIMILARITIES.copy()
    similarities[41] = [0, 1, 0]
    with pytest.warns(UserWarning, match="row 41"):
        folder = save_alignet(triplet_dataset(INDICES, similarities), tmp_path / "triplets")
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"train\.parquet: in 1 of 60 rows .* row 41 "):
            load_alignet(folder)


def test_rows_that_are_refused_leave_nothing(tmp_path, cache):
    np.savez(tmp_path / "bad.npz", indices=INDICES, similarities=SIMILARITIES[:, ::-1])
    for _ in range(2):
        with pytest.raises(InputError, match=r"bad\.npz: in 60 of 60 rows"):
            load_alignet(tmp_path / "bad.npz")
    assert not [path for path in cache.iterdir() if path.suffix != ".lock"]


def test_one_that_was_killed_while_writing_is_made_again(folder, cache):
    load_alignet(folder)
    (made,) = entries(cache)
    whole = made.read_bytes()
    os.truncate(made, 100)
    made.rename(made.with_name(f".{made.name}.tmp"))  # as a kill leaves it
    load_alignet(folder)
    assert made.read_bytes() == whole
