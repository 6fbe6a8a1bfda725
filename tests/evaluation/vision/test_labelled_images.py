"""Labelled images from every kind of place, each with the same eight images of three classes."""

import datasets
import numpy as np
import pytest
from PIL import Image

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.image_spec import Spec
from alignet_hf.evaluation.vision.labelled_images import LabelledImages, open_labelled
from alignet_hf.evaluation.vision.labelled_sources import labelled_dataset, open_unlabelled

WNIDS = list(imagenet_classes())
RNG = np.random.default_rng(0)
OF_CLASS = {"ant": 3, "bee": 3, "cat": 2}


def photo(path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 256, (9, 8, 3), np.uint8)).save(path)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """train/ with three classes, val/ with two of them."""
    folder = tmp_path_factory.mktemp("zoo")
    for name, n in OF_CLASS.items():
        for number in range(n):
            photo(folder / "train" / name / f"{number}.png")
    for name in ("ant", "cat"):
        photo(folder / "val" / name / "0.png")
    return folder


def dataset_of(zoo, label_feature) -> datasets.Dataset:
    rows = [(path, path.parent.name) for path in sorted((zoo / "train").rglob("*.png"))]
    names = sorted(OF_CLASS)
    values = [names.index(name) if isinstance(label_feature, datasets.ClassLabel) else name for _, name in rows]
    columns = {"picture": [str(path) for path, _ in rows], "kind": values}
    return datasets.Dataset.from_dict(columns).cast(
        datasets.Features({"picture": datasets.Image(), "kind": label_feature})
    )


def assert_zoo(found: LabelledImages) -> None:
    assert found.classes == ("ant", "bee", "cat")
    assert np.bincount(found.labels).tolist() == [3, 3, 2]
    assert len(found.images) == 8
    assert found.images[0].size == (8, 9)


def test_folders_of_classes(zoo):
    assert_zoo(open_labelled(zoo / "train"))
    assert_zoo(open_labelled(f"{zoo},split=train"))
    validation = open_labelled(f"{zoo},split=validation", classes=("ant", "bee", "cat"))
    assert validation.labels.tolist() == [0, 2]
    with pytest.raises(InputError, match="say which with split="):
        open_labelled(zoo)
    with pytest.raises(InputError, match="no folder test in it; it has train, val"):
        open_labelled(f"{zoo},split=test")


def test_a_folder_tells_the_class_before_ids_in_names(tmp_path):
    for name in ("bird/n01514668_cock.jpg", "bird/n01530575_finch.jpg", "fish/n01440764_10.JPEG"):
        photo(tmp_path / "own" / name)
    found = open_labelled(tmp_path / "own")
    assert found.classes == ("bird", "fish")
    assert found.described == "3 images of 2 classes, told by the folders they lie in"
    assert open_labelled(f"{tmp_path / 'own'},classes=bird").described.startswith(
        "2 images of 1 class, told by the fold"
    )
    for number, wnid in enumerate(WNIDS[:3]):
        photo(tmp_path / "flat" / f"{wnid}_{number}.JPEG")
        photo(tmp_path / "imagenet" / "data" / "train" / wnid / f"{wnid}_{number}.JPEG")
    for name in ("flat", "imagenet"):
        found = open_labelled(tmp_path / name)
        assert found.classes == tuple(WNIDS[:3])
        assert found.described == "3 images of 3 classes, told by the WordNet ids in their names"
    photo(tmp_path / "flat" / "photo.jpg")
    with pytest.raises(InputError, match="lies in no folder of a class"):
        open_labelled(tmp_path / "flat")


def test_a_table_of_file_and_label(zoo):
    files = [path.relative_to(zoo).as_posix() for path in sorted((zoo / "train").rglob("*.png"))]
    table = zoo / "table.tsv"
    table.write_text("file\tlabel\n" + "".join(f"{name}\t{name.split('/')[1]}\n" for name in files))
    assert_zoo(open_labelled(table))
    table.write_text(f"{files[0]}\tant\n{files[1]}\n")
    with pytest.raises(InputError, match=r"table.tsv: line 2: 1 entries"):
        open_labelled(table)
    table.write_text("nowhere.png\tant\n")
    with pytest.raises(InputError, match=r"no such file: .*nowhere.png"):
        open_labelled(table)
    table.unlink()


def test_labels_in_a_file_of_their_own(zoo):
    labels = zoo / "labels.txt"
    labels.write_text("".join(f"{name}\n" for name, n in OF_CLASS.items() for _ in range(n)))
    assert_zoo(open_labelled(f"{zoo / 'train'},labels={labels}"))
    labels.write_text("ant\n")
    with pytest.raises(InputError, match="1 labels for 8 images"):
        open_labelled(f"{zoo / 'train'},labels={labels}")
    labels.unlink()


