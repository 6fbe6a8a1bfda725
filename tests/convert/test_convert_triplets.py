"""Released archives become data sets: every row and label, killed anywhere, and on every kind of image source."""

import io
import tarfile

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset
from huggingface_hub import DatasetCard
from PIL import Image

import alignet_hf.convert.triplets as module
from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.convert.triplets import convert_triplets
from alignet_hf.data import released_triplets
from alignet_hf.data.alignet import load_alignet, save_alignet
from alignet_hf.data.images import load_images
from alignet_hf.data.triplet_images import triplets_on
from alignet_hf.errors import FullDiskError, InputError

RNG = np.random.default_rng(0)
WNIDS = list(imagenet_classes())
CLASSES = RNG.integers(0, 1000, 12)
NAMES = np.array([f"{WNIDS[label]}_{10 * row}.JPEG" for row, label in enumerate(CLASSES)])
INDICES = np.stack([RNG.permutation(12)[:3] for _ in range(60)])
SIMILARITIES = -np.sort(-RNG.normal(size=(60, 3)), axis=1)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    for place in (module, released_triplets):
        monkeypatch.setattr(place, "ROWS_PER_BLOCK", 4)
    monkeypatch.setattr(module, "_BLOCKS_PER_PART", 3)


def archive(path, rows=slice(None), **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    indices = INDICES[rows]
    whole = {"indices": indices, "similarities": SIMILARITIES[rows], "filenames": NAMES[indices], **arrays}
    np.savez_compressed(path, **{name: array for name, array in whole.items() if array is not None})
    return path


@pytest.fixture
def train(tmp_path):
    return archive(tmp_path / "alignet_train.npz")


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_both_splits_in_one_folder(train, tmp_path):
    valid = archive(tmp_path / "alignet_valid.npz", slice(10))
    folder = convert_triplets(train, tmp_path / "out", progress=False)
    convert_triplets(valid, tmp_path / "out", progress=False)
    assert sorted(files_of(folder)) == ["README.md", "train.parquet", "valid.parquet"]
    for split, n_rows in (("train", 60), ("valid", 10)):
        found = load_alignet(folder, split).with_format("numpy")[:]
        np.testing.assert_array_equal(found["indices"], INDICES[:n_rows])
        np.testing.assert_array_equal(found["similarities"], SIMILARITIES[:n_rows].astype(np.float32))
        np.testing.assert_array_equal(np.array(found["filenames"]), NAMES[INDICES[:n_rows]])
        np.testing.assert_array_equal(found["labels"], CLASSES[INDICES[:n_rows]])
    label = load_alignet(folder).features["labels"].feature
    assert isinstance(label, ClassLabel)
    assert label.names == WNIDS == sorted(WNIDS)
    assert convert_triplets([valid, train], tmp_path / "both", progress=False) == tmp_path / "both"
    assert files_of(tmp_path / "both") == files_of(folder)
    assert DatasetCard.load(folder / "README.md").data.license == "cc-by-4.0"


def test_labels_survive_saving(train, tmp_path):
    loaded = load_alignet(convert_triplets(train, tmp_path / "out", progress=False))
    again = load_alignet(save_alignet(loaded, tmp_path / "again"))
    assert again.features == loaded.features
    assert again[:] == loaded[:]


@pytest.mark.parametrize(
    ("name", "split", "facts"),
    [
        ("alignet_train", "train", {"sampling": "cluster-boundary", "n_clusters": 500, "aligned": True}),
        ("alignet_valid", "valid", {"sampling": "cluster-boundary", "n_clusters": 500, "aligned": True}),
        ("uncertainty_distillation/train_class_border", "train", {"sampling": "class-boundary", "aligned": True}),
        (
            "untransformed/valid_cluster_border_500",
            "valid",
            {"sampling": "cluster-boundary", "n_clusters": 500, "aligned": False},
        ),
        ("untransformed/train_between_class", "train", {"sampling": "between-class", "aligned": False}),
    ],
)
def test_what_a_released_name_tells(tmp_path, name, split, facts):
    folder = convert_triplets(archive(tmp_path / f"{name}.npz", slice(3)), tmp_path / "out", progress=False)
    there = module.facts_of(folder)[split]
    told = {key: there[key] for key in ("sampling", "n_clusters", "aligned") if key in there}
    assert told == facts
    assert there["teacher"] == "SigLIP So400m, 384 px"
    assert "| known | by its name: " in (folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("alignet_bad_train", None),
        ("alignet_test", None),
        ("my_train_class_border", None),
        ("untransformed/mine_class_border", None),
        ("elsewhere/train_within_class", "train"),
    ],
)
def test_another_name_makes_no_data_the_authors(tmp_path, name, split):
    path = archive(tmp_path / f"{name}.npz", slice(3))
    if split is None:
        with pytest.raises(InputError, match="its name does not tell the split"):
            convert_triplets(path, tmp_path / "out", progress=False)
    folder = convert_triplets(path, tmp_path / "out", split or "valid", progress=False)
    assert set(module.facts_of(folder)[split or "valid"]) == {"triplets", "source", "sha256"}
    card = DatasetCard.load(folder / "README.md")
    assert card.data.license is None
    assert "SigLIP" not in card.content
    assert f'load_alignet(".", "{split or "valid"}")' in card.content


