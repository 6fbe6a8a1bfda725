"""The variants' layouts, with the labels that a loop over the files gives."""

import json

import numpy as np
import pytest
from photographs import encoded, photograph

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.corruptions import CORRUPTIONS, SEVERITIES
from alignet_hf.evaluation.vision.imagenet_variants import (
    corrupt_images,
    open_imagenet_a,
    open_imagenet_c,
    open_imagenet_r,
    open_imagenet_v2,
    read_real,
)
from alignet_hf.evaluation.vision.labelled_images import LabelledImages

WNIDS = list(imagenet_classes())
JPEG = encoded(photograph(8, 8))


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(JPEG)
    return folder


def classes_of(data):
    return {name: data.classes[label] for name, label in zip(data.images.names, data.labels, strict=True)}


def test_v2s_folders_are_numbers_of_classes_not_words(tmp_path):
    """As words, 10 comes before 2; and torchvision's ImageFolder would give 10 the number 2."""
    folder = write(tmp_path, *(f"{number}/{number}.jpeg" for number in (0, 1, 2, 10, 100, 999)), "2/other.jpeg")
    found = classes_of(open_imagenet_v2(folder))
    assert found == {
        "0/0.jpeg": WNIDS[0],
        "1/1.jpeg": WNIDS[1],
        "2/2.jpeg": WNIDS[2],
        "2/other.jpeg": WNIDS[2],
        "10/10.jpeg": WNIDS[10],
        "100/100.jpeg": WNIDS[100],
        "999/999.jpeg": WNIDS[999],
    }
    all_of_them = write(tmp_path / "all", *(f"{number}/x.jpeg" for number in range(1000)))
    assert open_imagenet_v2(all_of_them).classes == tuple(WNIDS)


@pytest.mark.parametrize("name", ["1000/x.jpeg", "n01440764/x.jpeg", "x.jpeg", "-1/x.jpeg"])
def test_a_folder_of_v2_that_is_no_number_is_named(tmp_path, name):
    with pytest.raises(InputError, match=rf"{name} lies in no folder named by a class's number, 0 to 999"):
        open_imagenet_v2(write(tmp_path, name))


@pytest.mark.parametrize("opened", [open_imagenet_a, open_imagenet_r])
def test_a_and_r_have_their_200_classes(tmp_path, opened):
    some = WNIDS[3::5]
    names = [f"{wnid}/{row} _ 0.9.jpg" for wnid in some for row in range(2)]
    folder = write(tmp_path, *names)
    (folder / "README.txt").write_text("ImageNet-A")
    found = opened(folder)
    assert found.classes == tuple(some)
    assert classes_of(found) == {name: name.split("/")[0] for name in names}
    (folder / names[0]).unlink()
    (folder / names[1]).unlink()
    with pytest.raises(InputError, match="images of 199 classes, where ImageNet-A and R have 200 each"):
        opened(folder)
    write(folder, "birds/x.jpg")
    with pytest.raises(InputError, match=r"birds/x\.jpg lies in no folder named by a class of ImageNet"):
        opened(folder)


@pytest.mark.parametrize("groups", [False, True])
def test_c_is_read_corruption_by_corruption(tmp_path, groups):
    names = [f"{WNIDS[row]}/ILSVRC2012_val_{row:08}.JPEG" for row in (5, 7)]
    for place, corruption in enumerate(CORRUPTIONS):
        where = tmp_path / f"group{place % 4}" if groups else tmp_path
        for severity in SEVERITIES:
            write(where / corruption / str(severity), *names)
    write(tmp_path / "extra" / "spatter" / "1", *names)  # of the validation corruptions, which no mean has
    sets = dict(open_imagenet_c(tmp_path))
    assert list(sets) == [
        f"imagenet-c/{corruption}/{severity}" for corruption in CORRUPTIONS for severity in SEVERITIES
    ]
    for data in sets.values():
        assert list(data.images.names) == names
        assert data.classes == (WNIDS[5], WNIDS[7])
    path = sets["imagenet-c/fog/3"].images.path(0)
    assert path.relative_to(tmp_path).parts[-4:-2] == ("fog", "3")


def test_a_missing_severity_is_named_before_any_image_is_read(tmp_path):
    for corruption in CORRUPTIONS:
        for severity in SEVERITIES:
            (tmp_path / corruption / str(severity)).mkdir(parents=True)
    (tmp_path / "snow" / "5").rmdir()
    with pytest.raises(InputError, match="snow/5: no such folder"):
        open_imagenet_c(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        open_imagenet_c(tmp_path / "absent")


def test_any_images_are_corrupted_in_the_place_of_c():
    pytest.importorskip("imagecorruptions", reason="corruptions are made by imagecorruptions-imaug")
    from alignet_hf.data.images.sources import ArrayImages

    pixels = np.stack([np.asarray(photograph(40, 40, seed)) for seed in range(2)])
    data = LabelledImages(ArrayImages(pixels, ["a.png", "b.png"]), np.array([1, 0]), ("cat", "dog"))
    sets = dict(corrupt_images(data, seed=3))
    assert len(sets) == 75
    fog = sets["imagenet-c/fog/3"]
    assert (fog.images.corruption, fog.images.severity, fog.images.seed) == ("fog", 3, 3)
    assert classes_of(fog) == {"a.png": "dog", "b.png": "cat"}
    assert fog.images[0].size == (224, 224)


def test_reals_labels_are_found_by_the_images_number(tmp_path):
    rng = np.random.default_rng(0)
    listed = [rng.choice(1000, rng.integers(0, 4), replace=False).tolist() for _ in range(50_000)]
    path = tmp_path / "real.json"
    path.write_text(json.dumps(listed))
    numbers = [50_000, 1, 293, 17]
    names = [f"{WNIDS[3]}/ILSVRC2012_val_{number:08}.JPEG" for number in numbers[:3]]
    names.append("ILSVRC2012_val_00000017_n01751748.JPEG")  # as in the Hub's Parquet files
    found = read_real(path, names)
    for number, shown in zip(numbers, found, strict=True):
        assert shown == tuple(WNIDS[one] for one in listed[number - 1])


def test_what_is_no_real_is_named(tmp_path):
    path = tmp_path / "real.json"
    path.write_text("[[1], [2]]")
    with pytest.raises(InputError, match=r"real\.json: a list of 2, where real\.json is a list of 50000"):
        read_real(path, [])
    path.write_text("{}")
    with pytest.raises(InputError, match=r"real\.json: a dict"):
        read_real(path, [])
    path.write_text("[")
    with pytest.raises(InputError, match=r"real\.json: cannot be read as JSON"):
        read_real(path, [])
    path.write_text(json.dumps([[1000]] + [[]] * 49_999))
    with pytest.raises(InputError, match=r"entry 0 is \[1000\]; it must be a list of 0 to 999"):
        read_real(path, ["ILSVRC2012_val_00000001.JPEG"])
    with pytest.raises(InputError, match=r"n01440764_1\.JPEG: no validation image of ImageNet by its name"):
        read_real(path, ["n01440764_1.JPEG"])
