"""Released-like activations and labels give the triplets that our own embeddings give, however they are laid out."""

import json

import numpy as np
import pytest
import torch

from alignet_hf.convert import array_file, teacher
from alignet_hf.convert.teacher import convert_activations, convert_clusters, convert_teacher
from alignet_hf.data.alignet import load_alignet
from alignet_hf.errors import InputError
from alignet_hf.surrogate.cluster import Clusters, cluster_embeddings
from alignet_hf.surrogate.embeddings import Embeddings

RNG = np.random.default_rng(0)
ARRAY = (10 * RNG.normal(size=(5, 6))[np.arange(80) % 5] + RNG.normal(size=(80, 6))).astype(np.float16)
NAMES = np.array([f"n{1440764 + row % 7:08}_{row}.JPEG" for row in range(80)])
LABELS = RNG.integers(0, 5, 80)
PLACES = RNG.permutation(80)  # where each row of a shuffled file belongs


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(teacher, "_ROWS_PER_BLOCK", 7)
    monkeypatch.setattr(array_file, "_BYTES_AT_ONCE", 100)


def written(path, save=np.savez_compressed, **arrays):
    save(path, **arrays)
    return path


def shuffled(*arrays):
    """Rows such that row r belongs to PLACES[r]."""
    return [array[PLACES] for array in arrays]


def bfloat16(array):
    return torch.from_numpy(array.astype(np.float32)).bfloat16().view(torch.int16).numpy().view("V2")


@pytest.mark.parametrize(
    ("dress", "dtype", "expected"),
    [
        (np.ascontiguousarray, None, ARRAY),
        (np.asfortranarray, None, ARRAY),
        (lambda array: array.astype(np.float32), None, ARRAY.astype(np.float32)),
        (lambda array: array.astype(">f4"), None, ARRAY.astype(np.float32)),
        (lambda array: array.astype(np.float64), None, ARRAY.astype(np.float32)),
        (lambda array: array.astype(np.float64), "float16", ARRAY),
        (bfloat16, "float32", torch.from_numpy(ARRAY).float().bfloat16().float().numpy()),
    ],
)
@pytest.mark.parametrize("kind", ["npy", "npz", "deflated"])
def test_activations_of_any_layout(tmp_path, kind, dress, dtype, expected):
    path = tmp_path / ("a.npy" if kind == "npy" else "a.npz")
    if kind == "npy":
        np.save(path, dress(ARRAY))
    else:
        (np.savez if kind == "npz" else np.savez_compressed)(path, activations=dress(ARRAY), filenames=NAMES)
    found = convert_activations(path, tmp_path / "out", dtype=dtype, model="SigLIP So400m")
    np.testing.assert_array_equal(found.array, expected)
    assert found.dtype == expected.dtype
    assert found.names == (None if kind == "npy" else NAMES.tolist())
    assert {"source": path.name, "model": "SigLIP So400m"}.items() <= found.metadata.items()
    assert isinstance(found.array.base, np.memmap)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.md",
        "config.json",
        "embeddings.safetensors",
    ]