@pytest.mark.parametrize("feature", [datasets.ClassLabel(names=sorted(OF_CLASS)), datasets.Value("string")])
def test_a_data_set_in_memory_saved_and_as_parquet(zoo, tmp_path, feature):
    dataset = dataset_of(zoo, feature)
    spec = Spec("zoo", label="kind")
    assert_zoo(labelled_dataset(dataset, spec))
    order = np.random.default_rng(1).permutation(8)
    shuffled = labelled_dataset(dataset.select(order), spec)
    assert shuffled.labels.tolist() == labelled_dataset(dataset, spec).labels[order].tolist()
    assert np.array_equal(shuffled.images[3], labelled_dataset(dataset, spec).images[int(order[3])])

    datasets.DatasetDict({"train": dataset, "test": dataset}).save_to_disk(str(tmp_path / "saved"))
    assert_zoo(open_labelled(f"{tmp_path / 'saved'},split=test,label=kind"))
    with pytest.raises(InputError, match="no split dev; the data set has train, test"):
        open_labelled(f"{tmp_path / 'saved'},split=dev,label=kind")

    (tmp_path / "data").mkdir()
    dataset.to_parquet(tmp_path / "data" / "train-00000-of-00001.parquet")
    assert_zoo(open_labelled(f"{tmp_path / 'data'},split=train,image=picture,label=kind"))
    assert_zoo(open_labelled(f"{tmp_path / 'data' / 'train-00000-of-00001.parquet'},label=kind"))
    with pytest.raises(InputError, match=r"no column 'klass'; the data set has picture \(Image\), kind"):
        open_labelled(f"{tmp_path / 'data'},label=klass")


def test_a_column_of_labels_is_found_or_asked_for(zoo):
    dataset = dataset_of(zoo, datasets.ClassLabel(names=sorted(OF_CLASS)))
    assert_zoo(labelled_dataset(dataset))
    two = dataset.add_column("coarse", [0] * 8).cast_column("coarse", datasets.ClassLabel(names=["all"]))
    with pytest.raises(InputError, match=r"several columns of labels \(kind, coarse\); give label=COLUMN"):
        labelled_dataset(two)
    unlabelled = dataset.map(lambda row, number: {"kind": -1 if number == 5 else row["kind"]}, with_indices=True)
    with pytest.raises(InputError, match="row 5 has no label in kind"):
        labelled_dataset(unlabelled)


def test_the_1000_classes_of_a_hub_data_set_become_wordnet_ids(zoo):
    feature = datasets.ClassLabel(names=[f"{number}|{name}" for number, name in enumerate(imagenet_classes().values())])
    feature.names = list(imagenet_classes().values())  # two are called "crane", which the constructor refuses
    rows = sorted((zoo / "train").rglob("*.png"))[:2]
    columns = {"image": [str(path) for path in rows], "label": [7, 999]}
    dataset = datasets.Dataset.from_dict(columns).cast_column("image", datasets.Image())
    dataset.info.features["label"] = feature
    found = labelled_dataset(dataset)
    assert [found.classes[label] for label in found.labels] == [WNIDS[7], WNIDS[999]]


def test_imagenet_and_its_validation_set(tmp_path):
    for wnid in WNIDS[:2]:
        photo(tmp_path / "train" / wnid / f"{wnid}_7.JPEG")
    training = open_labelled(f"imagenet:{tmp_path}")
    assert training.classes == tuple(WNIDS[:2])
    names = [f"ILSVRC2012_val_{number:08d}" for number in (1, 2, 3)]
    labels = [WNIDS[1], WNIDS[0], WNIDS[1]]
    for name in names:
        photo(tmp_path / "val" / f"{name}.JPEG")
    with pytest.raises(InputError, match="give labels=FILE"):
        open_labelled(f"imagenet:{tmp_path},split=val")
    solution = "".join(f"{name},{label} 1 2 3 4 {label} 5 6 7 8\n" for name, label in zip(names, labels, strict=True))
    files = {
        "ids.txt": "".join(f"{label}\n" for label in labels),
        "caffe.txt": "".join(f"{name}.JPEG {WNIDS.index(label)}\n" for name, label in zip(names, labels, strict=True)),
        "solution.csv": f"ImageId,PredictionString\n{solution}",
    }
    for file, text in files.items():
        (tmp_path / file).write_text(text)
        found = open_labelled(f"imagenet:{tmp_path},split=val,labels={tmp_path / file}", classes=training.classes)
        assert found.labels.tolist() == [1, 0, 1], file
    (tmp_path / "devkit.txt").write_text("490\n361\n1000\n")
    with pytest.raises(InputError, match="those of ImageNet's devkit"):
        open_labelled(f"imagenet:{tmp_path},split=val,labels={tmp_path / 'devkit.txt'}")
    (tmp_path / "LOC_val_solution.csv").write_text(files["solution.csv"])  # found where Kaggle puts it
    assert open_labelled(f"imagenet:{tmp_path},split=val").labels.tolist() == [1, 0, 1]


