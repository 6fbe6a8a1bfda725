"""The whole pipeline on the embedded data with a tiny student, whole and interrupted."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from backbones import save_tiny_encoder
from PIL import Image
from transformers import AutoImageProcessor, AutoModel

from alignet_hf import AligNetVisionModel, load_alignet, pipeline, pipeline_work
from alignet_hf.demo.run import RECIPE, mean_of_folds, run_demo
from alignet_hf.distill.trainer import AligNetTrainer
from alignet_hf.errors import InputError
from alignet_hf.inputs import open_images, read_judgments
from alignet_hf.recipe_file import load_recipe
from alignet_hf.surrogate.cluster import Clusters
from alignet_hf.surrogate.embeddings import Embeddings
from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation


@pytest.fixture(scope="module")
def encoders(tmp_path_factory) -> list[str]:
    """A tiny teacher and a tiny student, in folders with a processor."""
    names = enumerate(("teacher", "student"))
    return [save_tiny_encoder(tmp_path_factory.mktemp(name), seed) for seed, name in names]


@pytest.fixture(scope="module")
def recipe(encoders):
    return load_recipe(RECIPE, overrides(encoders))


def overrides(encoders, *more: str) -> list[str]:
    """The demo's recipe, small enough for a test."""
    teacher, student = encoders
    return [
        f"teacher.model={teacher}",
        f"student.model={student}",
        "student.image_size=null",
        "surrogate.epochs=10",
        "distill.steps=4",
        "distill.batch_size=12",
        "distill.warmup_steps=1",
        "distill.save_steps=2",
        "distill.evaluate_steps=2",
        "distill.student_temperature=auto",
        "distill.unaligned_teacher_temperature=auto",
        "triplets.n=200",
        "evaluate.n_bootstrap=20",
        *more,
    ]


@pytest.fixture(scope="module")
def finished(recipe, tmp_path_factory) -> tuple[Path, dict]:
    out = tmp_path_factory.mktemp("run")
    return out, pipeline.run(recipe, out, say=lambda line: None)


def scores(metrics: dict) -> dict:
    return {key: value for key, value in metrics.items() if key != "seconds"}


def test_metrics_hold_every_setting_with_its_interval(finished):
    out, metrics = finished
    assert metrics == json.loads((out / "metrics.json").read_text())
    assert set(metrics["teacher"]) == {"original", "ud"}
    assert set(metrics["student"]) == {"original", "unalignet", "ud", "alignet"}
    for setting in (*metrics["teacher"].values(), *metrics["student"].values()):
        for score in (setting["odd_one_out_accuracy"], setting["rsa_spearman"]):
            assert score["low"] <= score["estimate"] <= score["high"]
    assert metrics["chance"]["odd_one_out_accuracy"] == pytest.approx(1 / 3)
    assert metrics["noise_ceiling"]["odd_one_out_accuracy"] > 0.5
    assert set(metrics["seconds"]) >= {"teacher", "surrogate", "clusters", "triplets", "alignet", "unalignet", "report"}


def test_the_student_loads_with_auto_classes_and_is_the_one_measured(finished):
    out, _ = finished
    model, processor = AutoModel.from_pretrained(out / "student"), AutoImageProcessor.from_pretrained(out / "student")
    assert isinstance(model, AligNetVisionModel)
    image = open_images("objects92")[5]
    with torch.no_grad():
        embedding = model(**processor(images=[image], return_tensors="pt")).pooler_output[0]
    measured = np.asarray(Embeddings.from_pretrained(out / "embeddings" / "alignet"))[5]
    np.testing.assert_allclose(embedding, measured, atol=1e-5)
    assert {path.name for path in (out / "student").iterdir()} == {
        "README.md",
        "alignment.json",
        "config.json",
        "configuration_alignet.py",
        "image_processing_alignet.py",
        "model.safetensors",
        "modeling_alignet.py",
        "preprocessor_config.json",
        "recipe.yaml",
        "training_curve.png",
    }  # no pickle


