"""The command `vice`: what it prints, and what it leaves behind."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from alignet_hf.surrogate.vice import Vice

N = 18
RNG = np.random.default_rng(0)


def people(n, n_objects=N):
    """Choices of people who see three kinds of objects, the odd one last."""
    triplets = np.argsort(RNG.random((n, n_objects)), 1)[:, :3]
    for row in triplets:
        kinds = (row % 3).tolist()
        odd = next((place for place, kind in enumerate(kinds) if kinds.count(kind) == 1), 2)
        row[[odd, 2]] = row[[2, odd]]
    return triplets


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("things")
    np.savetxt(folder / "trainset.txt", people(1500), "%d")
    np.savetxt(folder / "validationset.txt", people(200), "%d")
    names = "\n".join(f"thing{row}" for row in range(N))
    (folder / "concepts.tsv").write_text(f"concept\n{names}\n")
    return folder


QUICK = ["--max-epochs", 40, "--init-dim", 5, "--batch-size", 128, "--learning-rate", 0.05]


def test_a_folder_of_things_in_words(call, folder, tmp_path):
    code, out, error = call("vice", folder, tmp_path, *QUICK)
    assert code == 0, error
    how, sentence, last = out.splitlines()
    assert how == f"held out: 200 choices, the validation split of {folder}"
    held_out = np.loadtxt(folder / "validationset.txt", dtype=int)
    posterior = Vice.from_pretrained(tmp_path)
    assert sentence == str(posterior.odd_one_out_accuracy(held_out))
    assert sentence.startswith("odd-one-out accuracy 0.")
    assert "95 % interval" in sentence
    assert last == f"{tmp_path}: dimensions {len(posterior.dimensions)}"
    assert posterior.metadata["n_triplets"] == 1500
    with Image.open(tmp_path / "dimensions.png") as picture:
        assert min(picture.size) > 300


def test_seeds_as_json(call, folder, tmp_path):
    code, out, error = call("vice", folder / "trainset.txt", tmp_path, "--seeds", "3,4", "--json", *QUICK)
    assert code == 0, error
    found = json.loads(out)
    assert error.splitlines()[0] == found["held_out"]
    assert re.fullmatch(r"held out: 15\d of 1500 choices, drawn at random with seed 3", found["held_out"])
    accuracy = found["odd_one_out_accuracy"]
    assert accuracy["low"] <= accuracy["estimate"] <= accuracy["high"]
    assert accuracy["estimate"] > 0.6
    assert len(found["accuracy_by_seed"]) == 2
    assert found["accuracy_by_seed"][0] == pytest.approx(accuracy["estimate"], abs=0.05)
    assert 0 <= found["reproducibility"] <= 1


def test_fits_without_dimensions(call, tmp_path):
    np.savetxt(tmp_path / "choices.txt", people(1500, 12), "%d")  # four objects of a kind: a dimension needs five
    code, out, error = call("vice", tmp_path / "choices.txt", tmp_path / "out", "--seeds", "0,1", "--json", *QUICK)
    assert code == 0, error
    found = json.loads(out, parse_constant=pytest.fail)  # NaN is not JSON
    assert found["dimensions"] == 0
    assert "reproducibility" not in found
    assert not (tmp_path / "out" / "dimensions.png").exists()


def test_nothing_is_held_out(call, folder, tmp_path):
    code, out, error = call("vice", folder / "trainset.txt", tmp_path, "--validation", 0, "--json", *QUICK)
    assert code == 0, error
    assert set(json.loads(out)) == {"output", "dimensions"}
    assert Vice.from_pretrained(tmp_path).metadata["n_validation"] == 0


def test_the_odd_one_s_column(call, folder, tmp_path):
    choices = np.loadtxt(folder / "trainset.txt", dtype=int)
    np.savetxt(tmp_path / "odd_first.txt", choices[:, [2, 0, 1]], "%d")
    for file, column in ((folder / "trainset.txt", 2), (tmp_path / "odd_first.txt", 0)):
        out = tmp_path / str(column)
        assert call("vice", file, out, "--odd-column", column, *QUICK)[0] == 0
    a, b = (Vice.from_pretrained(tmp_path / column).mean for column in ("0", "2"))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--odd-column", 3], "odd_column is 3; the odd one is in column 0, 1 or 2"),
        (["--validation", 0.2], "has a validation split of its own; leave the option out"),
        (["--seeds", "1,x"], "--seeds 1,x: give one whole number"),
        (["--concepts", "table.tsv"], "--concepts goes with --images"),
    ],
)
def test_bad_input_is_one_line(call, folder, tmp_path, arguments, message):
    code, out, error = call("vice", folder, tmp_path / "out", *arguments)
    assert (code, out) == (2, "")
    assert message in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()
