"""Triplet data sets between here and the Hub, ours and those of `datasets` itself."""

import datasets
import numpy as np
import pytest
from huggingface_hub import DatasetCard

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.convert.triplets import convert_triplets
from alignet_hf.data.alignet import load_alignet, push_alignet, save_alignet, triplet_dataset
from alignet_hf.errors import HubError, InputError

NAME = "alignet/triplets"
INDICES = np.array([[0, 1, 2], [3, 1, 0], [2, 3, 1]], np.int32)
SIMILARITIES = np.array([[0.9, 0.1, 0.2], [3, 3, 1], [-1, -2, -3]], np.float32)


@pytest.fixture
def dataset():
    return triplet_dataset(INDICES, SIMILARITIES, ["a.jpg", "b.jpg", "c.jpg", "d.jpg"])


@pytest.fixture
def of_datasets(small_hub, monkeypatch):
    """`datasets` talks to the small Hub too, logged in."""
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", small_hub.url)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", small_hub.home / "datasets")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", small_hub.token)


def test_a_data_set(small_hub, dataset):
    url = push_alignet(dataset, NAME, split="valid", token=small_hub.token, sampling="random")
    assert url.startswith(f"{small_hub.url}/datasets/{NAME}/commit/")
    loaded = load_alignet(NAME, "valid")
    assert loaded[:] == dataset[:]
    assert loaded.features == dataset.features
    assert set(small_hub.files(NAME, "dataset")) == {".gitattributes", "README.md", "valid.parquet"}
    assert b"| sampling | random |" in small_hub.files(NAME, "dataset")["README.md"]
    with pytest.raises(InputError, match=r"alignet/triplets: no split 'train'.*; splits there: valid"):
        load_alignet(NAME)


def test_the_released_triplets_with_their_labels(small_hub, tmp_path):
    names = np.array([f"{wnid}_{row}.JPEG" for row, wnid in enumerate(list(imagenet_classes())[5:9])])
    np.savez(tmp_path / "alignet_valid.npz", indices=INDICES, similarities=SIMILARITIES, filenames=names[INDICES])
    folder = convert_triplets(tmp_path / "alignet_valid.npz", tmp_path / "t", progress=False)
    push_alignet(folder, NAME, token=small_hub.token)
    loaded, expected = load_alignet(NAME, "valid"), load_alignet(folder, "valid")
    assert loaded.features == expected.features
    assert loaded[:] == expected[:]
    assert DatasetCard(small_hub.files(NAME, "dataset")["README.md"].decode()).data.license == "cc-by-4.0"


def test_a_folder_with_all_its_splits_is_one_commit(small_hub, dataset, tmp_path):
    save_alignet(dataset, tmp_path / "t", "train")
    save_alignet(dataset.select([1]), tmp_path / "t", "valid")
    push_alignet(tmp_path / "t", NAME, private=True, revision="v1", commit_message="Both", token=small_hub.token)
    assert small_hub.commits(NAME, "dataset", "v1") == ["Both", "initial commit"]
    assert len(load_alignet(NAME, "valid", revision="v1", token=small_hub.token)) == 1
    asked = [path for method, path in small_hub.requests if method == "GET"]
    assert not any(path.endswith("train.parquet") for path in asked)  # the split that is not asked for stays there
    with pytest.raises(HubError, match="no such repository, or a private one"):
        load_alignet(NAME, revision="v1", token=False)
    small_hub.stop()
    assert len(load_alignet(NAME, "valid", revision="v1", local_files_only=True)) == 1


def test_triplets_that_are_none_are_not_pushed(small_hub, dataset, tmp_path):
    with pytest.raises(InputError, match="expected three indices"):
        push_alignet(datasets.Dataset.from_dict({"x": [1]}), NAME, token=small_hub.token)
    save_alignet(dataset, tmp_path / "t")
    (tmp_path / "t" / "valid.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"valid\.parquet: not a Parquet file"):
        push_alignet(tmp_path / "t", NAME, token=small_hub.token)
    assert not small_hub.requests


@pytest.mark.usefixtures("of_datasets")
def test_datasets_reads_ours(small_hub, dataset, tmp_path):
    save_alignet(dataset, tmp_path / "t", "train")
    save_alignet(dataset.select([1]), tmp_path / "t", "valid")
    push_alignet(tmp_path / "t", NAME)
    loaded = datasets.load_dataset(NAME, cache_dir=tmp_path / "cache")
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 3, "valid": 1}
    assert loaded["train"][:] == dataset[:]
    assert loaded["train"].features == dataset.features


@pytest.mark.usefixtures("of_datasets")
def test_we_read_what_datasets_pushed(small_hub, dataset):
    dataset.push_to_hub(NAME, num_shards=2)
    dataset.select([0]).push_to_hub(NAME, split="valid")
    assert "data/train-00001-of-00002.parquet" in small_hub.files(NAME, "dataset")
    assert load_alignet(NAME)[:] == dataset[:]
    assert len(load_alignet(NAME, "valid")) == 1
    with pytest.raises(InputError, match="splits there: train, valid"):
        load_alignet(NAME, "test")


def test_a_split_pushed_later_leaves_the_first_in_the_card(small_hub):
    rows = triplet_dataset(np.array([[0, 1, 2], [3, 4, 5]]), np.array([[3.0, 2.0, 1.0], [3.0, 1.0, 2.0]]))
    push_alignet(rows, "alignet/two", split="train", token=small_hub.token, teacher="someone", license="cc-by-4.0")
    push_alignet(rows.select([0]), "alignet/two", split="validation", token=small_hub.token, license="cc-by-4.0")
    data = DatasetCard(small_hub.files("alignet/two", "dataset")["README.md"].decode()).data
    splits = [file["split"] for config in data.configs for file in config["data_files"]]
    assert splits == ["train", "validation"]
    assert data.license == "cc-by-4.0"
    assert len(load_alignet("alignet/two", "train")) == 2
    assert len(load_alignet("alignet/two", "validation")) == 1
