"""The commands for the paper's tables and figures: each is there, says what it lacks, and prints what it is to."""

import json
import re
import runpy
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from backbones import save_tiny_encoder
from PIL import Image
from transformers import AutoConfig

from alignet_hf import UncertaintyDistillation, cli
from alignet_hf.data.images import SomeImages
from alignet_hf.evaluation import paper
from alignet_hf.evaluation.statistics import Result
from alignet_hf.inputs import open_images
from alignet_hf.sweep.grid import few_shot_name, load_sweep
from alignet_hf.sweep.report import OF_FEW_SHOT, SweepReport
from alignet_hf.sweep.scores import differences, findings, rows_of

REPRODUCE = Path(__file__).parents[2] / "training" / "reproduce"
TABLES, FIGURES = (1, 2, 3), (2, 3, 4, 12, 13, 14, 15, 16, 17)
COMMANDS = [f"table_{n}" for n in TABLES] + [f"figure_{n}" for n in FIGURES]


@pytest.fixture
def command(monkeypatch, capsys):
    """Run a command in this process -> (exit code, standard output, standard error)."""
    monkeypatch.syspath_prepend(REPRODUCE)

    def command(name: str, *arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
        try:
            runpy.run_path(str(REPRODUCE / f"{name}.py"), run_name="__main__")
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    return command


def scored(sweep) -> SweepReport:
    """A sweep as if it had been run: AligNet better than UnAligNet, than UD, than the original, than people's."""
    means = {"original": 0.3, "ud": 0.4, "unalignet": 0.5, "alignet": 0.6, "human": 0.2}
    results = {}
    for point in sweep.points:
        samples = np.random.default_rng(point.recipe.split.fold).normal(0, 0.01, 200)
        names = ["odd_one_out_accuracy", "rsa_spearman", *map(few_shot_name, sweep.shots)]
        results[point.name] = {
            ("student", setting): {
                name: Result.from_samples(name, means[setting], means[setting] + samples, 1 / 3, 30) for name in names
            }
            for setting in point.recipe.settings
        }
    rows = rows_of(sweep.points, results)
    return SweepReport(sweep, rows, differences(sweep, rows), findings(sweep, rows), {})


@pytest.fixture
def as_if_run(monkeypatch):
    """No point is run: what would be is recorded."""
    monkeypatch.syspath_prepend(REPRODUCE)
    import common

    asked = []

    def run_sweep(sweep, out, *, processes):
        asked.append(sweep)
        return scored(sweep)

    monkeypatch.setattr(common, "run_sweep", run_sweep)
    return asked


def test_there_is_one_for_each_table_and_figure():
    assert {path.stem for path in REPRODUCE.glob("*_[0-9]*.py")} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_says_in_a_line_what_it_is_to_be_given(command, name, tmp_path):
    code, _, error = command(name, "--out", tmp_path)
    assert code == 2
    assert error.startswith(f"{name}.py: give ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "grids", "line"),
    [
        (
            "table_1",
            ["settings"],
            "Not shown on these data: the objects of Cichy et al. and of King et al.; all of THINGS'",
        ),
        (
            "table_2",
            ["settings"],
            "Not shown on these data: the ratings of Peterson et al., and so coarse-grained apart",
        ),
        ("table_3", ["settings"], "0.4008"),  # ViT-S, original, coarse-grained
        ("figure_2", ["settings"], "Levels (D); response times (E); the paper's models."),
        ("figure_4", ["settings"], "Not shown on these data: the paper's data sets of A; BREEDS (B); ImageNet-A (C)."),
        ("figure_12", ["settings"], "Not shown on these data: the paper's data sets; 10-shot accuracy"),
        ("figure_14", ["triplets", "images"], "over 4 orders of magnitude"),
        ("figure_15", ["settings"], "worse with an unaligned teacher"),
        ("figure_16", ["settings", "sampling"], "random triplets are consistently"),
        ("figure_17", ["settings", "direct"], "worse than AligNet in 1-shot accuracy"),
    ],
)
def test_on_what_is_embedded_the_sweep_is_run_and_the_paper_stands_beside_it(
    command, as_if_run, tmp_path, name, grids, line
):
    code, said, error = command(name, "--embedded", "--out", tmp_path)
    assert code == 0, error
    (sweep,) = as_if_run
    assert list(sweep.grids) == grids
    assert line in said
    assert ("are not legible in the text at hand" in said) == (name != "table_3")
    assert ("what its text states stands here" in said) == (name.startswith("figure") and name != "figure_2")
    for found in findings(sweep, scored(sweep).rows):
        assert f"- {found}" in said
    assert ("1-shot accuracy" in said) == (name.startswith("figure") and name != "figure_2")
    assert said.count("Not shown on these data: ") == 1


@pytest.mark.parametrize(
    ("name", "shown"), [("table_1", (True, True)), ("table_2", (False, True)), ("table_3", (True, False))]
)
def test_in_place_of_a_table_stand_scores_of_its_kind_alone(command, as_if_run, tmp_path, name, shown):
    code, said, error = command(name, "--embedded", "--out", tmp_path)
    assert code == 0, error
    number = name.removeprefix("table_")
    table = said[said.index(f"In place of Tab. {number}: on objects that are here") :].split("The paper")[0]
    rows = [line for line in table.splitlines() if "student" in line]
    assert tuple(any(one in line for line in rows) for one in ("odd-one-out", "RSA")) == shown


@pytest.mark.parametrize(("name", "shots"), [("figure_4", [1]), ("figure_12", [1, 5])])
def test_few_shot_accuracies_are_of_the_students_of_the_sweep(command, as_if_run, tmp_path, name, shots):
    """No model is evaluated again: the table has the sweep's own numbers."""
    code, said, error = command(name, "--photographs", tmp_path, "--out", tmp_path)
    assert code == 0, error
    (sweep,) = as_if_run
    assert list(sweep.shots) == shots
    for n_shots in shots:
        row = next(line for line in said.splitlines() if re.search(rf"student.*few_shot_accuracy/{n_shots}", line))
        assert [value in row for value in ("0.300", "0.500", "0.600")] == [True] * 3
    table = said[said.rindex("few_shot_accuracy/") :]  # the figure's own, after the sweep's
    assert OF_FEW_SHOT in " ".join(table.split())
    code, _, error = command(name, "--photographs", tmp_path, "--out", tmp_path, "--evaluate", "--few-shot pets")
    assert code == 2
    assert "each is of another class" in error


@pytest.mark.parametrize("name", COMMANDS)
def test_two_sources_of_data_are_refused(command, as_if_run, tmp_path, name):
    """Before any is looked at: the files need not be there."""
    other = ("--recipe", "missing.yaml") if name in ("figure_14", "figure_16", "figure_17") else ("--models", "no.yaml")
    of_people = ("--things", "missing") if name == "table_1" else ()
    for given in (
        ("--embedded", *other),
        ("--photographs", "missing", *other),
        ("--embedded", "--photographs", "missing"),
    ):
        code, _, error = command(name, "--out", tmp_path, *given, *of_people)
        assert code == 2
        assert re.match(rf"{name}\.py: give --\w+ or --\w+, not both: each says on what data\n$", error)
    assert not as_if_run


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("table_1", ("--embedded", "--things", "x"), "--things goes with --models; leave it out, or --embedded"),
        ("figure_3", ("--photographs", "x", "--images", "y"), "--images goes with --models; leave it out, or --photog"),
        ("table_2", ("--models", "x", "--set", "seed=1"), "--set goes with a sweep, which --models does not run"),
    ],
)
def test_options_without_meaning_are_refused(command, as_if_run, tmp_path, name, given, message):
    code, _, error = command(name, "--out", tmp_path, *given)
    assert code == 2
    assert message in error
    assert not as_if_run


