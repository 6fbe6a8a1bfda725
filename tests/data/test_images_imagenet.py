"""ImageNet by the released triplets' file names: one order of rows, whatever the layout."""

import shutil

import numpy as np
import pytest
from photographs import encoded, photograph
from test_images_shards import index_folder, write_tar  # noqa: F401

from alignet_hf.data.images import load_images, open_imagenet
from alignet_hf.errors import InputError

NAMES = ["n01440764_10026.JPEG", "n01440764_9.JPEG", "n02084071_1.JPEG", "n02084071_20.JPEG"]
FILES = {name: encoded(photograph(seed=row)) for row, name in enumerate(NAMES)}


def write(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def by_class(prefix=""):
    return {f"{prefix}{name.split('_')[0]}/{name}": data for name, data in FILES.items()}


def in_tars(folder):
    for wnid in ("n01440764", "n02084071"):
        write_tar(folder / f"{wnid}.tar", {name: data for name, data in FILES.items() if name.startswith(wnid)})


def layout(kind, folder):
    other = {f"val/n02084071/{name}": data for name, data in FILES.items()} | {"test/ILSVRC_1.JPEG": b""}
    if kind == "train/wnid/file":
        write(folder, by_class("train/") | other)
    elif kind == "wnid/file":
        write(folder, by_class())
    elif kind == "flat":
        write(folder, dict(reversed(FILES.items())) | {"ILSVRC2012_val_00000001.JPEG": b""})
    elif kind == "kaggle":
        write(folder, by_class("ILSVRC/Data/CLS-LOC/train/") | {"ILSVRC/Data/CLS-LOC/val/ILSVRC_1.JPEG": b""})
    elif kind == "class tars":
        in_tars(folder / "train")
    elif kind == "tar of tars":
        in_tars(folder / "parts")
        parts = {path.name: path.read_bytes() for path in sorted((folder / "parts").iterdir(), reverse=True)}
        shutil.rmtree(folder / "parts")
        write_tar(folder / "ILSVRC2012_img_train.tar", parts)
        return folder / "ILSVRC2012_img_train.tar"
    elif kind == "shards":
        write_tar(folder / "train-000000.tar", {name: FILES[name] for name in (NAMES[2], NAMES[1])})
        write_tar(folder / "train-000001.tar", {name: FILES[name] for name in (NAMES[3], NAMES[0])})
    return folder


@pytest.mark.parametrize(
    "kind", ["train/wnid/file", "wnid/file", "flat", "kaggle", "class tars", "tar of tars", "shards"]
)
def test_every_layout_gives_the_same_rows(kind, tmp_path):
    images = load_images(f"imagenet:{layout(kind, tmp_path / 'imagenet')}")
    assert images.names == NAMES
    for row in range(4):
        image, expected = np.asarray(images[row]).astype(int), np.asarray(photograph(seed=row))
        assert np.abs(image - expected).mean() < 5
    triplet = [NAMES[3], NAMES[0], NAMES[2]]
    assert images.rows_of(triplet).tolist() == [3, 0, 2]
    assert images.rows_of([f"{name.split('_')[0]}/{name}" for name in triplet]).tolist() == [3, 0, 2]


def test_a_name_that_is_not_there_and_one_that_is_there_twice(tmp_path):
    folder = layout("wnid/file", tmp_path)
    with pytest.raises(InputError, match=r"1 of 2 names \(n09999999_1\.JPEG\) are not among the 4"):
        open_imagenet(folder).rows_of([NAMES[0], "n09999999_1.JPEG"])
    write(folder, {f"copies/{NAMES[1]}": FILES[NAMES[1]]})
    with pytest.raises(InputError, match=r"copies/n01440764_9\.JPEG and n01440764/n01440764_9\.JPEG are one"):
        open_imagenet(folder)


def test_a_folder_of_others_is_refused(tmp_path):
    write(tmp_path, {"a.jpg": b""})
    with pytest.raises(
        InputError, match=r"no photograph named as ImageNet's are \(n01440764_10026\.JPEG\); first: a\.jpg"
    ):
        open_imagenet(tmp_path)
    with pytest.raises(InputError, match="nowhere: no such folder"):
        load_images(f"imagenet:{tmp_path / 'nowhere'}")
