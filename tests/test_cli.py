"""The command line as a user meets it: every stage by hand, one line for wrong input, results as JSON."""

import inspect
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from backbones import tiny_backbone
from transformers import BitImageProcessorPil

import alignet_hf
from alignet_hf.console import line_and_code, of_a_recipe
from alignet_hf.data.alignet import load_alignet, save_alignet, triplet_dataset
from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.demo import objects92
from alignet_hf.demo.run import RECIPE
from alignet_hf.distill.commands import distill
from alignet_hf.errors import InputError
from alignet_hf.output_folder import working_in
from alignet_hf.pipeline import open_images
from alignet_hf.recipe import Distill
from alignet_hf.surrogate.cluster import Clusters
from alignet_hf.surrogate.embeddings import Embeddings


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Twelve photographs, people's choices of them, and a tiny encoder."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "images").mkdir()
    rows = np.arange(0, 92, 8)
    for row in rows:
        open_images("objects92")[int(row)].save(folder / "images" / f"{row:02d}.png")
    people = objects92.people()[:, rows][:, :, rows]
    np.savez(folder / "people.npz", rdms=people)
    triplets, probabilities = Dissimilarities(people).choices(np.arange(12))
    np.savetxt(folder / "triplets.txt", triplets, "%d")
    np.save(folder / "probabilities.npy", probabilities)
    tiny_backbone("dinov2").save_pretrained(folder / "encoder")
    BitImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False).save_pretrained(folder / "encoder")
    return folder