def test_the_paper_s_recipe_is_swept_over_its_own_grid(command, as_if_run, tmp_path):
    recipe = REPRODUCE.parent / "recipes" / "vit-b.yaml"
    code, _, error = command("figure_14", "--recipe", recipe, "--out", tmp_path)
    assert code == 0, error
    (sweep,) = as_if_run
    assert {point.values["triplets.n"] for point in sweep.points} == {10**power for power in range(3, 8)}
    assert len(sweep.points) == 9  # each of the two is varied alone


@pytest.mark.parametrize(("name", "n_findings"), [("findings_objects92", 25), ("findings_photographs", 23)])
def test_the_sweeps_state_findings_that_their_points_can_show(name, n_findings):
    sweep = load_sweep(REPRODUCE / f"{name}.yaml")
    assert {point.recipe.split.fold for point in sweep.points} == {0, 1, 2}
    found = findings(sweep, scored(sweep).rows)
    assert len(found) == n_findings
    assert all(one.comparison is not None for one in found)
    verdicts = {one.finding.claim: one.verdict for one in found}
    assert verdicts["AligNet is nearer to people than UnAligNet, the same without the teacher's alignment"] == "shown"
    assert verdicts["More triplets teach more"] == "not decided"
    same = [one for one in found if one.finding.expect == "same"]
    assert {one.verdict for one in same} == {"no difference found"}
    assert not any("the paper says" in str(one) for one in same)  # want of evidence is no agreement
    assert not any("paper" in str(one) for one in same if "triplets make no difference" in str(one))
    for grid in ("settings", "sampling", "triplets", "images", "direct"):
        assert load_sweep(REPRODUCE / f"{name}.yaml", only=[grid]).points