def test_the_page_of_a_run_has_its_scores_and_no_photograph_where_none_may_be_shown(call, finished):
    out, metrics = finished
    page = (out / "report.html").read_text()
    assert len(page) < 5_000_000
    for scores in (*metrics["teacher"].values(), *metrics["student"].values()):
        assert f">{scores['odd_one_out_accuracy']['estimate']:.3f}<" in page
    assert page.count("data:image/webp") == metrics["held_out"]["objects"]
    assert call("report", out)[0] == 0
    again = (out / "report.html").read_text()  # knows how long the report's own stage took
    code, said, _ = call("report", out, "--no-photographs")
    assert (code, said) == (0, f"report: {out / 'report.html'}\n")
    assert "data:image/webp" not in (out / "report.html").read_text()
    assert {path.name for path in (out / "figures").iterdir()} == {"similarity_matrices.png", "training.png"}
    assert "(figures/photographs.png)" not in (out / "report.md").read_text()
    assert call("report", out)[0] == 0
    assert (out / "report.html").read_text() == again


def test_the_student_learnt(finished, encoders):
    before = AligNetVisionModel.from_backbone(encoders[1]).state_dict()
    after = AutoModel.from_pretrained(finished[0] / "student").state_dict()
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_the_triplets_are_the_surrogate_s_answers_and_hold_no_held_out_object(finished, recipe):
    out, _ = finished
    triplets = load_alignet(out / "triplets").with_format("numpy")[:]
    teacher = np.asarray(Embeddings.from_pretrained(out / "teacher"))
    aligned = UncertaintyDistillation.from_pretrained(out / "surrogate").transform(teacher)
    i, j, k = (aligned[triplets["indices"][:, n]] for n in range(3))
    expected = np.stack([(i * j).sum(1), (i * k).sum(1), (j * k).sum(1)], 1)
    np.testing.assert_allclose(triplets["similarities"], expected, rtol=1e-4, atol=1e-4)
    held_out = read_judgments(recipe, open_images("objects92").names).held_out_rows
    assert not np.isin(triplets["indices"], held_out).any()


def test_the_report_shows_every_figure_it_names(finished):
    out, metrics = finished
    report = (out / "report.md").read_text()
    for name in ("similarity_matrices", "photographs", "training", "triplets"):
        assert f"(figures/{name}.png)" in report
        assert (out / "figures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert f"{metrics['student']['alignet']['odd_one_out_accuracy']['estimate']:.3f}" in report
    assert (
        "| people | triplets | of people, chose the odd one | student before [95 %] | student after [95 %] |" in report
    )
    counts = re.findall(r"^\| (?:agree|lean|split): [^|]+ \| ([\d,]+) \|", report, re.MULTILINE)
    assert sum(int(count.replace(",", "")) for count in counts) == metrics["held_out"]["triplets"]
    assert "| evaluate |" in report
    assert "| report | 0.0 |" not in report  # which has not ended where it is written


def test_a_finished_run_does_nothing(finished, recipe):
    out, metrics = finished
    lines = []
    files = [path for path in out.rglob("*") if path.is_file() and path.name != "recipe.yaml"]
    before = {path: path.stat().st_mtime_ns for path in files}
    assert pipeline.run(recipe, out, say=lines.append) == metrics
    assert lines == [f"{out}: finished before, nothing to do (--force repeats it)"]
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


@pytest.mark.parametrize("stop", [("embed", 2), ("step", 3), ("step", 6), ("save", 1)])
def test_an_interrupted_run_ends_with_the_same_numbers(finished, recipe, tmp_path, monkeypatch, stop):
    """Stopped in an embedding, in the training of either student, or while a checkpoint is written."""
    what, count = stop
    owner, name = {
        "embed": (pipeline_work, "embed_images"),
        "step": (AligNetTrainer, "training_step"),
        "save": (AligNetTrainer, "_save_rng_state"),
    }[what]
    original, calls = getattr(owner, name), []

    def stopping(*args, **kwargs):
        calls.append(1)
        if len(calls) == count:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, stopping)
        with pytest.raises(KeyboardInterrupt):
            pipeline.run(recipe, tmp_path, say=lambda line: None)
    assert not (tmp_path / "metrics.json").exists()
    again = pipeline.run(recipe, tmp_path, say=lambda line: None)
    assert scores(again) == scores(finished[1])