def test_validation_photographs_in_class_folders_and_in_parquet(tmp_path):
    for number, wnid in enumerate(WNIDS[5:8]):
        photo(tmp_path / "a" / "val" / wnid / f"ILSVRC2012_val_{number:08d}.JPEG")
    assert open_labelled(f"imagenet:{tmp_path / 'a'},split=validation").classes == tuple(WNIDS[5:8])
    rows = {"image": [str(path) for path in sorted((tmp_path / "a").rglob("*.JPEG"))], "label": [5, 6, 7]}
    dataset = datasets.Dataset.from_dict(rows).cast_column("image", datasets.Image())
    (tmp_path / "b").mkdir()
    dataset.to_parquet(tmp_path / "b" / "validation-00000-of-00001.parquet")
    found = open_labelled(f"imagenet:{tmp_path / 'b'},split=val")
    assert [found.classes[label] for label in found.labels] == WNIDS[5:8]


def test_photographs_in_one_folder_tell_their_class_as_imagenet_does(tmp_path):
    for wnid in WNIDS[:3]:
        photo(tmp_path / f"{wnid}_a_fish.png")
    assert open_labelled(tmp_path).classes == tuple(WNIDS[:3])
    photo(tmp_path / "unknown.png")
    with pytest.raises(InputError, match=r"lies in no folder of a class"):
        open_labelled(tmp_path)


def test_images_whose_classes_do_not_matter(zoo, tmp_path):
    for split, n in (("train", 3), ("test", 2)):
        for number in range(n):
            photo(tmp_path / "folder" / split / "kind" / f"{number}.png")
        rows = {"picture": [str(path) for path in sorted((tmp_path / "folder" / split).rglob("*.png"))]}
        dataset = datasets.Dataset.from_dict(rows).cast_column("picture", datasets.Image())
        (tmp_path / "files").mkdir(exist_ok=True)
        dataset.to_parquet(tmp_path / "files" / f"{split}-00000-of-00001.parquet")
    for place, options in (("folder", ""), ("files", ",image=picture")):
        counts = [len(open_unlabelled(Spec.parse(f"{tmp_path / place}{of}{options}"))) for of in ("", ",split=test")]
        assert counts == [5, 2]
    assert len(open_unlabelled(Spec("objects92"))) == 92
    with pytest.raises(InputError, match="no folder val in it; it has test, train"):
        open_unlabelled(Spec(str(tmp_path / "folder"), split="val"))
    with pytest.raises(InputError, match="per-class= is not for images without classes"):
        open_unlabelled(Spec("objects92", per_class=3))


def test_a_subset_and_a_cap(zoo):
    some = open_labelled(f"{zoo},split=train,classes=cat+ant")
    assert some.classes == ("cat", "ant")
    assert np.bincount(some.labels).tolist() == [2, 3]
    assert {name.split("/")[0] for name in some.images.names} == {"cat", "ant"}
    capped = [open_labelled(f"{zoo},split=train,per-class=2", seed=seed) for seed in (0, 0, 1, 2, 3)]
    assert np.bincount(capped[0].labels).tolist() == [2, 2, 2]
    assert list(capped[0].images.names) == list(capped[1].images.names)
    assert len({tuple(one.images.names) for one in capped}) > 1
    with pytest.raises(InputError, match="no class 'dog'"):
        open_labelled(f"{zoo},split=train,classes=dog")
    with pytest.raises(InputError, match=r"0\.png is of class 'ant', which the training images do not have"):
        open_labelled(f"{zoo},split=val", classes=("bee",))


def test_a_division_by_seed_leaves_nothing_out_and_nothing_twice(zoo):
    whole = open_labelled(f"{zoo},split=train")
    first, second = whole.divided(0.6, seed=3)
    assert np.bincount(first.labels).tolist() == [2, 2, 1]
    assert sorted([*first.images.names, *second.images.names]) == sorted(whole.images.names)


def test_what_a_place_is_called(zoo):
    spec = Spec.parse("uoft-cs/cifar100,split=test,label=fine_label,per-class=5")
    assert (spec.place, spec.split, spec.label, spec.per_class) == ("uoft-cs/cifar100", "test", "fine_label", 5)
    assert Spec.parse(str(spec)) == spec
    odd = zoo / "a,b=c"
    photo(odd / "x" / "0.png")
    assert Spec.parse(str(odd)).place == str(odd)
    assert Spec.parse(f"{odd}").split is None
    for text, said in [
        ("x,lable=y", "lable= is no option; after the place come split=, image=, label="),
        ("x,split=", "split= has no value"),
        ("x,per-class=0", "give a number above 0"),
        ("/nowhere", "/nowhere: no such file or folder; give a folder of class folders"),
    ]:
        with pytest.raises(InputError, match=said):
            open_labelled(text)


def test_the_demos_photographs_by_kind():
    found = open_labelled("objects92")
    assert dict(zip(found.classes, np.bincount(found.labels).tolist(), strict=True)) == {
        "artificial_inanimate": 21,
        "human_bodypart": 12,
        "human_face": 12,
        "natural_inanimate": 23,
        "nonhuman_bodypart": 12,
        "nonhuman_face": 12,
    }
