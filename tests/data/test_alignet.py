import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest

from alignet_hf.data import alignet
from alignet_hf.data.alignet import FEATURES, load_alignet, save_alignet, triplet_dataset
from alignet_hf.errors import InputError

INDICES = np.array([[0, 1, 2], [3, 1, 0], [2, 3, 1]], np.int32)
SIMILARITIES = np.array([[0.9, 0.1, 0.2], [3, 3, 1], [-1, -2, -3]], np.float32)
NAMES = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


def test_round_trip(tmp_path):
    saved = triplet_dataset(INDICES, SIMILARITIES, NAMES)
    loaded = load_alignet(save_alignet(saved, tmp_path, seed=3))
    np.testing.assert_array_equal(loaded["indices"], INDICES)
    np.testing.assert_array_equal(np.array(loaded["similarities"], np.float32), SIMILARITIES)
    assert loaded["filenames"][1] == ["d.jpg", "b.jpg", "a.jpg"]
    assert loaded.features == saved.features


def test_without_filenames(tmp_path):
    loaded = load_alignet(save_alignet(triplet_dataset(INDICES, SIMILARITIES), tmp_path))
    assert loaded.features == FEATURES


def test_splits_live_side_by_side_and_the_hub_reads_them(tmp_path):
    dataset = triplet_dataset(INDICES, SIMILARITIES)
    save_alignet(dataset, tmp_path, "train", sampling="random")
    save_alignet(dataset.select([2, 0]), tmp_path, "valid", sampling="within-class")
    np.testing.assert_array_equal(load_alignet(tmp_path, "valid")["indices"], INDICES[[2, 0]])
    card = (tmp_path / "README.md").read_text()
    assert "| sampling | random |" in card
    assert "| sampling | within-class |" in card
    by_the_card = datasets.load_dataset(str(tmp_path), cache_dir=tmp_path / "cache")
    assert {split: len(rows) for split, rows in by_the_card.items()} == {"train": 3, "valid": 2}


def test_a_folder_as_datasets_writes_it(tmp_path):
    dataset = triplet_dataset(INDICES, SIMILARITIES, NAMES)
    (tmp_path / "data").mkdir()
    for shard in range(2):  # the first two rows, and the third
        rows = dataset.select(range(2 * shard, min(2 * shard + 2, 3)))
        rows.to_parquet(tmp_path / "data" / f"train-{shard:05}-of-00002.parquet")
    loaded = load_alignet(tmp_path)
    np.testing.assert_array_equal(loaded["indices"], INDICES)
    assert loaded["filenames"][2] == ["c.jpg", "d.jpg", "b.jpg"]
    with pytest.raises(InputError, match=r"no split 'valid'.*splits there: train"):
        load_alignet(tmp_path, "valid")
    datasets.Dataset.from_dict({"x": [1]}).to_parquet(tmp_path / "data" / "train-00001-of-00002.parquet")
    with pytest.raises(InputError, match=r"train-00000-of-00002\.parquet: the other files of the split have other col"):
        load_alignet(tmp_path)


def test_any_list_column_is_cast(tmp_path):
    plain = datasets.Dataset.from_dict(
        {"indices": INDICES.tolist(), "similarities": SIMILARITIES.tolist(), "x": [1] * 3}
    )
    assert load_alignet(save_alignet(plain, tmp_path)).features == FEATURES


