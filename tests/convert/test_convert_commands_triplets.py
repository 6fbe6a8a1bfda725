"""convert --triplets as a user calls it."""

import json

import numpy as np
import pytest

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.data.alignet import load_alignet

RNG = np.random.default_rng(0)


@pytest.fixture
def archive(tmp_path):
    names = np.array([f"{wnid}_{row}.JPEG" for row, wnid in enumerate(list(imagenet_classes())[:9])])
    indices = np.stack([RNG.permutation(9)[:3] for _ in range(20)])
    similarities = -np.sort(-RNG.normal(size=(20, 3)), axis=1)
    path = tmp_path / "alignet_valid.npz"
    np.savez_compressed(path, indices=indices, similarities=similarities, filenames=names[indices])
    return path


def test_a_data_set_with_its_card(call, archive, tmp_path):
    code, out, error = call("convert", "--triplets", archive, tmp_path / "out")
    assert (code, error) == (0, "")
    assert out == f"{tmp_path / 'out'}: split valid, 20 triplets\n"
    assert len(load_alignet(tmp_path / "out", "valid")) == 20
    assert (tmp_path / "out" / "README.md").is_file()
    code, out, _ = call("convert", archive, tmp_path / "out", "--triplets", "--json")  # there already
    assert code == 0
    assert json.loads(out)["splits"]["valid"]["source"] == "alignet_valid.npz"


def test_a_split_is_said_where_the_name_does_not_tell_it(call, archive, tmp_path):
    unnamed = archive.rename(tmp_path / "triplets.npz")
    code, _, error = call("convert", "--triplets", unnamed, tmp_path / "out")
    assert code == 2
    assert error.endswith("name it by --split\n")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert call("convert", "--triplets", unnamed, tmp_path / "out", "--split", "train")[0] == 0


@pytest.mark.parametrize(
    "options", [("--as", "siglip"), ("--to", "timm"), ("--force",), ("--verify", "objects92"), ("--image-size", "224")]
)
def test_options_of_checkpoints_are_refused(call, archive, tmp_path, options):
    code, _, error = call("convert", "--triplets", archive, tmp_path / "out", *options)
    assert (code, error) == (2, f"alignet-hf: {options[0]} is of checkpoints; leave it out, or --triplets\n")
    assert not (tmp_path / "out").exists()


def test_a_split_is_no_checkpoint_s(call, tmp_path):
    code, _, error = call("convert", "model.npz", tmp_path / "out", "--split", "train")
    assert code == 2
    assert "--split is of --triplets" in error


@pytest.mark.parametrize("content", [None, b"something else"], ids=["missing", "no archive"])
def test_a_bad_archive_is_one_line_and_leaves_nothing(call, tmp_path, content):
    if content is not None:
        (tmp_path / "alignet_train.npz").write_bytes(content)
    before = sorted(tmp_path.iterdir())
    code, out, error = call("convert", "--triplets", tmp_path / "alignet_train.npz", tmp_path / "out")
    assert (code, out) == (2, "")
    assert "alignet_train.npz" in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
