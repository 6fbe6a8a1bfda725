"""Images in tar files: found once, read by place, in any process; damage named."""

import io
import os
import pickle
import tarfile

import numpy as np
import pytest
from photographs import encoded, photograph
from torch.utils.data import DataLoader

from alignet_hf.data.images import TarImages, load_images, open_image, shards
from alignet_hf.errors import InputError


@pytest.fixture(autouse=True)
def index_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "INDEX_FOLDER", tmp_path / "hf-home" / "shards")
    return shards.INDEX_FOLDER


def write_tar(path, members, mode="w"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def sample(number):
    """A sample as WebDataset writes it."""
    image = encoded(photograph(seed=number), "PNG")
    return {f"{number:04d}.png": image, f"{number:04d}.cls": b"7", f"{number:04d}.json": b"{}"}


@pytest.fixture
def folder(tmp_path):
    for shard in range(3):
        members = {key: value for number in range(2) for key, value in sample(2 * shard + number).items()}
        write_tar(tmp_path / "data" / f"shard-{shard:06d}.tar", {**members, "._hidden.png": b"", "notes.txt": b"x"})
    return tmp_path / "data"


def test_all_images_in_order_by_row_and_by_name(folder):
    images = load_images(folder)
    assert isinstance(images, TarImages)
    assert images.names[:3] == ["shard-000000.tar/0000.png", "shard-000000.tar/0001.png", "shard-000001.tar/0002.png"]
    assert len(images) == 6
    for row in (5, 0, 3, -1):
        np.testing.assert_array_equal(np.asarray(images[row]), np.asarray(photograph(seed=row % 6)))
    assert images.row_of("shard-000001.tar/0003.png") == images.row_of("0003.png") == 3
    assert images.rows_of(["0005.png", "0000.png"]).tolist() == [5, 0]
    with pytest.raises(InputError, match=r"1 of 2 names \(0009\.png\) are not among the 6 images"):
        images.rows_of(["0001.png", "0009.png"])


def test_shards_by_braces_and_by_one_name(folder):
    assert load_images(f"{folder}/shard-{{000001..000002}}.tar").names[0] == "shard-000001.tar/0002.png"
    assert len(load_images(folder / "shard-000002.tar")) == 2
    with pytest.raises(InputError, match=r"shard-000003\.tar: no such shard; 2 of 5 are missing"):
        load_images(f"{folder}/shard-{{000000..000004}}.tar")
    with pytest.raises(InputError, match=r"\*\.tar: \* and \? are not understood; give the shards' folder"):
        load_images(folder / "*.tar")
    with pytest.raises(InputError, match=r"none\.tar: no such shard"):
        load_images(folder / "none.tar")


def test_the_places_are_found_once(folder, index_folder, monkeypatch):
    before = load_images(folder)
    assert len(list(index_folder.glob("*.npz"))) == 3
    monkeypatch.setattr(shards.tarfile, "open", lambda *args, **kwargs: pytest.fail("a shard is read again"))
    again = load_images(folder)
    assert again.names == before.names
    assert again.fingerprint() == before.fingerprint()


def test_a_changed_shard_or_a_damaged_index_is_found_anew(folder, index_folder):
    before = load_images(folder).fingerprint()
    write_tar(folder / "shard-000000.tar", sample(9))
    changed = load_images(folder)
    assert changed.names[0] == "shard-000000.tar/0009.png"
    assert changed.fingerprint() != before
    for kept in index_folder.glob("*.npz"):
        kept.write_bytes(b"PK damaged")
    assert load_images(folder).names == changed.names


def test_an_index_that_cannot_be_kept_is_no_error(folder, index_folder):
    index_folder.parent.write_text("no folder can be made here")
    assert len(load_images(folder)) == 6


def test_a_tar_of_tars(tmp_path):
    inner = write_tar(tmp_path / "n01.tar", sample(1)).read_bytes()
    outer = write_tar(tmp_path / "outer" / "all.tar", {"n01.tar": inner, "./x.png": sample(2)["0002.png"]})
    images = load_images(outer)
    assert images.names == ["all.tar/n01.tar/0001.png", "all.tar/x.png"]
    for row in range(2):
        np.testing.assert_array_equal(np.asarray(images[row]), np.asarray(photograph(seed=row + 1)))


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_worker_processes_share_no_place_in_a_file(folder, context):
    if context == "fork" and os.name != "posix":
        pytest.skip("no fork here")
    images = load_images(folder)
    assert len(pickle.dumps(images)) < 5_000
    n_workers = 2 if context == "fork" else 1  # a spawned one takes seconds to start
    loader = DataLoader(range(6), 1, collate_fn=_Mean(images), num_workers=n_workers, multiprocessing_context=context)
    assert list(loader) == [np.asarray(photograph(seed=row)).mean() for row in range(6)]


class _Mean:
    def __init__(self, images):
        self.images = images

    def __call__(self, rows):
        return np.asarray(self.images[rows[0]]).mean()


def test_damage_is_named(folder, tmp_path):
    whole = (folder / "shard-000001.tar").read_bytes()
    start = TarImages([folder / "shard-000001.tar"]).offsets[1]
    header = start - tarfile.BLOCKSIZE
    damaged = {
        "cut.tar": whole[: len(whole) // 3],
        "empty.tar": b"",
        "text.tar": b"not a tar file",
        "header.tar": whole[:header] + b"\xff" * tarfile.BLOCKSIZE + whole[header + tarfile.BLOCKSIZE :],
    }
    for name, data in damaged.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=rf"{name}: not a whole, uncompressed tar file"):
            load_images(tmp_path / name)
    with pytest.raises(InputError, match=r"x\.tar: not a whole, uncompressed tar"):
        load_images(write_tar(tmp_path / "x.tar", sample(1), "w:gz"))
    with pytest.raises(InputError, match=r"none\.tar: no image in 1 tar files"):
        load_images(write_tar(tmp_path / "none.tar", {"a.txt": b""}))
    images = load_images(write_tar(tmp_path / "bad.tar", {"a.jpg": b"junk"}))
    with pytest.raises(InputError, match=r"bad\.tar/a\.jpg: the image cannot be decoded"):
        images[0]
    (tmp_path / "bad.tar").unlink()
    with pytest.raises(InputError, match=r"bad\.tar: the shard cannot be read"):
        images[0]


def test_bytes_are_the_members(folder):
    images = load_images(folder)
    data, name = images.encoded(2)
    assert data == sample(2)["0002.png"]
    assert name.endswith("data/shard-000001.tar/0002.png")
    np.testing.assert_array_equal(np.asarray(open_image(data)), np.asarray(images[2]))
