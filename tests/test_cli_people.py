"""The commands about people: VICE, the UD experiment, an encoder's scores on choices, matrices, THINGS and Levels."""

import json
import re
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
from alignet_hf.triplets import is_correct, triplet_similarities

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
        (["--folds", 3], "--folds 3 goes with --cross-validate"),
        (["--least-preservation", 0.5], "--least-preservation 0.5 goes with --cross-validate"),
        (["--cross-validate", "--regularization", 1], "--regularization: the cross-validation chooses it"),
        (["--cross-validate", "--regularizations", "1,x"], "--regularizations 1,x: give numbers"),
        (["--vice", "V", "--probabilities", "P"], "--vice and --probabilities are both soft labels; give one"),
        (["--vice", "V", "--cross-validate"], "--vice: it knows of held-out objects"),
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
    folds = ["--folds", 2] if "--cross-validate" in options else []
    code, out, error = call("align", embedded, data / "triplets.txt", tmp_path / "ud", *folds, *options)
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
    lines = {line.split()[0]: line for line in out.strip().splitlines()}
    assert {"matrices_odd_one_out_accuracy", "matrices_rsa_spearman", "matrices_rsa_spearman_by_person"} <= set(lines)
    heads = next(line for line in out.splitlines() if "people" in line)
    for head in ("encoder [95 %]", "other [95 %]", "difference [95 %]", "p (Holm)"):
        assert head in heads
    assert " to " in lines["matrices_rsa_spearman_by_person"]  # the bounds of people's noise ceiling
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
    found = json.loads(out)["scores"]
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
    expected = json.loads(call(*arguments)[1])["scores"]["choices_odd_one_out_accuracy"]
    assert json.loads(out)["scores"]["things_odd_one_out_accuracy"] == expected


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


def test_a_vice_posterior_gives_align_its_soft_labels(call, data, embedded, tmp_path):
    options = ["--max-epochs", 30, "--init-dim", 6, "--spike", 0.2, "--pi", 0.6, "--k", 3, "--burn-in", 5, "--json"]
    code, _, error = call("vice", data / "triplets.txt", tmp_path / "vice", *options)
    assert code == 0, error
    posterior = Vice.from_pretrained(tmp_path / "vice")
    assert (posterior.metadata["spike"], posterior.metadata["pi"], posterior.metadata["k"]) == (0.2, 0.6, 3)
    arguments = ["align", embedded, data / "triplets.txt", tmp_path / "ud", "--vice", tmp_path / "vice"]
    code, out, error = call(*arguments, "--epochs", 3, "--json")
    assert code == 0, error
    choices, rows = np.loadtxt(data / "triplets.txt", int), Embeddings.from_pretrained(embedded)
    soft = posterior.triplet_probabilities(choices, seed=0)
    by_hand = UncertaintyDistillation.fit(rows, choices, soft, regularization=1e-2, seed=0, max_epochs=3)
    np.testing.assert_array_equal(UncertaintyDistillation.from_pretrained(tmp_path / "ud").weight, by_hand.weight)
    accuracy = is_correct(triplet_similarities(np.asarray(rows), choices)).mean()
    assert json.loads(out)["accuracy_before"] == pytest.approx(accuracy, abs=1e-4)
    np.savetxt(tmp_path / "few.txt", choices[(choices < 9).all(1)], "%d")
    call("vice", tmp_path / "few.txt", tmp_path / "few", "--max-epochs", 2, "--init-dim", 4, "--validation", 0)
    code, _, error = call(*arguments[:-1], tmp_path / "few")
    assert (code, "a posterior of 9 objects, but there are 20 embeddings" in error) == (2, True)


MATRIX = np.where(np.eye(20, dtype=bool), 0, 1 + np.add.outer(np.arange(20), np.arange(20)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.__setitem__((3, 1), 99), "not symmetric"),
        (lambda m: m.__setitem__(([1, 2], [2, 1]), np.nan), "holds nan; it must be finite"),
        (lambda m: m.resize((3, 3), refcheck=False), "at least 4 are needed"),
        (lambda m: m.resize((19, 20), refcheck=False), "the matrix is not square: it has the shape 19 x 20"),
    ],
)
def test_wrong_matrices_are_one_line(call, data, tmp_path, change, message):
    matrix = MATRIX.astype(float)
    change(matrix)
    np.save(tmp_path / "people.npy", matrix)
    options = ["--in-order", "--dissimilarities", tmp_path / "people.npy", "--out", tmp_path / "out"]
    assert_refused(call("evaluate", data / "encoder", data / "images", *options), message, tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], "cut off"),
        (lambda text: re.sub(r'"rt": [0-9.]+', '"rt": 0', text), "response time"),
        (lambda text: re.sub(r'"rt": ([0-9.]+)', r'"rt": -\1', text), "response time"),
    ],
)
def test_wrong_participants_are_one_line(call, data, tmp_path, change, message):
    design = write_simulated_design(tmp_path / "design.csv", n_sets=1)
    write_simulated(tmp_path / "levels", simulated_trials(design))
    path = sorted((tmp_path / "levels").glob("*.json"))[0]
    path.write_text("\ufeff" + change(path.read_text()).replace("\n", "\r\n"))
    options = ["--levels", tmp_path / "levels", "--out", tmp_path / "out"]
    result = call("evaluate", data / "encoder", data / "images", *options)
    assert_refused(result, message, tmp_path / "out")
    assert path.name in result[2]


@pytest.mark.parametrize(
    ("rows", "message"),
    [("0 1 99\n", "out of range"), ("0 1 1\n", "names an item twice"), ("0 1\n", "is not three integers")],
)
@pytest.mark.parametrize("command", ["align", "evaluate"])
def test_wrong_choices_are_one_line(call, data, embedded, tmp_path, command, rows, message):
    (tmp_path / "choices.txt").write_bytes(b"\xef\xbb\xbf0 1 2\r\n" + rows.encode())
    if command == "align":
        result = call("align", embedded, tmp_path / "choices.txt", tmp_path / "out")
    else:
        options = ["--triplets", tmp_path / "choices.txt", "--out", tmp_path / "out"]
        result = call("evaluate", data / "encoder", data / "images", *options)
    assert_refused(result, message, tmp_path / "out")


def assert_refused(result, message, folder):
    code, out, error = result
    assert (code, out) == (2, "")
    assert message in error
    assert error.count("\n") == 1
    assert not folder.exists() or not [path for path in folder.iterdir() if not path.name.startswith(".")]
