"""The commands about people: VICE, the UD experiment, an encoder's scores on choices, matrices, THINGS and Levels."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from backbones import tiny_backbone
from transformers import BitImageProcessorPil

from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.demo import objects92
from alignet_hf.pipeline import open_images
from alignet_hf.surrogate.embeddings import Embeddings
from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation
from alignet_hf.surrogate.vice import Vice

sys.path.insert(0, str(Path(__file__).parent / "data"))
from simulated_levels import simulated_trials, write_simulated, write_simulated_design


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Twenty photographs, people's choices of them, and a tiny encoder."""
    folder = tmp_path_factory.mktemp("people")
    (folder / "images").mkdir()
    rows = np.arange(0, 80, 4)
    for row in rows:
        open_images("objects92")[int(row)].save(folder / "images" / f"{row:02d}.png")
    people = objects92.people()[:, rows][:, :, rows]
    np.savez(folder / "people.npz", rdms=people)
    triplets, probabilities = Dissimilarities(people).choices(np.arange(20))
    np.savetxt(folder / "triplets.txt", triplets, "%d")
    np.save(folder / "probabilities.npy", probabilities)
    (folder / "names.txt").write_text("\n".join(f"{row:02d}.png" for row in rows) + "\n")
    for seed, name in enumerate(("encoder", "other")):
        tiny_backbone("dinov2", seed=seed).save_pretrained(folder / name)
        BitImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False).save_pretrained(folder / name)
    return folder


def test_vice_from_the_command_line(call, data, tmp_path):
    arguments = ["vice", data / "triplets.txt", tmp_path / "vice", "--seeds", "0,1", "--names", data / "names.txt"]
    arguments += ["--images", data / "images", "--max-epochs", 60, "--init-dim", 6, "--json"]
    code, out, error = call(*arguments)
    assert code == 0, error
    found = json.loads(out)
    posterior = Vice.from_pretrained(tmp_path / "vice")
    assert found["dimensions"] == posterior.embedding.shape[1] > 0
    assert found["odd_one_out_accuracy"]["estimate"] > 0.5
    assert 0 <= found["reproducibility"] <= 1
    assert (tmp_path / "vice" / "dimensions.png").stat().st_size > 10_000


@pytest.fixture(scope="module")
def embedded(data):
    rows = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    Embeddings(rows, [f"{row:02d}.png" for row in range(20)]).save_pretrained(data / "embeddings")
    return data / "embeddings"


def test_the_ud_experiment_from_the_command_line(call, data, embedded, tmp_path):
    arguments = ["align", embedded, data / "triplets.txt", tmp_path / "ud", "--cross-validate"]
    code, out, error = call(*arguments, "--labels", "hard", "--folds", 2, "--epochs", 3, "--neighbours", 3, "--json")
    assert code == 0, error
    found = json.loads(out)
    assert found["labels"] == "hard"
    transform = UncertaintyDistillation.from_pretrained(tmp_path / "ud")
    assert transform.metadata["regularization"] == found["regularization"]
    assert {path.name for path in (tmp_path / "ud" / "cross-validation").iterdir()} == {
        "experiment.json",
        "experiment.csv",
        "trade_off.png",
        "reliability.png",
    }


def test_given_probabilities_go_through_the_same_experiment(call, data, embedded, tmp_path):
    arguments = ["align", embedded, data / "triplets.txt", tmp_path / "ud", "--cross-validate", "--folds", 2]
    arguments += ["--epochs", 3, "--neighbours", 3, "--probabilities", data / "probabilities.npy"]
    code, out, error = call(*arguments)
    assert code == 0, error
    for words in ("given soft labels", "3 neighbours kept", "calibration error", "labels given"):
        assert words in out
    saved = json.loads((tmp_path / "ud" / "cross-validation" / "experiment.json").read_text())
    assert {setting["labels"] for setting in saved["settings"]} == {"given"}
    transform = UncertaintyDistillation.from_pretrained(tmp_path / "ud")
    assert transform.metadata["alignment"] == "soft"
    choices, soft = np.loadtxt(data / "triplets.txt", int), np.load(data / "probabilities.npy")
    by_hand = UncertaintyDistillation.fit(
        Embeddings.from_pretrained(embedded),
        choices,
        soft,
        regularization=saved["chosen"]["regularization"],
        seed=0,
        max_epochs=3,
    )
    np.testing.assert_array_equal(transform.weight, by_hand.weight)