def test_a_student_that_is_trained_is_not_trained_again(finished, recipe, tmp_path, monkeypatch):
    """Stopped in the embedding that follows the training of the first of two students."""
    embed, step, calls, steps = pipeline_work.embed_images, AligNetTrainer.training_step, [], []

    def stopping(*args, **kwargs):
        calls.append(1)
        if len(calls) == 3:  # of the teacher, of the student as it came, of AligNet
            raise KeyboardInterrupt
        return embed(*args, **kwargs)

    def counting(*args, **kwargs):
        steps.append(1)
        return step(*args, **kwargs)

    monkeypatch.setattr(AligNetTrainer, "training_step", counting)
    with monkeypatch.context() as patch:
        patch.setattr(pipeline_work, "embed_images", stopping)
        with pytest.raises(KeyboardInterrupt):
            pipeline.run(recipe, tmp_path, say=lambda line: None)
    assert len(steps) == recipe.distill.steps
    weights = tmp_path / "student" / "model.safetensors"
    written = weights.stat().st_mtime_ns
    # As if it had been killed a moment earlier still: while the checkpoints went.
    (tmp_path / "training" / "alignet" / "checkpoint-4").mkdir()
    again = pipeline.run(recipe, tmp_path, say=lambda line: None)
    assert len(steps) == 2 * recipe.distill.steps  # those of UnAligNet
    assert weights.stat().st_mtime_ns == written
    assert not list((tmp_path / "training").glob("*/checkpoint-*"))
    for name in ("student/model.safetensors", "embeddings/alignet/embeddings.safetensors"):
        assert (tmp_path / name).read_bytes() == (finished[0] / name).read_bytes()
    assert scores(again) == scores(finished[1])


def digests(folder: Path) -> dict[Path, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in files}


def test_another_recipe_is_refused_and_repeats_what_follows_from_it_if_it_is_forced(finished, encoders, tmp_path):
    out, lines = tmp_path / "copy", []
    shutil.copytree(finished[0], out)
    changed = load_recipe(RECIPE, overrides(encoders, "evaluate.n_bootstrap=21", "teacher.num_workers=1"))
    before = digests(out)
    said = (
        r"another recipe \(.*evaluate.n_bootstrap: 20, now 21\): stages evaluate, report would be done again; --force"
    )
    with pytest.raises(InputError, match=said):
        pipeline.run(changed, out, say=lines.append)
    assert digests(out) == before
    assert not lines
    pipeline.run(changed, out, force=True, say=lines.append)
    assert [line.split(":")[0] for line in lines if line.endswith(" s")] == ["evaluate", "report"]
    pipeline.run(changed, out, say=lambda line: None)  # the same, from now on


def test_no_score_of_another_recipe_stays_beside_the_new_one(finished, encoders, tmp_path, monkeypatch):
    """Forced, stopped while it distils, and forced again, which goes on and repeats nothing that is done."""
    shutil.copytree(finished[0], tmp_path / "run")
    changed = load_recipe(RECIPE, overrides(encoders, "distill.steps=3"))

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(AligNetTrainer, "training_step", stop)
        with pytest.raises(KeyboardInterrupt):
            pipeline.run(changed, tmp_path / "run", force=True, say=lambda line: None)
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert left.isdisjoint({"metrics.json", "report.md", "figures", "student"})
    lines = []
    pipeline.run(changed, tmp_path / "run", force=True, say=lines.append)
    done = [line.split(":")[0] for line in lines if line.endswith(" s")]
    assert done == ["alignet", "unalignet", "evaluate", "report"]


def test_a_finished_run_is_repeated_if_it_is_forced(encoders, tmp_path):
    values = (f"teacher.model={encoders[0]}", "student=null", "distill=null", "surrogate.epochs=2", "triplets.n=50")
    recipe, lines = load_recipe(RECIPE, [*values, "evaluate.n_bootstrap=5"]), []
    for force in (False, True):
        pipeline.run(recipe, tmp_path, force=force, say=lines.append)
    done = [line.split(":")[0] for line in lines if line.endswith(" s")]
    assert done == ["teacher", "surrogate", "clusters", "triplets", "evaluate", "report"] * 2


def test_other_words_alone_write_the_report_anew(finished, encoders, tmp_path):
    shutil.copytree(finished[0], tmp_path / "run")
    lines = []
    pipeline.run(load_recipe(RECIPE, overrides(encoders, "student.license=mit")), tmp_path / "run", say=lines.append)
    assert [line.split(":")[0] for line in lines if line.endswith(" s")] == ["report"]