def test_what_the_caller_tells_comes_first(tmp_path):
    path = archive(tmp_path / "mine.npz", slice(3))
    with pytest.raises(InputError, match=r"mine\.npz: its name does not tell the split"):
        convert_triplets(path, tmp_path / "out")
    folder = convert_triplets(path, tmp_path / "out", "test", teacher="mine", progress=False)
    assert {"source": "mine.npz", "teacher": "mine"}.items() <= module.facts_of(folder)["test"].items()
    released = archive(tmp_path / "alignet_valid.npz", slice(3))
    convert_triplets(released, tmp_path / "out", "other", aligned=False, progress=False)
    assert module.facts_of(folder)["other"]["aligned"] is False
    for split, message in (("a/b", "no name for one"), ("x", "there are 2")):
        with pytest.raises(InputError, match=message):
            convert_triplets([path, released] if split == "x" else path, tmp_path / "new", split)
    with pytest.raises(InputError, match="a second archive of the split 'valid'"):
        convert_triplets([released, released], tmp_path / "new")
    assert not (tmp_path / "new").exists()


class Stop(BaseException):
    """As a kill is: nothing of ours catches it."""


def stop_at(monkeypatch, place, name, n_calls):
    """The call of that number ends everything, before it does anything."""
    real, calls = getattr(place, name), []

    def counting(*arguments, **options):
        calls.append(name)
        if len(calls) == n_calls:
            raise Stop
        return real(*arguments, **options)

    monkeypatch.setattr(place, name, counting)
    return calls


@pytest.mark.parametrize(
    ("place", "name", "n_calls", "blocks_again"),
    [
        (module.RowCheck, "__call__", 1, 15),
        (module.RowCheck, "__call__", 5, 12),  # in the second part: the first is kept
        (module.RowCheck, "__call__", 15, 3),
        (module, "save_blocks", 1, 0),
        (module.RowCheck, "__call__", 20, 0),  # the checks of what is saved
        (module.shutil, "rmtree", 2, 0),  # of the parts, once all is there
    ],
)
def test_killed_it_goes_on_and_ends_the_same(train, tmp_path, monkeypatch, place, name, n_calls, blocks_again):
    whole = files_of(convert_triplets(train, tmp_path / "whole", progress=False))
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        stop_at(patch, place, name, n_calls)
        with pytest.raises(Stop):
            convert_triplets(train, out, progress=False)
    labelled = stop_at(monkeypatch, module._Labelling, "__call__", 0)
    convert_triplets(train, out, progress=False)
    assert files_of(out) == whole
    assert len(labelled) == blocks_again


def test_parts_of_another_archive_are_not_gone_on_with(train, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at(patch, module.RowCheck, "__call__", 14)
        with pytest.raises(Stop):
            convert_triplets(train, tmp_path / "out", progress=False)
    archive(train, slice(None, None, -1))
    convert_triplets(train, tmp_path / "out", progress=False)
    np.testing.assert_array_equal(load_alignet(tmp_path / "out").with_format("numpy")["indices"][:], INDICES[::-1])


def test_a_split_that_is_there(train, tmp_path):
    folder = convert_triplets(train, tmp_path / "out", progress=False)
    made = (folder / "train.parquet").stat().st_mtime_ns
    convert_triplets(train, folder, progress=False)
    assert (folder / "train.parquet").stat().st_mtime_ns == made
    convert_triplets(train, folder, license="mit", progress=False)  # the same rows, another fact
    assert module.facts_of(folder)["train"]["license"] == "mit"
    other = archive(tmp_path / "untransformed" / "train_class_border.npz", slice(5))
    with pytest.raises(InputError, match=r"has a split 'train' already, of alignet_train\.npz; give another folder"):
        convert_triplets(other, folder, progress=False)


def test_a_full_disk_keeps_what_is_done(train, tmp_path, monkeypatch):
    def full(*_, **__):
        raise FullDiskError("out: cannot be written")

    with monkeypatch.context() as patch:
        patch.setattr(module, "save_blocks", full)
        with pytest.raises(FullDiskError):
            convert_triplets(train, tmp_path / "out", progress=False)
    assert len(list((tmp_path / "out" / ".train.parts").glob("*.arrow"))) == 5
    convert_triplets(train, tmp_path / "out", progress=False)
    assert sorted(files_of(tmp_path / "out")) == ["README.md", "train.parquet"]


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({"similarities": SIMILARITIES[:, ::-1]}, {}, "in 60 of 60 rows the last item is not the odd one out"),
        ({"indices": np.where(INDICES == 11, -1, INDICES)}, {}, r"alignet_train\.npz: indices: row \d+"),
        ({"filenames": None}, {"labels": True}, "labels come from file names, and the archive has none"),
        (
            {"filenames": np.where(INDICES[30, 1] == INDICES, "n00000000_1.JPEG", NAMES[INDICES])},
            {"labels": True},
            r"filenames: row \d+ has 'n00000000_1\.JPEG', which tells none of ImageNet's classes",
        ),
    ],
)
def test_bad_rows_leave_nothing_behind(tmp_path, arrays, options, message):
    path = archive(tmp_path / "alignet_train.npz", **arrays)
    with pytest.raises(InputError, match=message):
        convert_triplets(path, tmp_path / "out", progress=False, **options)
    assert not list((tmp_path / "out").glob("*"))
    assert not list((tmp_path / "out").glob(".*.parts"))