def test_every_number_that_stands_in_a_table_of_ours_is_in_a_table_of_theirs():
    assert set(paper.STATED) | set(paper.NOT_LEGIBLE) | {"Tab. 3"} == {
        *(f"Tab. {n}" for n in TABLES),
        *(f"Fig. {n}" for n in FIGURES),
    }
    assert {f"Fig. {n}" for n in FIGURES} <= set(paper.NOT_LEGIBLE)  # of none does the text have the numbers drawn
    assert set(paper.STATED) >= {f"Fig. {n}" for n in FIGURES if n != 2}


def test_models_are_scored_on_people_in_every_setting(command, tmp_path):
    """118 objects, as Cichy's; UD is fitted to a few choices, as `align` does."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for row in range(118):
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), np.uint8)).save(tmp_path / "images" / f"{row:03}.png")
    matrix = np.abs(rng.normal(size=(118, 118)))
    np.savez(
        tmp_path / "cichy.npz",
        dissimilarities=(matrix + matrix.T) * (1 - np.eye(118)),
        names=np.array(sorted(path.name for path in (tmp_path / "images").iterdir())),
    )
    encoders = [save_tiny_encoder(tmp_path / f"encoder-{seed}", seed) for seed in range(2)]
    width = AutoConfig.from_pretrained(encoders[0]).hidden_size
    triplets = rng.permuted(np.tile(np.arange(20), (30, 1)), axis=1)[:, :3]
    ud = UncertaintyDistillation.fit(rng.normal(size=(20, width)).astype(np.float32), triplets, max_epochs=2, seed=0)
    ud.save_pretrained(tmp_path / "ud")
    models = {"original": encoders[0], "ud": str(tmp_path / "ud"), "alignet": encoders[1]}
    (tmp_path / "models.yaml").write_text(json.dumps({"tiny": models}))
    given = ("--cichy", tmp_path / "cichy.npz", "--images", tmp_path / "images", "--n-bootstrap", 20)
    code, said, error = command("table_1", "--models", tmp_path / "models.yaml", *given, "--out", tmp_path / "out")
    assert code == 0, error
    row = next(line for line in said.splitlines() if "tiny" in line and "[" in line)
    assert row.count("[") == 3  # three settings with their intervals, and none of UnAligNet


def test_scores_of_a_model_trained_anew_in_its_folder_are_computed_again(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(REPRODUCE)
    import common

    calls = []

    def run(command, **options):
        calls.append(command)
        return subprocess.CompletedProcess(
            command, 0, stdout=json.dumps({"scores": {"score": {"estimate": len(calls) / 8}}})
        )

    monkeypatch.setattr(subprocess, "run", run)
    student = save_tiny_encoder(tmp_path / "student", 0)

    def score() -> float:
        scores = common.evaluated({"tiny": {"alignet": student}}, ["--suite", "vision"], tmp_path / "out")
        return scores["tiny"]["alignet"]["score"]["estimate"]

    assert (score(), score()) == (1 / 8, 1 / 8)
    (tmp_path / "student" / "README.md").write_text("Its card.")
    assert score() == 1 / 8
    save_tiny_encoder(tmp_path / "student", 1)
    assert (score(), score()) == (2 / 8, 2 / 8)


def test_scores_are_what_the_command_says(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(REPRODUCE)
    import common

    student = save_tiny_encoder(tmp_path / "student", 0)
    options = ["objects92", "--dissimilarities", "objects92", "--in-order", "--n-bootstrap", "5"]
    scores = common.evaluated({"tiny": {"alignet": student}}, options, tmp_path / "out")["tiny"]["alignet"]
    assert set(scores) == {"matrices_odd_one_out_accuracy", "matrices_rsa_spearman", "matrices_rsa_spearman_by_person"}
    assert all(one["low"] <= one["estimate"] <= one["high"] for one in scores.values())


def test_embeddings_of_a_model_trained_anew_in_its_folder_are_made_again(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(REPRODUCE)
    import common

    images = SomeImages(open_images("objects92"), np.arange(3))
    student = save_tiny_encoder(tmp_path / "student", 0)
    first = common.embed(student, images, tmp_path / "out")
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.safetensors")}
    np.testing.assert_array_equal(common.embed(student, images, tmp_path / "out"), first)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.safetensors")} == files
    save_tiny_encoder(tmp_path / "student", 1)
    second = common.embed(student, images, tmp_path / "out")
    np.testing.assert_array_equal(second, common.embed(student, images, tmp_path / "elsewhere"))
    assert not np.allclose(first, second)


def test_evaluations_are_kept(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(REPRODUCE)
    import common

    calls = []

    def run(command, **options):
        calls.append(command)
        said = json.dumps({"scores": {"few_shot_accuracy/1-shot": {"estimate": 0.5}}})
        return subprocess.CompletedProcess(command, 0, stdout=said)

    monkeypatch.setattr(subprocess, "run", run)
    models = {"tiny": {"original": ["demo-student", "--image-size", "56"], "ud": "transform"}}
    for _ in range(2):
        found = common.evaluated(models, ["--suite", "vision"], tmp_path)
    assert found == {"tiny": {"original": {"few_shot_accuracy/1-shot": {"estimate": 0.5}}}}
    assert len(calls) == 1
    assert calls[0][3:] == ["evaluate", "demo-student", "--image-size", "56", "--suite", "vision", "--json"]
    common.evaluated(models, ["--suite", "vision", "--shots", "1"], tmp_path)
    assert len(calls) == 2


def test_figure_15_analyses_the_variance_over_models_and_data_sets(command, monkeypatch, tmp_path):
    """UnAligNet is 0.05 worse everywhere, but for noise: the method matters, by far."""
    rng = np.random.default_rng(0)

    def run(command, **options):
        level = 0.5 if "alignet-of" in command[4] else 0.45
        names = [f"few_shot_accuracy/{name}/1-shot" for name in ("pets", "cars", "birds", "dtd")]
        said = {name: {"estimate": level + 0.1 * row + rng.normal(0, 0.001)} for row, name in enumerate(names)}
        return subprocess.CompletedProcess(command, 0, stdout=json.dumps({"scores": said}))

    monkeypatch.setattr(subprocess, "run", run)
    models = {name: {"unalignet": f"twin-of-{name}", "alignet": f"alignet-of-{name}"} for name in ("a", "b")}
    (tmp_path / "models.yaml").write_text(json.dumps(models))
    given = ("--models", tmp_path / "models.yaml", "--evaluate", "--few-shot pets", "--out", tmp_path)
    code, said, error = command("figure_15", *given)
    assert code == 0, error
    method = next(line for line in said.splitlines() if re.match(r"[│ ]+method", line))
    assert float(method.split("│")[4]) < 1e-3


def test_figure_13_on_what_is_embedded_has_corrupted_photographs(command, as_if_run, monkeypatch, tmp_path):
    asked = []

    def run(command, **options):
        asked.append(command)
        names = ("readout_accuracy", "robustness_accuracy/imagenet-c/fog/3", "mean_corruption_error", "knn_accuracy")
        said = {name: {"estimate": row / 8} for row, name in enumerate(names)}
        return subprocess.CompletedProcess(command, 0, stdout=json.dumps({"scores": said}))

    monkeypatch.setattr(subprocess, "run", run)
    code, said, error = command("figure_13", "--embedded", "--out", tmp_path)
    assert code == 0, error
    assert len(asked) == 3  # original, UnAligNet, AligNet
    assert all(" --robustness c=made" in " ".join(map(str, one)) for one in asked)
    assert all(f"{row / 8:.3f}" in said for row in range(3))
    assert "readout_accuracy" in re.sub(r"[\s│]", "", said)
    assert "knn" not in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "expected models, each with its settings"),
        ("{a: {origin: x}}", "give settings among original, unalignet, ud, alignet"),
        ("{a: {ud: x}}", "give original too"),
    ],
)
def test_wrong_models_are_named(command, tmp_path, content, message):
    (tmp_path / "models.yaml").write_text(content)
    code, _, error = command("table_2", "--models", tmp_path / "models.yaml", "--out", tmp_path)
    assert code == 2
    assert message in error


def test_a_point_that_failed_ends_the_command_when_the_rest_is_said(command, as_if_run, monkeypatch, tmp_path):
    import common

    def run_sweep(sweep, out, *, processes):
        return replace(scored(sweep), failures={sweep.points[0].name: "images.source: wrong"})

    monkeypatch.setattr(common, "run_sweep", run_sweep)
    code, said, error = command("table_1", "--embedded", "--out", tmp_path)
    assert code == 2
    assert "paired differences" in said
    assert error.endswith("goes on with them: split.fold=0: images.source: wrong\n")


def test_the_readme_names_each_command_and_its_commands_parse():
    readme = (REPRODUCE / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`((?:table|figure)_\d+)\.py`", readme)) == set(COMMANDS)
    for line in re.findall(r"^ {4}alignet-hf (sweep .*)$", readme, re.MULTILINE):
        _, path, *words = shlex.split(line)
        group = typer.main.get_command(cli.app).commands["sweep"]
        given = group.make_context("sweep", [path, *words]).params
        assert load_sweep(REPRODUCE.parents[1] / given["recipe"]).points
    for name in re.findall(r"^ {4}python training/reproduce/(\w+)\.py", readme, re.MULTILINE):
        assert name in COMMANDS


@pytest.mark.slow
def test_figure_3_on_what_is_embedded(command, tmp_path):
    teacher, student = (save_tiny_encoder(tmp_path / name, seed) for seed, name in enumerate(("teacher", "student")))
    small = {
        "teacher.model": teacher,
        "student.model": student,
        "student.image_size": "null",
        "surrogate.epochs": 5,
        "distill.steps": 2,
        "distill.batch_size": 12,
        "distill.warmup_steps": 1,
        "triplets.n": 200,
        "evaluate.n_bootstrap": 20,
    }
    values = [word for key, value in small.items() for word in ("--set", f"{key}={value}")]
    code, said, error = command("figure_3", "--embedded", "--out", tmp_path / "out", *values)
    assert code == 0, error
    assert "Not shown on these data: ImageNet's photographs" in said
    # By RSM correlation and by CKA.
    assert len([line for line in said.splitlines() if re.search(r"[│|].*teacher and student", line)]) == 2
    changes = [line for line in said.splitlines() if re.search(r"distance_change/same_superordinate", line)]
    assert [line.count("scaled_") for line in changes] == [0, 1]
    cells = [re.split("[│|]", line)[2:] for line in changes]
    assert cells[0] != cells[1]  # the student's size changes too
    for measure in ("RSM correlation", "linear CKA"):
        assert f"{measure}, after less before: " in said
    names = ("models-rsm", "models-cka", "student-levels", "student-categories", "student-scaled-categories")
    for name in names:
        assert (tmp_path / "out" / "figures" / f"{name}.png").is_file()
