"""Parquet files where they are: names, any order, worker processes, memory; against `datasets`."""

import os
import pickle

import datasets
import numpy as np
import pyarrow as pa
import pytest
from photographs import encoded, photograph
from torch.utils.data import DataLoader

from alignet_hf.data.images import DatasetImages, ParquetImages, load_images, open_imagenet, parquet
from alignet_hf.errors import InputError

N_IMAGES = 23
FEATURES = datasets.Features({"label": datasets.Value("int32"), "image": datasets.Image()})


@pytest.fixture
def rows():
    names = [f"n0144076{row % 2}_{row}_n0144076{row % 2}.JPEG" for row in range(N_IMAGES)]
    cells = [{"bytes": encoded(photograph(seed=row)), "path": name} for row, name in enumerate(names)]
    return datasets.Dataset.from_dict({"label": [0] * N_IMAGES, "image": cells}, features=FEATURES)


@pytest.fixture
def folder(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "data").mkdir()
    rows.select(range(13)).to_parquet(tmp_path / "data" / "train-0.parquet", batch_size=5)
    rows.select(range(13, N_IMAGES)).to_parquet(tmp_path / "data" / "train-1.parquet", batch_size=10)
    return tmp_path / "data"


@pytest.mark.parametrize("bytes_held", [1, 5_000, 2**24])
def test_any_order_gives_the_bytes_that_datasets_gives(rows, folder, monkeypatch, bytes_held):
    monkeypatch.setattr(parquet, "_BYTES_HELD", bytes_held)
    images, theirs = load_images(folder), DatasetImages(rows)
    assert isinstance(images, ParquetImages)
    assert images.names == theirs.names
    assert images.names[3] == "n01440761_3.JPEG"
    for row in [*range(N_IMAGES), *np.random.default_rng(0).permutation(N_IMAGES).tolist(), -1, 4, 4]:
        assert images.encoded(row) == theirs.encoded(row)
    assert not (folder.parent / "cache").exists()
    with pytest.raises(IndexError):
        images.encoded(N_IMAGES)


def test_a_row_is_read_without_the_rest_of_its_group(tmp_path):
    noise = np.random.default_rng(0).bytes
    cells = [{"bytes": noise(2**17), "path": f"{row}.jpg"} for row in range(128)]
    rows = datasets.Dataset.from_dict({"image": cells}, features=datasets.Features({"image": datasets.Image()}))
    rows.to_parquet(tmp_path / "train.parquet", batch_size=128)
    images = ParquetImages([tmp_path / "train.parquet"])
    assert len(images.groups) == 1
    at_rest = pa.total_allocated_bytes()
    for row in (3, 70, 127):
        assert images.encoded(row)[0] == cells[row]["bytes"]
        assert 0 < pa.total_allocated_bytes() - at_rest < 6e6  # of 17 MB


@pytest.mark.skipif(os.name != "posix", reason="forks")
def test_worker_processes_read_for_themselves(rows, folder):
    images = load_images(folder)
    images.encoded(7)  # is open when they are forked
    order = np.random.default_rng(1).permutation(N_IMAGES).tolist()
    loader = DataLoader(images, 3, sampler=order, collate_fn=list, num_workers=2, multiprocessing_context="fork")
    for row, image in zip(order, (image for batch in loader for image in batch), strict=True):
        np.testing.assert_array_equal(np.asarray(image), np.asarray(photograph_of(rows, row)))
    assert pickle.loads(pickle.dumps(images)).encoded(9) == images.encoded(9)


def photograph_of(rows, row):
    return DatasetImages(rows)[row]


def test_the_fingerprint_is_of_what_the_files_hold(rows, folder):
    before = load_images(folder).fingerprint()
    os.utime(folder / "train-0.parquet", (0, 0))
    assert load_images(folder.rename(folder.parent / "moved")).fingerprint() == before
    folder = folder.parent / "moved"
    rows.select([*range(12), 3]).to_parquet(folder / "train-0.parquet", batch_size=5)
    assert load_images(folder).fingerprint() != before


def test_imagenet_in_parquet_is_found_by_the_released_names(rows, folder):
    images = open_imagenet(folder)
    assert images.rows_of(["n01440761_3.JPEG", "n01440760_0.JPEG"]).tolist() == [
        images.names.array.tolist().index(b"n01440761_3.JPEG"),
        0,
    ]
    np.testing.assert_array_equal(np.asarray(images[0]), np.asarray(photograph_of(rows, 0)))


def test_files_that_cannot_serve_are_named(folder, tmp_path):
    datasets.Dataset.from_dict({"x": [1]}).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"x\.parquet: no column of images; the data set has x"):
        load_images(tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"train-0\.parquet: column 'label' is not one of images"):
        load_images(folder, column="label")
    whole = (folder / "train-1.parquet").read_bytes()
    images = load_images(folder)
    (folder / "train-1.parquet").write_bytes(whole[:4] + bytes(len(whole) - 4))
    with pytest.raises(InputError, match=r"train-1\.parquet: not a Parquet file, or damaged"):
        images.encoded(N_IMAGES - 1)
    (folder / "train-1.parquet").write_bytes(whole[:100])
    with pytest.raises(InputError, match=r"train-1\.parquet: not a Parquet file, or damaged"):
        load_images(folder)
