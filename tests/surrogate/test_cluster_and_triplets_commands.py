"""The commands `cluster` and `triplets`: their options, their files, and that the second goes on from the first."""

import json

import numpy as np
import pytest
from PIL import Image

from alignet_hf.data.alignet import load_alignet, save_alignet, triplet_dataset
from alignet_hf.errors import InputError
from alignet_hf.surrogate.cluster import Clusters, cluster_embeddings
from alignet_hf.surrogate.embeddings import Embeddings
from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation

RNG = np.random.default_rng(0)
TRUTH = np.repeat(np.arange(5), 16)
ARRAY = (10 * RNG.normal(size=(5, 6))[TRUTH] + RNG.normal(size=(80, 6))).astype(np.float16)
NAMES = [f"{row}.jpg" for row in range(80)]


@pytest.fixture
def teacher(tmp_path):
    return Embeddings(ARRAY, NAMES).save_pretrained(tmp_path / "teacher")


@pytest.fixture
def ud(tmp_path):
    weight, bias = RNG.normal(size=(6, 6)).astype(np.float32), RNG.normal(size=6).astype(np.float32)
    return UncertaintyDistillation(weight, bias, 0.5, 3.0).save_pretrained(tmp_path / "ud")


def succeed(call, *arguments) -> dict:
    code, out, err = call(*arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_every_option_of_cluster_is_heeded(call, teacher, tmp_path):
    options = ("--n-clusters", 4, "--n-init", 3, "--n-iter", 7, "--sample", 50, "--seed", 2)
    said = succeed(call, "cluster", teacher, tmp_path / "out", *options)
    clusters = Clusters.from_pretrained(tmp_path / "out")
    expected = {"n_clusters": 4, "inertia": said["inertia"], "seed": 2, "n_init": 3, "n_iter": 7, "sample": 50}
    assert clusters.metadata == expected
    visible = sorted(path.name for path in (tmp_path / "out").glob("[!.]*"))
    assert visible == ["README.md", "clusters.safetensors", "config.json"]
    code, _, err = call("cluster", teacher, tmp_path / "wrong", "--n-clusters", 4, "--sample", 3)
    assert code == 2
    assert not (tmp_path / "wrong").exists()
    assert err == "alignet-hf: sample: 4 clusters cannot be learnt from 3 points; sample more\n"


def test_elbow_leaves_its_curve(call, teacher, tmp_path):
    said = succeed(call, "cluster", teacher, tmp_path / "out", "--n-clusters", "elbow")
    assert said["clusters"] == Clusters.from_pretrained(tmp_path / "out").n_clusters
    with Image.open(tmp_path / "out" / "elbow.png") as figure:
        assert figure.format == "PNG"
        assert len(np.unique(np.asarray(figure))) > 50


def test_triplets_of_the_aligned_teacher(call, teacher, ud, tmp_path):
    succeed(call, "cluster", teacher, tmp_path / "clusters", "--transform", ud, "--n-clusters", 5, "--n-init", 5)
    options = ("--clusters", tmp_path / "clusters", "--transform", ud, "-n", 200)
    for out in ("triplets", "again"):
        succeed(call, "triplets", teacher, tmp_path / out, *options)
    assert (tmp_path / "triplets/train.parquet").read_bytes() == (tmp_path / "again/train.parquet").read_bytes()
    rows = load_alignet(tmp_path / "triplets").with_format("numpy")[:]
    aligned = UncertaintyDistillation.from_pretrained(ud).transform(ARRAY)
    i, j, k = (aligned[rows["indices"][:, position]] for position in range(3))
    expected = np.stack([(i * j).sum(1), (i * k).sum(1), (j * k).sum(1)], 1)
    np.testing.assert_allclose(rows["similarities"], expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(rows["filenames"], np.array(NAMES)[rows["indices"]])
    labels = np.sort(Clusters.from_pretrained(tmp_path / "clusters").labels[rows["indices"]], axis=1)
    assert ((labels[:, 0] == labels[:, 1]) ^ (labels[:, 1] == labels[:, 2])).all()
    assert "| sampling | cluster-boundary |" in (tmp_path / "triplets/README.md").read_text()


def test_clusters_of_some_rows_are_those_of_an_array_of_them(tmp_path):
    kept = np.setdiff1d(np.arange(80), [0, 33, 79])
    array = ARRAY.astype(np.float32)
    expected = cluster_embeddings(array[kept], 5, 3)
    array[[0, 33, 79]] = np.nan
    embeddings = Embeddings(array, NAMES, dict.fromkeys([0, 33, 79], "bad"))
    found = cluster_embeddings(embeddings, 5, 3, rows=kept, output=tmp_path / "out")
    np.testing.assert_array_equal(found.labels[kept], expected.labels)
    assert (found.labels[[0, 33, 79]] == -1).all()
    assert (found.inertia, found.metadata["left_out"]) == (expected.inertia, 3)
    np.testing.assert_array_equal(Clusters.from_pretrained(tmp_path / "out").labels, found.labels)
    with pytest.raises(InputError, match="row 33 is empty: bad"):
        cluster_embeddings(embeddings, 5, 3, rows=np.append(kept, 33))


def test_clusters_of_other_embeddings_are_refused(call, teacher, tmp_path):
    labels = np.arange(80, dtype=np.int32) % 4
    for name, wrong, message in (
        ("fewer", labels[:79], "clusters of 79 embeddings, not of these 80; cluster anew"),
        ("gaps", np.where(labels == 2, -1, labels), "image 2 has an embedding, but was left out of the clusters"),
    ):
        Clusters(wrong.astype(np.int32), np.zeros((4, 6), np.float32)).save_pretrained(tmp_path / name)
        code, _, err = call("triplets", teacher, tmp_path / "out", "-n", 5, "--clusters", tmp_path / name)
        assert code == 2
        assert err.startswith(f"alignet-hf: {tmp_path / name}: ")
        assert message in err


NOT_OURS = "is there already, and not of this run; remove it or use another folder\n"


def contents(folder) -> dict:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize("command", ["cluster", "triplets", "align"])
def test_a_folder_of_something_else_is_left_alone(call, teacher, tmp_path, command):
    (tmp_path / "mine").mkdir()
    for name in ("config.json", "README.md", "photo.png"):
        (tmp_path / "mine" / name).write_text("mine")
    np.savetxt(tmp_path / "choices.txt", [[0, 1, 20], [2, 3, 40]], "%d")
    arguments = {
        "cluster": (teacher, "OUT", "--n-clusters", 4),
        "triplets": (teacher, "OUT", "-n", 10, "--strategy", "random"),
        "align": (teacher, tmp_path / "choices.txt", "OUT", "--epochs", 1),
    }[command]
    for folder in (tmp_path / "mine", teacher):
        before = contents(folder)
        for force in ((), ("--force",)):
            given = (folder if word == "OUT" else word for word in arguments)
            code, out, err = call(command, *given, *force)
            assert (code, out) == (2, "")
            assert err == f"alignet-hf: {folder}: {NOT_OURS}"
        assert contents(folder) == before


def test_what_other_inputs_made_is_refused_and_named_unless_it_is_forced(call, teacher, tmp_path):
    clusters, out = tmp_path / "clusters", tmp_path / "triplets"
    succeed(call, "cluster", teacher, clusters, "--n-clusters", "elbow")
    before = contents(clusters)
    succeed(call, "cluster", teacher, clusters, "--n-clusters", "elbow")  # the same
    assert contents(clusters) == before
    code, _, err = call("cluster", teacher, clusters, "--n-clusters", 5)
    assert code == 2
    assert "holds what `cluster` made from other inputs (n_clusters: elbow, now 5); --force replaces it" in err
    assert contents(clusters) == before

    sampling = ("triplets", teacher, out, "-n", 60, "--clusters", clusters)
    for _ in range(2):
        succeed(call, *sampling)
    assert succeed(call, "cluster", teacher, clusters, "--n-clusters", 5, "--force")["clusters"] == 5
    assert not (clusters / "elbow.png").exists()
    code, _, err = call(*sampling)
    assert code == 2
    assert "made from other inputs (clusters); --force" in err
    code, _, err = call(*sampling[:4], 70, *sampling[5:], "--force")
    assert code == 0
    assert "made from other inputs (n: 60, now 70; clusters), which is replaced" in err
    assert len(load_alignet(out)) == 70


def test_a_split_beside_others_stays_and_one_of_python_s_is_replaced_if_it_is_forced(call, teacher, tmp_path):
    save_alignet(triplet_dataset(np.array([[0, 1, 2]]), np.ones((1, 3))), tmp_path / "out", "validation")
    sampling = ("triplets", teacher, tmp_path / "out", "-n", 60, "--strategy", "random")
    succeed(call, *sampling)
    assert len(load_alignet(tmp_path / "out", "validation")) == 1
    (tmp_path / "out" / ".made_from.json").unlink()
    code, _, err = call(*sampling)
    assert code == 2
    assert "(which, is not recorded); --force replaces it" in err
    succeed(call, *sampling, "--force")


def test_options_that_failed_can_be_others(call, teacher, tmp_path):
    (tmp_path / "out").mkdir()
    assert call("cluster", teacher, tmp_path / "out", "--n-clusters", 81)[0] == 2
    succeed(call, "cluster", teacher, tmp_path / "out", "--n-clusters", 4)


def test_triplets_by_the_classes_that_names_tell(call, teacher, tmp_path):
    """The rows that sample_triplets draws by these classes, where the clusters would have others."""
    classes = np.arange(80) % 4
    names = [f"n{wnid:08}_{row}.JPEG" for row, wnid in enumerate(classes)]
    named = Embeddings(ARRAY, names).save_pretrained(tmp_path / "named")
    options = ("-n", 200, "--seed", 3, "--strategy", "class-boundary")
    succeed(call, "triplets", named, tmp_path / "triplets", *options)
    i, j, k = classes[load_alignet(tmp_path / "triplets").with_format("numpy")[:]["indices"]].T
    assert ((i == j).astype(int) + (i == k) + (j == k) == 1).all()
    assert "| sampling | class-boundary |" in (tmp_path / "triplets/README.md").read_text()
    succeed(call, "cluster", teacher, tmp_path / "clusters", "--n-clusters", 5)
    for embeddings, given, message in (
        (named, ("--clusters", tmp_path / "clusters"), "class-boundary samples by the classes that names tell; leave"),
        (teacher, (), "0.jpg: its name tells no class; name photographs as ImageNet does"),
    ):
        code, _, err = call("triplets", embeddings, tmp_path / "out", *options, *given)
        assert (code, err.count("\n")) == (2, 1)
        assert message in err
    code, _, err = call("triplets", teacher, tmp_path / "out", "-n", 5, "--strategy", "within-class")
    assert (code, "only random and class-boundary do without" in err) == (2, True)
    assert not (tmp_path / "out" / "train.parquet").exists()