@pytest.mark.parametrize("odd_column", [0, 1])
def test_the_odd_column_of_choices_and_of_their_probabilities(call, data, embedded, tmp_path, odd_column):
    """The same answers, the odd one in another column: the numbers are those of the pairs of the file's columns."""
    choices, soft = np.loadtxt(data / "triplets.txt", int), np.load(data / "probabilities.npy")
    order = {0: [2, 0, 1], 1: [0, 2, 1]}[odd_column]
    pairs = {frozenset(pair): place for place, pair in enumerate([(0, 1), (0, 2), (1, 2)])}
    columns = [pairs[frozenset((order[a], order[b]))] for a, b in [(0, 1), (0, 2), (1, 2)]]
    np.savetxt(tmp_path / "triplets.txt", choices[:, order], "%d")
    np.save(tmp_path / "probabilities.npy", soft[:, columns])
    options = ["--epochs", 2, "--probabilities"]
    call("align", embedded, data / "triplets.txt", tmp_path / "last", *options, data / "probabilities.npy")
    arguments = ["align", embedded, tmp_path / "triplets.txt", tmp_path / "other", "--odd-column", odd_column]
    code, _, error = call(*arguments, *options, tmp_path / "probabilities.npy")
    assert code == 0, error
    last, other = (UncertaintyDistillation.from_pretrained(tmp_path / name) for name in ("last", "other"))
    np.testing.assert_array_equal(other.weight, last.weight)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--odd-column", 3], "odd_column is 3; the odd one is in column 0, 1 or 2"),
        (["--labels", "hard"], "--labels hard goes with --cross-validate"),
        (["--cross-validate", "--labels", "given"], "labels: given needs the probabilities that are given"),
        (
            ["--cross-validate", "--labels", "hard", "--probabilities", "P"],
            "labels: hard leaves the probabilities unused",
        ),
        (["--cross-validate", "--probabilities", "P", "--odd-column", 0], "no more than by chance"),
        (["--probabilities", "SHORT"], "short.npy: expected shape (1140, 3), one row a triplet, got (9, 3)"),
    ],
)
def test_what_does_not_go_together_is_one_line(call, data, embedded, tmp_path, options, message):
    np.save(tmp_path / "short.npy", np.load(data / "probabilities.npy")[:9])
    files = {"P": data / "probabilities.npy", "SHORT": tmp_path / "short.npy"}
    options = [files.get(option, option) for option in options]
    code, out, error = call("align", embedded, data / "triplets.txt", tmp_path / "ud", "--folds", 2, *options)
    assert code == 2
    assert not out
    assert message in error
    assert sum("no early stopping" not in line for line in error.splitlines()) == 1
    assert not (tmp_path / "ud").exists()


def test_scores_on_named_matrices_with_figures_and_another_encoder(call, data, tmp_path):
    arguments = ["evaluate", data / "encoder", data / "images", "--dissimilarities", data / "people.npz"]
    arguments += [
        "--names",
        data / "names.txt",
        "--key",
        "rdms",
        "--against",
        data / "other",
        "--out",
        tmp_path / "out",
    ]
    code, out, error = call(*arguments)
    assert code == 0, error
    lines = dict(line.split(": ", 1) for line in out.strip().splitlines())
    assert {"matrices_odd_one_out_accuracy", "matrices_rsa_spearman", "matrices_rsa_spearman_by_person"} <= set(lines)
    assert "ceiling" in lines["matrices_rsa_spearman_by_person"]
    assert "McNemar" not in lines[f"against {data / 'other'}, matrices_odd_one_out_accuracy"]
    assert {"scores.csv", "scores.png"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_scores_on_simulated_levels_by_level(call, data, tmp_path):
    design = write_simulated_design(tmp_path / "design.csv")
    write_simulated(tmp_path / "levels", simulated_trials(design))
    (tmp_path / "images").mkdir()
    names = {Path(name).name for line in design.read_text().splitlines()[1:] for name in line.split(",")[1:4]}
    rng = np.random.default_rng(0)
    for name in sorted(names):
        from PIL import Image

        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(tmp_path / "images" / name)
    arguments = ["evaluate", data / "encoder", tmp_path / "images", "--on", "levels", "--levels", tmp_path / "levels"]
    code, out, error = call(*arguments, "--json")
    assert code == 0, error
    found = json.loads(out)
    for level in ("coarse-grained", "fine-grained", "class-boundary"):
        assert 0 <= found[f"levels_odd_one_out_accuracy/{level}"]["estimate"] <= 1
        assert 0 <= found[f"levels_agreement_with_responses/{level}"]["estimate"] <= 1
        assert -1 <= found[f"levels_uncertainty_rt_correlation/{level}"]["estimate"] <= 1
    (tmp_path / "images" / sorted(names)[0]).unlink()
    code, _, error = call(*arguments)
    assert code == 2
    assert sorted(names)[0] in error


def test_scores_on_things(call, data, tmp_path):
    triplets = np.loadtxt(data / "triplets.txt", int)
    (tmp_path / "things").mkdir()
    np.savetxt(tmp_path / "things" / "trainset.txt", triplets[::2], "%d")
    np.savetxt(tmp_path / "things" / "validationset.txt", triplets[1::2], "%d")
    names = (data / "names.txt").read_text().split()
    rows = "\n".join(f"{number}\t{name}" for number, name in enumerate(names[:15]))
    (tmp_path / "concepts.tsv").write_text(f"concept_index\tphoto\n{rows}\n")
    arguments = ["evaluate", data / "encoder", data / "images", "--things", tmp_path / "things", "--json"]
    code, out, error = call(*arguments, "--concepts", tmp_path / "concepts.tsv")
    assert code == 0, error
    pictured = triplets[1::2][(triplets[1::2] < 15).all(1)]
    np.savetxt(tmp_path / "pictured.txt", pictured, "%d")
    arguments = ["evaluate", data / "encoder", data / "images", "--triplets", tmp_path / "pictured.txt", "--json"]
    expected = json.loads(call(*arguments)[1])["choices_odd_one_out_accuracy"]
    assert json.loads(out)["things_odd_one_out_accuracy"] == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--on", "levels"], "--on levels: give --levels too"),
        (["--on", "birds"], "--on birds: choose among choices, things, levels, matrices, "),
        (["--things", "."], "--things: give --concepts too"),
        (["--dissimilarities", "PEOPLE"], "the objects have no names, so their images are not known; give --names"),
        ([], "give --triplets, --things, --levels, --dissimilarities, "),
    ],
)
def test_what_is_missing_is_named(call, data, arguments, message):
    arguments = [data / "people.npz" if argument == "PEOPLE" else argument for argument in arguments]
    code, out, error = call("evaluate", data / "encoder", data / "images", *arguments)
    assert code == 2
    assert message in error
    assert not out