def test_the_same_data_set_gives_the_same_bytes(tmp_path):
    dataset = triplet_dataset(INDICES, SIMILARITIES, NAMES)
    files = [save_alignet(dataset, tmp_path / name) / "train.parquet" for name in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    save_alignet(triplet_dataset(INDICES, SIMILARITIES), tmp_path)

    def full(self, table):
        raise OSError("disk full")

    monkeypatch.setattr(alignet.pq.ParquetWriter, "write_table", full)
    with pytest.raises(OSError, match="disk full"):
        save_alignet(triplet_dataset(INDICES[:1], SIMILARITIES[:1]), tmp_path)
    assert len(load_alignet(tmp_path)) == 3


def test_few_rows_with_another_odd_one_are_counted(tmp_path):
    similarities = np.array([[0.9, 0.1, 0.2], [1, 3, 0.1], [-1, -2, -3]], np.float32)
    message = r"in 1 of 3 rows the last item is not the odd one out: row 1 .*\[1\.0, 3\.0, 0\.1\].*the rows are kept"
    with pytest.warns(UserWarning, match=rf"train\.parquet: {message}"):
        save_alignet(triplet_dataset(INDICES, similarities), tmp_path)
    with pytest.warns(UserWarning, match=message):
        assert len(load_alignet(tmp_path)) == 3


def test_a_file_where_another_odd_one_is_the_rule_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"train\.parquet: in 3 of 3 rows .* row 0"):
        save_alignet(triplet_dataset(INDICES, SIMILARITIES[:, ::-1] + [0, 0, 9]), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("indices", "similarities", "message"),
    [
        ([[0, 1, 1]], [[1, 0, 0]], r"indices: row 0 names an item twice: \[0, 1, 1\]"),
        ([[0, 1, -2]], [[1, 0, 0]], r"indices: row 0 is out of range"),
        ([[0, 1, 2]], [[np.nan, 0, 0]], r"similarities: row 0 is not finite"),
    ],
)
def test_bad_rows_are_named(tmp_path, indices, similarities, message):
    with pytest.raises(InputError, match=message):
        save_alignet(triplet_dataset(np.array(indices), np.array(similarities)), tmp_path)


def test_missing_columns_splits_and_files_are_named(tmp_path):
    with pytest.raises(InputError, match="expected three indices"):
        save_alignet(datasets.Dataset.from_dict({"x": [1]}), tmp_path)
    with pytest.raises(InputError, match="expected three indices"):
        save_alignet(datasets.Dataset.from_dict({"indices": [[1, 2]], "similarities": [[1.0, 2.0]]}), tmp_path)
    save_alignet(triplet_dataset(INDICES, SIMILARITIES), tmp_path)
    with pytest.raises(InputError, match=r"no split 'valid'.*splits there: train"):
        load_alignet(tmp_path, "valid")
    (tmp_path / "train.parquet").write_text("not Parquet")
    with pytest.raises(InputError, match=r"train\.parquet: not a Parquet file"):
        load_alignet(tmp_path)


def test_blocks_make_no_difference(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    indices = np.stack([rng.permutation(4)[:3] for _ in range(50)])
    similarities = -np.sort(-rng.normal(size=(50, 3)), axis=1).astype(np.float32)
    monkeypatch.setattr(alignet, "ROWS_PER_BLOCK", 7)
    dataset = triplet_dataset(indices, similarities, NAMES)
    save_alignet(dataset, tmp_path)
    assert pq.ParquetFile(tmp_path / "train.parquet").num_row_groups == 8
    for loaded in (dataset, load_alignet(tmp_path)):
        np.testing.assert_array_equal(loaded["indices"], indices)
        np.testing.assert_array_equal(np.array(loaded["similarities"], np.float32), similarities)
        np.testing.assert_array_equal(loaded["filenames"], np.array(NAMES)[indices])
    indices[40] = [1, 1, 2]
    with pytest.raises(InputError, match=r"indices: row 40 names an item twice: \[1, 1, 2\]"):
        save_alignet(triplet_dataset(indices, similarities), tmp_path)
    similarities[33, 1] = np.nan
    with pytest.raises(InputError, match=r"similarities: row 33 is not finite"):
        save_alignet(triplet_dataset(indices, similarities), tmp_path)
    assert len(load_alignet(tmp_path)) == 50


def test_a_row_without_values_is_refused(tmp_path):
    rows = datasets.Dataset.from_dict({"indices": [[0, 1, 2], None], "similarities": [[2.0, 1.0, 0.0]] * 2})
    with pytest.raises(InputError, match=r"train\.parquet: indices: a row after 0 is empty"):
        save_alignet(rows, tmp_path)