def test_every_stage_by_hand(call, data, tmp_path):
    def succeed(*arguments) -> dict:
        code, out, err = call(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    images, encoder = data / "images", data / "encoder"
    assert succeed("embed", images, tmp_path / "teacher", "--model", encoder)["images"] == 12
    aligned = succeed(
        *("align", tmp_path / "teacher", data / "triplets.txt", tmp_path / "ud"),
        *("--probabilities", data / "probabilities.npy", "--regularization", 1, "--epochs", 3),
    )
    assert aligned["regularization"] == 1
    transform = ("--transform", tmp_path / "ud")
    assert (
        succeed("cluster", tmp_path / "teacher", tmp_path / "clusters", *transform, "--n-clusters", 3)["clusters"] == 3
    )
    succeed(
        *("triplets", tmp_path / "teacher", tmp_path / "triplets", "-n", 50),
        *("--clusters", tmp_path / "clusters", *transform),
    )
    common = ("--student", encoder, "--steps", 2, "--batch-size", 8, "--learning-rate", 1e-2)
    succeed("distill", images, tmp_path / "listed", *common, "--triplets", tmp_path / "triplets")
    succeed("distill", images, tmp_path / "dense", *common, "--embeddings", tmp_path / "teacher", *transform)
    scores = {
        name: succeed("evaluate", model, images, "--in-order", "--dissimilarities", data / "people.npz")["scores"]
        for name, model in (("before", encoder), ("listed", tmp_path / "listed"), ("dense", tmp_path / "dense"))
    }
    assert len({json.dumps(score) for score in scores.values()}) == 3
    for score in scores.values():
        assert set(score) == {
            "matrices_odd_one_out_accuracy",
            "matrices_rsa_spearman",
            "matrices_rsa_spearman_by_person",
        }
    code, out, _ = call("evaluate", encoder, images, "--triplets", data / "triplets.txt")
    assert code == 0
    title, heads, row = (line.split() for line in out.strip().splitlines())
    assert " ".join(title) == "Accuracies: more is better"
    assert heads[0] == "score"
    assert row[0] == "choices_odd_one_out_accuracy"
    assert "0.333" in row  # chance


def test_a_student_is_distilled_as_the_options_say(call, data, tmp_path, monkeypatch):
    teacher, clusters = tmp_path / "teacher", tmp_path / "clusters"
    call("embed", data / "images", teacher, "--model", data / "encoder")
    call("cluster", teacher, clusters, "--n-clusters", 3)
    call("triplets", teacher, tmp_path / "triplets", "-n", 50, "--strategy", "random")
    common = ("--student", data / "encoder", "--steps", 2, "--batch-size", 6, "--student-temperature", 1)
    asked = (*common, "--loss", "jsd", "--gradient-accumulation-steps", 2, "--projection-dim", 5, "--pixels", "uint8")
    asked += ("--warmup-steps", 1, "--decay-to-init-mode", "loss", "--triplet-weights", "entropy", "--pooling", "cls")
    dense = ("--embeddings", teacher, "--clusters", clusters, "--sampling", "cluster-boundary", "--clusters-a-step", 3)
    listed = ("--triplets", tmp_path / "triplets", "--triplet-order", "shared-images", "--min-crop-area", 0.5)
    for name, kind in (("dense", dense), ("listed", listed)):
        code, _, err = call("distill", data / "images", tmp_path / name, *asked, *kind)
        assert code == 0, err
        card = json.loads((tmp_path / name / "alignment.json").read_text())
        trained = card["hyperparameters"]
        assert (trained["loss"], trained["gradient_accumulation_steps"], trained["warmup_steps"]) == ("jsd", 2, 1)
        assert trained["decay_to_init_mode"] == "loss"
    for wrong, says in (
        ((*common, "--embeddings", teacher, "--sampling", "within-class"), "need --clusters FOLDER"),
        ((*common, "--triplets", tmp_path / "triplets", "--clusters", clusters), "--clusters goes with --embeddings"),
        ((*common, "--embeddings", teacher, "--pixels", "quick"), "'quick' is not one of 'exact', 'uint8', 'fast'"),
        ((*common, "--embeddings", teacher, "--loss", "l2"), "'l2' is not one of 'kl', 'jsd', 'hard'"),
    ):
        code, _, err = call("distill", data / "images", tmp_path / "wrong", *wrong)
        assert code == 2
        assert says in err


def test_the_command_lacks_no_setting_of_a_recipe_that_it_could_have():
    """But for those of a run: people to evaluate on, UnAligNet, and several processes."""
    options = set(inspect.signature(distill).parameters) | {"triplets"}  # by what is given: triplets or embeddings
    of_runs = {"unaligned_teacher_temperature", "gather_negatives", "evaluate_steps"}
    assert set(Distill.model_fields) - options == of_runs


@pytest.mark.parametrize("command", ["embed", "distill", "evaluate"])
def test_help_names_every_image_source(call, command):
    _, out, _ = call(command, "--help")
    said = " ".join(out.split())
    for source in (".npz", "Parquet", "tar shards", ".txt list", "imagenet:FOLDER", "Hub data set"):
        assert source in said, source


def test_cross_validation_chooses_the_regularization(call, data, tmp_path):
    call("embed", data / "images", tmp_path / "teacher", "--model", data / "encoder")
    code, out, _ = call(
        *("align", tmp_path / "teacher", data / "triplets.txt", tmp_path / "ud"),
        *("--cross-validate", "--folds", 3, "--epochs", 2, "--json"),
    )
    assert code == 0
    result = json.loads(out)
    settings = result["cross_validation"]["settings"]
    best = max(settings, key=lambda row: [row[name]["estimate"] for name in ("accuracy", "neighbourhood_preservation")])
    assert (result["labels"], result["regularization"]) == (best["labels"], best["regularization"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nowhere.yaml", "--out", "OUT"], "nowhere.yaml: cannot be read as a recipe"),
        (["demo", "--out", "OUT", "--images", "nowhere"], "images.extra: no such folder: nowhere"),
        (
            ["demo", "--out", "OUT", "--student", "no/such-model"],
            "no/such-model: no such folder, and the Hub cannot be reached",
        ),
        (["embed", "nowhere", "OUT", "--model", "demo-teacher"], "nowhere"),
        (["cluster", "IMAGES", "OUT"], "IMAGES: not embeddings"),
        (["cluster", "IMAGES", "OUT", "--n-clusters", "few"], "'few' is neither a number nor elbow"),
        (["triplets", "IMAGES", "OUT", "-n", "5", "--strategy", "random"], "not embeddings"),
        (["distill", "IMAGES", "OUT", "--student", "ENCODER"], "give either --triplets FOLDER or --embeddings FOLDER"),
        (["evaluate", "ENCODER", "IMAGES"], "give --triplets, --things, --levels, --dissimilarities, --cichy"),
        (
            ["evaluate", "ENCODER", "IMAGES", "--in-order", "--dissimilarities", "nowhere.npz"],
            "nowhere.npz: cannot be read",
        ),
        (["evaluate", "ENCODER", "IMAGES", "--triplets", "nowhere.txt"], "nowhere.txt: cannot be read"),
        (["report", "IMAGES"], "not the folder of a finished run"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(call, data, tmp_path, arguments, message):
    places = {"OUT": tmp_path / "out", "IMAGES": data / "images", "ENCODER": data / "encoder"}
    code, out, err = call(*(places.get(argument, argument) for argument in arguments))
    message = message.replace("IMAGES", str(places["IMAGES"]))
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert not out
    assert not places["OUT"].exists() or not any(path.is_file() for path in places["OUT"].glob("[!.]*.safetensors"))


def test_an_image_that_does_not_decode_is_named(call, data, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    code, _, err = call("embed", tmp_path / "images", tmp_path / "out", "--model", data / "encoder")
    assert code == 2
    assert "broken.jpg" in err


def test_embedding_goes_on_without_what_does_not_decode(call, data, tmp_path):
    shutil.copytree(data / "images", tmp_path / "images")
    broken = sorted((tmp_path / "images").iterdir())[3]
    broken.write_bytes(b"no image")
    command = ("embed", tmp_path / "images", tmp_path / "out", "--model", data / "encoder", "--json")
    code, _, err = call(*command)
    assert code == 2
    assert err == (
        f"alignet-hf: stopped at an image that cannot be decoded: {broken}: it is of no known format; there may be "
        "more; replace or remove it, or go on without: --on-bad skip\n"
    )
    options = ("--on-bad", "skip", "--pixels", "uint8", "--dtype", "float16", "--bf16", "--num-workers", 0)
    code, out, err = call(*command, *options)
    assert code == 0
    assert json.loads(out)["undecodable"] == 1
    assert f"alignet-hf: 1 image could not be decoded and was skipped: {broken}: it is of no known format\n" in err
    embeddings = Embeddings.from_pretrained(tmp_path / "out")
    assert list(embeddings.undecodable) == [3]
    assert (embeddings.dtype, embeddings.metadata["bf16"]) == (np.float16, True)


def test_every_stage_goes_on_without_what_does_not_decode(call, data, tmp_path):
    shutil.copytree(data / "images", tmp_path / "images")
    images, broken = tmp_path / "images", [0, 5]
    for row in broken:
        sorted(images.iterdir())[row].write_bytes(b"no image")

    def succeed(*arguments) -> tuple[dict, str]:
        code, out, err = call(*arguments, "--json")
        assert code == 0, err
        return json.loads(out), err

    encoder, teacher, clusters = data / "encoder", tmp_path / "teacher", tmp_path / "clusters"
    succeed("embed", images, teacher, "--model", encoder, "--on-bad", "skip")
    choices = np.loadtxt(data / "triplets.txt", dtype=int)
    whole = ~np.isin(choices, broken).any(1)
    np.savetxt(tmp_path / "whole.txt", choices[whole], "%d")
    code, _, err = call("align", teacher, data / "triplets.txt", tmp_path / "ud")
    assert code == 2
    first = int(np.argmax(~whole))
    assert err.startswith(f"alignet-hf: {data / 'triplets.txt'}: choice {first} names image ")
    assert "which could not be decoded" in err
    fit = ("--epochs", 2)
    assert succeed("align", teacher, tmp_path / "whole.txt", tmp_path / "ud", *fit)[0]["undecodable"] == 2

    transform = ("--transform", tmp_path / "ud")
    assert succeed("cluster", teacher, clusters, *transform, "--n-clusters", 3)[0]["undecodable"] == 2
    labels = Clusters.from_pretrained(clusters).labels
    assert np.flatnonzero(labels == -1).tolist() == broken
    assert len(labels) == 12
    sampling = ("triplets", teacher, tmp_path / "triplets", "-n", 200, "--clusters", clusters, *transform)
    assert succeed(*sampling)[0]["undecodable"] == 2
    listed = load_alignet(tmp_path / "triplets").with_format("numpy")[:]
    assert np.unique(listed["indices"]).tolist() == np.flatnonzero(labels >= 0).tolist()
    assert np.isfinite(listed["similarities"]).all()
    names = np.array([path.name for path in sorted(images.iterdir())])
    assert [name.rsplit("/", 1)[-1] for name in listed["filenames"][0]] == names[listed["indices"][0]].tolist()

    common = ("--student", encoder, "--steps", 2, "--batch-size", 8)
    dense = ("distill", images, tmp_path / "dense", *common, "--embeddings", teacher, *transform)
    code, _, err = call(*dense)
    assert code == 2
    assert "2 of 12 images could not be decoded when they were embedded; --on-bad skip goes on without" in err
    assert succeed(*dense, "--on-bad", "skip")[0]["undecodable"] == 2
    succeed("distill", images, tmp_path / "listed", *common, "--triplets", tmp_path / "triplets", "--on-bad", "skip")


def test_a_file_that_breaks_after_its_triplets_were_made(call, data, tmp_path):
    shutil.copytree(data / "images", tmp_path / "images")
    call("embed", tmp_path / "images", tmp_path / "teacher", "--model", data / "encoder")
    call("triplets", tmp_path / "teacher", tmp_path / "triplets", "-n", 64, "--strategy", "random")
    broken = sorted((tmp_path / "images").iterdir())[4]
    broken.write_bytes(b"no image")
    common = ("--student", data / "encoder", "--steps", 4, "--batch-size", 16, "--student-temperature", 1)
    command = ("distill", tmp_path / "images", tmp_path / "out", *common, "--triplets", tmp_path / "triplets")
    for num_workers in (0, 1):  # a worker's traceback is not shown
        code, _, err = call(*command, "--num-workers", num_workers)
        assert code == 2
        assert err.startswith(f"alignet-hf: {broken}: the image cannot be decoded: it is of no known format; replace")
        assert err.endswith(", or go on without: --on-bad skip\n")
        assert err.count("\n") == 1
    code, _, err = call(*command, "--on-bad", "skip")
    assert code == 0
    assert f"1 image could not be decoded and was not learnt from: {broken.name}" in err
    assert call(*command, "--on-bad", "ignore")[0] == 2


def test_an_empty_folder_is_named(call, data, tmp_path):
    (tmp_path / "images").mkdir()
    code, _, err = call("embed", tmp_path / "images", tmp_path / "out", "--model", data / "encoder")
    assert code == 2
    assert f"{tmp_path / 'images'}: no image" in err


def test_stopping_says_how_to_go_on(call, data, tmp_path, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("alignet_hf.surrogate.embed.embed_images", stop)
    code, _, err = call("embed", data / "images", tmp_path / "out", "--model", data / "encoder")
    assert code == 130
    assert err == "alignet-hf: stopped; the same command goes on from here\n"


HELP = """
import sys
from typer.main import get_command
from alignet_hf import cli

for name in ("", *get_command(cli.app).commands):
    sys.argv = ["alignet-hf", *name.split(), "--help"]
    try:
        cli.main()
    except SystemExit as stop:
        assert not stop.code, name
heavy = {"torch", "transformers", "datasets", "scipy", "matplotlib", "numpy", "faiss", "PIL"} & set(sys.modules)
assert not heavy, heavy
"""


WRONG_OPTIONS = """
import sys
from alignet_hf import cli

for command in sys.argv[1].split(";"):
    sys.argv = ["alignet-hf", *command.split()]
    try:
        cli.main()
    except SystemExit as stop:
        assert stop.code == 2, command
heavy = {"torch", "transformers", "datasets", "scipy", "numpy"} & set(sys.modules)
assert not heavy, heavy
"""


def test_wrong_options_are_refused_before_anything_heavy_is_imported(tmp_path):
    embed, distill = f"embed images {tmp_path}/out --model x", f"distill images {tmp_path}/out --student x"
    wrong = {
        f"{embed} --pixels fastt": "'fastt' is not one of",
        f"{embed} --on-bad skipp": "'skipp' is not one of",
        f"{embed} --dtype bf16": "'bf16' is not one of",
        f"{embed} --pooling max": "'max' is not one of",
        distill: "give either --triplets FOLDER or --embeddings FOLDER",
        f"{distill} --triplets a --embeddings b": "give either --triplets FOLDER or --embeddings FOLDER",
        f"{distill} --triplets a --loss hard --teacher-temperature 2": "which no temperature changes; leave it out",
        f"triplets teacher {tmp_path}/out -n 5 --strategy foo": "'foo' is not one of",
        f"triplets teacher {tmp_path}/out -n 5": "--strategy cluster-boundary needs --clusters FOLDER",
        f"cluster teacher {tmp_path}/out --n-clusters few": "'few' is neither a number nor elbow",
    }
    command = [sys.executable, "-c", WRONG_OPTIONS, ";".join(wrong)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"})
    assert done.returncode == 0, done.stderr
    for message in wrong.values():
        assert message in done.stderr
    assert not list(tmp_path.iterdir())


def test_help_cuts_no_sentence_and_the_version_is_said(call):
    assert "..." not in call("--help")[1].split("Commands:")[1]
    assert call("--version")[1] == f"alignet-hf {alignet_hf.__version__}\n"


def test_processes_without_check_are_answered_with_what_to_type(call, tmp_path):
    code, _, err = call("run", RECIPE, "--out", tmp_path / "out", "--processes", 3)
    assert code == 2
    assert "goes with --check; to run so, type: accelerate launch --num_processes 3 training/distill.py" in err


def test_embeddings_of_other_images_are_refused_by_both_numbers(call, data, tmp_path):
    call("embed", data / "images", tmp_path / "teacher", "--model", data / "encoder")
    options = ("--student", data / "encoder", "--embeddings", tmp_path / "teacher")
    code, _, err = call("distill", "objects92", tmp_path / "out", *options)
    assert code == 2
    said = f"{tmp_path / 'teacher'} holds 12 rows, objects92 92 images; give the images that were embedded"
    assert err == f"alignet-hf: {said}\n"


def test_a_recipe_is_told_how_to_skip_in_its_own_words():
    error = InputError("a.jpg cannot be decoded, or go on without: on_bad='skip'")
    assert line_and_code(error) == ("a.jpg cannot be decoded, or go on without: --on-bad skip", 2)
    with pytest.raises(InputError) as raised, of_a_recipe():
        raise error
    said = "a.jpg cannot be decoded, or go on without: --set images.on_bad=skip"
    assert line_and_code(raised.value) == (said, 2)


def test_help_imports_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("demo", "run", "embed", "vice", "align", "cluster", "triplets", "distill", "evaluate", "report"):
        assert f"\n  {command} " in done.stdout
        assert f"Usage: alignet-hf {command} " in done.stdout


def test_students_learn_from_the_images_that_triplets_name(call, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # what a student is made from is on its card: the same paths for all
    names = sorted(path.name for path in (data / "images").iterdir())
    rows = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]])
    similarities = np.tile(np.float32([0.9, 0.2, 0.1]), (4, 1))
    order = np.random.default_rng(0).permutation(12)
    named = {
        "same": triplet_dataset(rows, similarities, names),
        "permuted": triplet_dataset(np.argsort(order)[rows], similarities, [names[row] for row in order]),
        "unnamed": triplet_dataset(np.argsort(order)[rows], similarities),
        "missing": triplet_dataset(rows, similarities, [*names[:11], "nowhere.png"]),
    }
    weights = {}
    for name, triplets in named.items():
        save_alignet(triplets, tmp_path / "triplets")
        code, _, err = call(
            *("distill", data / "images", name, "--student", data / "encoder", "--triplets", "triplets"),
            *("--steps", 2, "--batch-size", 4, "--learning-rate", 1e-2, "--student-temperature", 1),
        )
        if name == "missing":
            assert code == 2
            assert re.search(
                r"^alignet-hf: triplets: filenames: 1 of 12 names \(nowhere.png\) are not among", err, re.M
            )
            assert not (tmp_path / name).exists()
        else:
            weights[name] = (tmp_path / name / "model.safetensors").read_bytes()
    assert weights["same"] == weights["permuted"]
    assert weights["same"] != weights["unnamed"]


def test_a_student_in_the_present_folder(call, data, tmp_path, monkeypatch):
    save_alignet(triplet_dataset(np.array([[0, 1, 2]] * 4), np.ones((4, 3))), tmp_path / "triplets")
    options = (
        "--student",
        data / "encoder",
        "--triplets",
        tmp_path / "triplets",
        "--steps",
        1,
        "--batch-size",
        4,
        "--student-temperature",
        1,
    )
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    code, _, err = call("distill", data / "images", ".", *options)
    assert code == 0, err
    assert (tmp_path / "here" / "model.safetensors").is_file()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine").touch()
    monkeypatch.chdir(tmp_path / "other")
    code, _, err = call("distill", data / "images", ".", *options)
    assert code == 2
    assert f"{tmp_path / 'other'}: is there already, and not of this run" in err
    assert (tmp_path / "other" / "mine").exists()


def test_embeddings_go_into_no_folder_of_something_else(call, data, tmp_path):
    """A model's, one of photographs; what other images made is named, and the card says what made it."""
    model, photographs = tmp_path / "model", tmp_path / "photographs"
    shutil.copytree(data / "encoder", model)
    shutil.copytree(data / "images", photographs)
    for folder in (model, photographs):
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        for force in ((), ("--force",)):
            code, out, err = call("embed", data / "images", folder, "--model", data / "encoder", *force)
            assert (code, out) == (2, "")
            said = "is there already, and not of this run; remove it or use another folder"
            assert err == f"alignet-hf: {folder}: {said}\n"
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    teacher = tmp_path / "teacher"
    assert call("embed", photographs, teacher, "--model", model)[0] == 0
    config = json.loads((teacher / "config.json").read_text())
    assert (config["model"], config["images"]) == (str(model), str(photographs))
    assert f"| model | {model} |" in (teacher / "README.md").read_text()
    next(photographs.iterdir()).unlink()
    code, _, err = call("embed", photographs, teacher, "--model", model)
    assert code == 2
    assert f"alignet-hf: {teacher}: holds embeddings that were made otherwise (images); --force" in err
    assert call("embed", photographs, teacher, "--model", model, "--batch-size", 3, "--force")[0] == 0
    assert call("embed", photographs, teacher, "--model", model, "--batch-size", 4)[0] == 0  # finished: as good


def test_a_student_is_replaced_by_no_other_unasked(call, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_alignet(triplet_dataset(np.array([[0, 1, 2], [3, 4, 5]] * 4), np.ones((8, 3))), tmp_path / "triplets")
    options = ("--student", data / "encoder", "--triplets", "triplets", "--student-temperature", 1)
    command = ("distill", data / "images", "st", *options)
    assert call(*command, "--steps", 2, "--batch-size", 48)[0] == 2  # too few triplets; nothing is made
    code, out, err = call(*command, "--steps", 2, "--batch-size", 4)
    assert code == 0, err
    card = (tmp_path / "st" / "README.md").read_text()
    assert re.search(r"^# st$", card, re.M)
    assert ".st.new" not in card
    before = {path: path.read_bytes() for path in (tmp_path / "st").iterdir() if path.name != ".lock"}
    code, out, err = call(*command, "--steps", 3, "--batch-size", 4, "--num-workers", 1)
    assert (code, out) == (2, "")
    said = (
        r"alignet-hf: st-training: holds what `distill` made from other inputs \(steps: 2, now 3\); --force replaces it"
    )
    assert re.match(said, err)
    assert {path: path.read_bytes() for path in (tmp_path / "st").iterdir() if path.name != ".lock"} == before
    code, out, err = call(*command, "--steps", 3, "--batch-size", 4, "--force")
    assert (code, "steps 3" in out) == (0, True)
    assert "(steps: 2, now 3), which is replaced" in err
    assert (tmp_path / "st" / "model.safetensors").read_bytes() != before[tmp_path / "st" / "model.safetensors"]


def test_scores_are_not_written_into_a_folder_at_work(call, data, tmp_path):
    with working_in(tmp_path / "scores"):
        code, out, err = call(
            *("evaluate", data / "encoder", data / "images", "--triplets", data / "triplets.txt"),
            *("--out", tmp_path / "scores"),
        )
    assert (code, out) == (2, "")
    assert "scores: another process works in this folder" in err