def test_a_few_rows_that_disagree_are_said(tmp_path):
    similarities = SIMILARITIES.copy()
    similarities[[30, 31, 58]] = [0, 0, 1]
    path = archive(tmp_path / "alignet_train.npz", similarities=similarities)
    with pytest.warns(UserWarning, match=r"^\S*alignet_train\.npz: in 3 of 60 rows .* row 30 .*\[0\.0, 0\.0, 1"):
        folder = convert_triplets(path, tmp_path / "out", progress=False)
    assert pq.read_metadata(folder / "train.parquet").num_rows == 60


def test_without_names_or_with_others_there_are_no_labels(tmp_path):
    for number, filenames in enumerate((None, np.array([f"{row}.jpg" for row in range(12)])[INDICES])):
        path = archive(tmp_path / f"{number}.npz", filenames=filenames)
        loaded = load_alignet(convert_triplets(path, tmp_path / f"out{number}", "train", progress=False))
        expected = ["indices", "similarities"] if filenames is None else ["indices", "similarities", "filenames"]
        assert loaded.column_names == expected
    path = archive(tmp_path / "alignet_train.npz")
    assert "labels" not in load_alignet(convert_triplets(path, tmp_path / "out", labels=False)).column_names


# On an ImageNet, however it lies on disk


def colour(name):
    """Every photograph has one, which JPEG keeps to within a few levels."""
    row = list(NAMES).index(name)
    return (row % 3 * 100, row // 3 % 2 * 200, row // 6 * 200)


def jpeg(name):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour(name)).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def imagenet(kind, folder):
    """The twelve photographs in an order of their own -> what `load_images` opens."""
    folder.mkdir()
    shuffled = [str(NAMES[row]) for row in np.random.default_rng(1).permutation(12)]
    if kind == "tar":
        with tarfile.open(folder / "train-0.tar", "w") as tar:
            for name in shuffled:
                member = tarfile.TarInfo(f"{name[:9]}/{name}")
                member.size = len(jpeg(name))
                tar.addfile(member, io.BytesIO(jpeg(name)))
        return folder / "train-0.tar"
    if kind == "parquet":  # as ImageNet is on the Hub
        images = [{"bytes": jpeg(name), "path": f"{name[:-5]}_{name[:9]}.JPEG"} for name in shuffled]
        rows = {"image": images, "label": [WNIDS.index(name[:9]) for name in shuffled]}
        features = datasets.Features({"image": datasets.Image(), "label": ClassLabel(names=WNIDS)})
        Dataset.from_dict(rows, features=features).to_parquet(folder / "train.parquet")
        return folder / "train.parquet"
    for name in shuffled:
        place = folder / "train" / name[:9] / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(jpeg(name))
    (folder / "list.txt").write_text("\n".join(f"train/{name[:9]}/{name}" for name in shuffled))
    return {"folder": folder / "train", "imagenet": f"imagenet:{folder}", "list": folder / "list.txt"}[kind]


@pytest.mark.parametrize("kind", ["folder", "list", "tar", "imagenet", "parquet"])
def test_on_an_imagenet_of_any_kind(kind, train, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    loaded = load_alignet(convert_triplets(train, tmp_path / "out", progress=False))
    images = load_images(imagenet(kind, tmp_path / "imagenet"))
    found = np.array(triplets_on(loaded, images).with_format("numpy")["indices"][:])
    for names, rows in zip(NAMES[INDICES], found, strict=True):
        for name, row in zip(names, rows, strict=True):
            pixels = np.asarray(images[int(row)]).astype(int)
            assert np.abs(pixels - colour(name)).max() < 30