def test_rows_go_where_their_indices_say(tmp_path):
    rows, names = shuffled(ARRAY, NAMES)
    path = written(tmp_path / "a.npz", features=rows, filenames=names, indices=PLACES)
    found = convert_activations(path, tmp_path / "out")
    np.testing.assert_array_equal(found.array, ARRAY)
    assert found.names == NAMES.tolist()


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({}, "assumed, as the authors do not say it"),
        ({"filenames": NAMES}, "own names"),
        ({"indices": PLACES}, "own indices"),
    ],
)
def test_the_card_says_where_rows_come_from_and_what_is_assumed(tmp_path, arrays, said):
    convert_activations(written(tmp_path / "a.npz", features=ARRAY, **arrays), tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    assert "| given as | what AligNet's authors released of their teacher" in text
    (row,) = (line for line in text.splitlines() if line.startswith("| rows |"))
    assert said in row


def test_what_float16_cannot_hold_is_said(tmp_path):
    np.save(tmp_path / "a.npy", np.full((9, 3), 1e6, np.float32))
    with pytest.raises(InputError, match=r"a\.npy: row 0 is not finite, as float16"):
        convert_activations(tmp_path / "a.npy", tmp_path / "out", dtype="float16")


def test_names_may_be_given(tmp_path):
    np.save(tmp_path / "a.npy", ARRAY)
    assert convert_activations(tmp_path / "a.npy", tmp_path / "out", names=NAMES).names == NAMES.tolist()
    with pytest.raises(InputError, match=r"^79 names for the 80 rows of .*a\.npy; give each row one"):
        convert_activations(tmp_path / "a.npy", tmp_path / "out", names=NAMES[1:])


@pytest.mark.parametrize("how", ["in order", "by index", "by name", "npy", "other numbers"])
def test_labels_are_of_their_images(tmp_path, how):
    embeddings = Embeddings(ARRAY, NAMES.tolist())
    labels, names = shuffled(LABELS, NAMES)
    path = tmp_path / ("l.npy" if how == "npy" else "l.npz")
    match how:
        case "npy":
            np.save(path, LABELS.astype(np.int16))
        case "in order":
            written(path, cluster_labels=LABELS)
        case "other numbers":
            written(path, labels=3 * LABELS + 1)
        case "by index":
            written(path, clusters=labels, indices=PLACES)
        case "by name":
            written(path, assignments=labels, filenames=names)
    found = convert_clusters(path, tmp_path / "out", embeddings)
    np.testing.assert_array_equal(found.labels, LABELS)
    again = Clusters.from_pretrained(tmp_path / "out")
    np.testing.assert_array_equal(again.labels, LABELS)
    assert (again.n_clusters, again.metadata["source"]) == (5, path.name)
    means = np.stack([ARRAY[label == LABELS].astype(np.float64).mean(0) for label in range(5)])
    np.testing.assert_allclose(again.centroids, means, rtol=1e-6)
    np.testing.assert_allclose(again.inertia, ((ARRAY.astype(np.float64) - means[LABELS]) ** 2).sum(), rtol=1e-9)


def succeed(call, *arguments) -> dict:
    code, out, err = call(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_triplets_are_those_of_our_own_embeddings_and_clusters(call, tmp_path):
    ours = Embeddings(ARRAY, NAMES.tolist())
    ours.save_pretrained(tmp_path / "ours")
    clusters = cluster_embeddings(ours, 5, 1, n_init=3, output=tmp_path / "our-clusters")
    rows, names, labels = shuffled(ARRAY, NAMES, clusters.labels)
    released = written(tmp_path / "a.npz", activations=rows, filenames=names, indices=PLACES)
    of_clusters = written(tmp_path / "l.npz", labels=labels, filenames=names)
    convert_teacher(released, tmp_path / "released", of_clusters)
    for embeddings, found, out in (
        (tmp_path / "ours", tmp_path / "our-clusters", tmp_path / "our-triplets"),
        (tmp_path / "released/teacher", tmp_path / "released/clusters", tmp_path / "their-triplets"),
    ):
        succeed(call, "triplets", embeddings, out, "-n", 300, "--clusters", found)
    found, expected = (load_alignet(tmp_path / f"{whose}-triplets")[:] for whose in ("their", "our"))
    assert found == expected


def test_the_command(call, tmp_path):
    np.save(tmp_path / "a.npy", ARRAY)
    np.save(tmp_path / "l.npy", LABELS)
    (tmp_path / "names.txt").write_text("\n".join(NAMES) + "\n")
    options = ("--clusters", tmp_path / "l.npy", "--names", tmp_path / "names.txt", "--dtype", "float32")
    said = succeed(call, "convert", "--activations", tmp_path / "a.npy", tmp_path / "out", *options)
    assert said == {"output": str(tmp_path / "out"), "images": 80, "dimensions": 6, "clusters": 5}
    embeddings = Embeddings.from_pretrained(tmp_path / "out/teacher")
    assert (embeddings.names, embeddings.dtype) == (NAMES.tolist(), np.float32)
    np.testing.assert_array_equal(Clusters.from_pretrained(tmp_path / "out/clusters").labels, LABELS)
    for wrong, line in (
        (("--activations", "--triplets"), "--triplets and --activations: SOURCE is one of them"),
        (("--activations", "--image-size", 32), "--image-size is of checkpoints; leave it out, or --activations"),
        (("--activations", "--split", "x"), "--split is of --triplets"),
        (("--activations", "--push", "me/x"), "--push: push the folders one by one"),
        (("--triplets", "--dtype", "float16"), "--dtype is of --activations; leave it out"),
    ):
        code, _, err = call("convert", tmp_path / "a.npy", tmp_path / "new", *wrong)
        assert (code, err.startswith(f"alignet-hf: {line}"), err.count("\n")) == (2, True, 1), err
    np.save(tmp_path / "a.npy", ARRAY[0])
    code, _, err = call("convert", "--activations", tmp_path / "a.npy", tmp_path / "new")
    assert (code, err.count("\n")) == (2, 1)
    assert "a.npy: no activations" in err


def test_a_failure_leaves_nothing_or_what_was_there(call, tmp_path):
    np.save(tmp_path / "a.npy", ARRAY)
    (tmp_path / "short.txt").write_text("\n".join(NAMES[1:]))
    np.save(tmp_path / "short.npy", LABELS[1:])
    np.save(tmp_path / "negative.npy", LABELS - 1)
    before = sorted(tmp_path.iterdir())
    for options, said in (
        (
            ("--names", tmp_path / "short.txt"),
            f"{tmp_path}/short.txt: 79 names for the 80 rows of {tmp_path}/a.npy; give",
        ),
        (
            ("--clusters", tmp_path / "short.npy"),
            f"{tmp_path}/short.npy: labels of 79 images, but {tmp_path}/a.npy has 80",
        ),
        (("--clusters", tmp_path / "negative.npy"), f"{tmp_path}/negative.npy: row "),
    ):
        code, out, error = call("convert", "--activations", tmp_path / "a.npy", tmp_path / "out", *options)
        assert (code, out, error.count("\n")) == (2, "", 1)
        assert error.startswith(f"alignet-hf: {said}")
        assert sorted(tmp_path.iterdir()) == before
    earlier, _ = convert_teacher(tmp_path / "a.npy", tmp_path / "out")
    (tmp_path / "out" / "teacher" / "thesis.tex").write_text("mine")
    there = sorted((tmp_path / "out").rglob("*"))
    np.save(tmp_path / "b.npy", ARRAY + 1)
    with pytest.raises(InputError, match="labels count from 0"):
        convert_teacher(tmp_path / "b.npy", tmp_path / "out", tmp_path / "negative.npy")
    assert sorted((tmp_path / "out").rglob("*")) == there
    np.testing.assert_array_equal(Embeddings.from_pretrained(tmp_path / "out" / "teacher").array, earlier.array)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"activations": ARRAY[0]},
            r"no activations, \(N, D\) floats, or several .*; it holds activations float16 \(6,\)",
        ),
        ({"a": ARRAY, "b": ARRAY}, "none called activations or embeddings or features or representations; it holds a"),
        ({"activations": ARRAY.astype(object)}, "an array of Python objects"),
        ({"activations": np.where(np.arange(80)[:, None] == 30, np.nan, ARRAY)}, "row 30 is not finite"),
        ({"activations": ARRAY, "indices": PLACES // 2}, "indices: expected each of 0 to 79 once"),
        ({"activations": ARRAY, "filenames": NAMES[1:]}, "filenames: expected 80 strings"),
        ({"activations": ARRAY, "filenames": LABELS}, "filenames: expected 80 strings, got int64"),
    ],
)
def test_bad_activations_are_named(tmp_path, arrays, message):
    path = written(tmp_path / "a.npz", np.savez, **arrays)
    with pytest.raises(InputError, match=rf"a\.npz: .*{message}"):
        convert_activations(path, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"labels": LABELS * 1.0}, r"no labels, \(N,\) whole numbers"),
        ({"labels": LABELS[1:]}, "labels of 79 images, but there are 80 embeddings"),
        ({"labels": LABELS - 1}, r"row \d+ has the label -1; labels count from 0"),
        ({"labels": LABELS, "filenames": np.roll(NAMES, 1).astype("U4")}, "80 of 80 names"),
    ],
)
def test_bad_labels_are_named(tmp_path, arrays, message):
    path = written(tmp_path / "l.npz", **arrays)
    with pytest.raises(InputError, match=rf"l\.npz: .*{message}"):
        convert_clusters(path, tmp_path / "out", Embeddings(ARRAY, NAMES.tolist()))
    assert not list((tmp_path / "out").iterdir())


def test_a_damaged_file_is_named(tmp_path):
    path = written(tmp_path / "a.npz", activations=ARRAY)
    for damaged in (path.read_bytes()[:200], b"", b"PK"):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"a\.npz: cannot be read"):
            convert_activations(path, tmp_path / "out")
    np.save(tmp_path / "b.npy", ARRAY)
    whole = (tmp_path / "b.npy").read_bytes()
    for damaged in (whole[:-10], whole[:40], b"nothing"):
        (tmp_path / "b.npy").write_bytes(damaged)
        with pytest.raises(InputError, match=r"b\.npy: cannot be read"):
            convert_activations(tmp_path / "b.npy", tmp_path / "out")
    with pytest.raises(InputError, match=r"none\.npy: cannot be read"):
        convert_activations(tmp_path / "none.npy", tmp_path / "out")