def test_a_photograph_that_has_changed_is_another_run(encoders, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for row, name in enumerate(open_images("objects92").names):
        (images / name).write_bytes(open_images("objects92").path(row).read_bytes())
    values = (f"teacher.model={encoders[0]}", "student=null", "distill=null", "surrogate.epochs=2", "triplets.n=50")
    recipe = load_recipe(RECIPE, [*values, f"images.source={images}", "evaluate.n_bootstrap=5"])
    pipeline.run(recipe, tmp_path / "run", say=lambda line: None)
    first = sorted(images.iterdir())[0]
    Image.new("RGB", (9, 9)).save(first)
    with pytest.raises(InputError, match="holds a run on files that have changed since: stages teacher, surrogate"):
        pipeline.run(recipe, tmp_path / "run", say=lambda line: None)


def test_a_folder_of_something_else_is_left_alone(recipe, tmp_path):
    (tmp_path / "recipe.yaml").write_text("mine")
    for force in (False, True):
        with pytest.raises(InputError, match="is there already, and not of this run; remove it or use another folder"):
            pipeline.run(recipe, tmp_path, force=force, say=lambda line: None)
    assert [path.name for path in tmp_path.iterdir() if path.name != ".lock"] == ["recipe.yaml"]
    assert (tmp_path / "recipe.yaml").read_text() == "mine"


def test_listed_triplets_and_extra_images(encoders, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for row in range(3):
        open_images("objects92")[row].rotate(90).save(folder / f"{row}.png")
    recipe = load_recipe(
        RECIPE,
        overrides(
            encoders, "distill.triplets=listed", f"images.extra={folder}", "evaluate.settings=[original, alignet]"
        ),
    )
    metrics = pipeline.run(recipe, tmp_path / "run", say=lambda line: None)
    assert set(metrics["student"]) == {"original", "alignet"}
    assert len(Embeddings.from_pretrained(tmp_path / "run" / "teacher")) == 95
    names = {name for row in load_alignet(tmp_path / "run" / "triplets")["filenames"] for name in row}
    assert {"0.png", "1.png", "2.png"} <= names


def test_the_elbow_s_curve_is_drawn_beside_the_clusters(encoders, tmp_path):
    values = (f"teacher.model={encoders[0]}", "student=null", "distill=null", "surrogate.epochs=2", "triplets.n=50")
    recipe = load_recipe(RECIPE, [*values, "clusters.n_clusters=elbow", "evaluate.n_bootstrap=5"])
    pipeline.run(recipe, tmp_path, say=lambda line: None)
    curve = Clusters.from_pretrained(tmp_path / "clusters").elbow_curve
    assert len(curve) > 5
    with Image.open(tmp_path / "clusters" / "elbow.png") as drawn:
        assert drawn.size == (900, 600)


def test_people_s_choices_in_place_of_matrices(encoders, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "dimensions.npy", rng.random((92, 8)))
    triplets = rng.permuted(np.tile(np.arange(92), (600, 1)), axis=1)[:, :3]
    np.savetxt(tmp_path / "triplets.txt", triplets, "%d")
    names = open_images("objects92").names
    rows = "".join(f"{concept}\t{name}\n" for concept, name in enumerate(names))
    (tmp_path / "concepts.tsv").write_text(f"concept_index\tphoto\n{rows}")
    files = {"triplets": "triplets.txt", "embedding": "dimensions.npy", "concepts": "concepts.tsv"}
    human = ", ".join(f"{key}: {tmp_path / name}" for key, name in files.items())
    recipe = load_recipe(RECIPE, overrides(encoders, f"human={{{human}}}", "evaluate.settings=[original, alignet]"))
    metrics = pipeline.run(recipe, tmp_path / "run", say=lambda line: None)
    assert metrics["held_out"]["objects"] == 31
    assert metrics["noise_ceiling"] == {}
    report = (tmp_path / "run" / "report.md").read_text()
    assert "people's dimensions" in report
    assert "Where people are unsure" not in report  # nobody says how many would choose so


def test_judgments_of_other_images_are_refused(encoders, tmp_path):
    open_images("objects92")[0].save(tmp_path / "one.png")
    recipe = load_recipe(RECIPE, overrides(encoders, f"images.source={tmp_path}"))
    with pytest.raises(InputError, match="92 objects were judged, but there are 1 images"):
        pipeline.run(recipe, tmp_path / "run", say=lambda line: None)


def test_the_demo_on_several_folds(encoders, tmp_path, monkeypatch, recipe):
    monkeypatch.setattr(
        "alignet_hf.demo.run.load_recipe", lambda path, more: load_recipe(path, overrides(encoders, *more))
    )
    metrics = run_demo(tmp_path, folds=2, say=lambda line: None)
    assert metrics == json.loads((tmp_path / "folds.json").read_text())
    first, second = metrics["folds"]
    assert (tmp_path / "metrics.json").exists()
    assert (tmp_path / "fold-2" / "metrics.json").exists()
    mean = metrics["mean"]["student"]["alignet"]["rsa_spearman"]
    ends = [run["student"]["alignet"]["rsa_spearman"] for run in (first, second)]
    assert mean["estimate"] == pytest.approx(np.mean([score["estimate"] for score in ends]))
    assert mean["high"] - mean["low"] < max(score["high"] - score["low"] for score in ends)


def test_the_interval_of_a_mean_is_that_of_independent_folds():
    """Against drawn numbers: the mean of three normal scores has a third of the variance."""
    score = {"estimate": 0.5, "low": 0.5 - 1.96, "high": 0.5 + 1.96}
    run = {"teacher": {}, "student": {"alignet": dict.fromkeys(("odd_one_out_accuracy", "rsa_spearman"), score)}}
    mean = mean_of_folds([run] * 3)["student"]["alignet"]["rsa_spearman"]
    draws = np.random.default_rng(0).normal(0.5, 1, (3, 200_000)).mean(0)
    np.testing.assert_allclose([mean["low"], mean["high"]], np.percentile(draws, [2.5, 97.5]), atol=0.02)


def test_a_run_goes_on_without_broken_photographs_that_people_judged(encoders, recipe, tmp_path):
    """The same numbers of objects and triplets, but for those that name a broken one; every figure and student."""
    photographs = open_images("objects92")
    whole = read_judgments(recipe, photographs.names)
    lost = [int(whole.held_out_rows[3]), int(np.setdiff1d(np.arange(92), whole.held_out_rows)[5])]
    (tmp_path / "images").mkdir()
    for row, name in enumerate(photographs.names):
        (tmp_path / "images" / name).write_bytes(b"\xff\xd8 no" if row in lost else photographs.path(row).read_bytes())
    options = (f"images.source={tmp_path / 'images'}", "images.on_bad=skip", "evaluate.settings=[alignet]")
    said = []
    metrics = pipeline.run(load_recipe(RECIPE, overrides(encoders, *options)), tmp_path / "run", say=said.append)
    told = "going on without what follows (2 of the source, and all judgments of them): 2 images could not be"
    assert any(told in line for line in said)
    n_scored = int((~np.isin(whole.held_out, lost).any(1)).sum())
    assert metrics["held_out"] == {"objects": len(whole.held_out_rows) - 1, "triplets": n_scored}
    assert metrics["noise_ceiling"] != whole.noise_ceiling
    names = set(Embeddings.from_pretrained(tmp_path / "run" / "embeddings" / "alignet").names)
    assert names == set(photographs.names) - {photographs.names[row] for row in lost}
    assert (tmp_path / "run" / "figures" / "triplets.png").is_file()


def test_a_student_learns_from_people_alone_and_from_fewer_images(encoders, tmp_path):
    """Setting human: no triplet of a held-out object, no teacher; images.n_distill: nested subsets of the images."""
    rows = {}
    for n in (20, 40):
        options = ("evaluate.settings=[original, human]", f"images.n_distill={n}", "distill.triplets=listed")
        recipe = load_recipe(RECIPE, overrides(encoders, *options))
        metrics = pipeline.run(recipe, tmp_path / str(n), say=lambda line: None)
        triplets = load_alignet(tmp_path / str(n) / "triplets").with_format("numpy")["indices"][:]
        rows[n] = set(np.unique(triplets).tolist())
    assert set(metrics["student"]) == {"original", "human"}
    assert len(rows[20]) <= 20 < len(rows[40]) <= 40
    assert rows[20] <= rows[40]
    card = (tmp_path / "40" / "human" / "student" / "README.md").read_text()
    assert "people's odd-one-out choices" in card
    assert "The teacher was aligned" not in card
    before, after = (
        np.asarray(Embeddings.from_pretrained(tmp_path / "40" / "embeddings" / name)) for name in ("original", "human")
    )
    assert not np.array_equal(before, after)


def test_more_images_to_distil_on_than_there_are(encoders, tmp_path):
    recipe = load_recipe(RECIPE, overrides(encoders, "images.n_distill=62"))
    with pytest.raises(InputError, match=r"images\.n_distill is 62, but there are 61 images; lower it"):
        pipeline.run(recipe, tmp_path, say=lambda line: None)
