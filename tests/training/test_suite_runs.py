"""Every recipe of the paper, end to end, with its models shrunk: teacher to card."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from processes import launched
from shrunk import STUDENTS, TEACHER, overrides, save_encoder, small_data
from transformers import AutoImageProcessor, AutoModel

from alignet_hf import AligNetVisionModel, load_alignet, pipeline
from alignet_hf.data.images import CachedImages
from alignet_hf.inputs import read_judgments
from alignet_hf.pipeline import open_images
from alignet_hf.recipe_file import load_recipe
from alignet_hf.stages import Stages
from alignet_hf.surrogate.embeddings import Embeddings

RECIPES = Path(__file__).parents[2] / "training" / "recipes"
FAST = "siglip-b"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return small_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def teacher(tmp_path_factory) -> str:
    return save_encoder(*TEACHER, tmp_path_factory.mktemp("teacher"), seed=1)


def run(recipe, out) -> dict:
    return pipeline.run(recipe, out, say=lambda line: None)


def test_there_is_a_recipe_for_each_student_of_the_paper_and_for_its_teacher():
    assert {path.stem for path in RECIPES.glob("*.yaml")} == {*STUDENTS, "siglip-so400m", "things_photos"}


@pytest.mark.parametrize(
    "name", [name if name == FAST else pytest.param(name, marks=pytest.mark.slow) for name in STUDENTS]
)
def test_a_recipe_makes_its_student_and_the_twin(name, data, teacher, tmp_path):
    build, processor, pooling = STUDENTS[name]
    student = save_encoder(build, processor, tmp_path / "base")
    metrics = run(load_recipe(RECIPES / f"{name}.yaml", overrides(data, teacher, student)), tmp_path / "run")
    assert set(metrics["student"]) == {"original", "unalignet", "ud", "alignet"}
    for scores in (*metrics["teacher"].values(), *metrics["student"].values()):
        assert all(np.isfinite(score["estimate"]) for score in scores.values())
    before = AligNetVisionModel.from_backbone(student)
    image = open_images("objects92")[3]
    embeddings = {}
    for setting, folder in (("alignet", "student"), ("unalignet", "unalignet/student")):
        model = AutoModel.from_pretrained(tmp_path / "run" / folder)
        assert model.config.resolved_pooling == before.config.resolved_pooling == pooling
        assert type(model.backbone) is type(before.backbone)
        assert model.triplet_head.out_features == 1024
        card = ModelCard.load(tmp_path / "run" / folder / "README.md")
        assert card.data.eval_results
        for file in ("README.md", "recipe.yaml"):  # what is pushed names no folder of this machine
            assert str(data) not in (tmp_path / "run" / folder / file).read_text()
        inputs = AutoImageProcessor.from_pretrained(tmp_path / "run" / folder)(images=[image], return_tensors="pt")
        with torch.no_grad():
            embeddings[setting] = model(**inputs).pooler_output[0].numpy()
        measured = np.asarray(Embeddings.from_pretrained(tmp_path / "run" / "embeddings" / setting))[3]
        np.testing.assert_allclose(embeddings[setting], measured, atol=1e-5)
    assert not np.array_equal(embeddings["alignet"], embeddings["unalignet"])
    for folder in ("triplets", "unalignet/triplets"):  # of ImageNet's photographs alone
        assert np.asarray(load_alignet(tmp_path / "run" / folder).with_format("numpy")["indices"][:]).min() >= 92


def test_the_twin_alone(data, teacher, tmp_path):
    student = save_encoder(*STUDENTS[FAST][:2], tmp_path / "base")
    given = overrides(data, teacher, student, "evaluate.settings=[unalignet]")
    metrics = run(load_recipe(RECIPES / f"{FAST}.yaml", given), tmp_path / "run")
    assert set(metrics["student"]) == {"unalignet"}
    assert (tmp_path / "run" / "unalignet" / "student" / "README.md").is_file()
    assert not (tmp_path / "run" / "student").exists()
    assert not (tmp_path / "run" / "triplets").exists()


@pytest.mark.slow
def test_a_copy_of_a_run_goes_on_with_another_student(data, teacher, tmp_path):
    for name, folder in ((FAST, "first"), ("dinov2-b", "second")):
        student = save_encoder(*STUDENTS[name][:2], tmp_path / name)
        recipe, lines = load_recipe(RECIPES / f"{name}.yaml", overrides(data, teacher, student)), []
        pipeline.run(recipe, tmp_path / folder, force=True, say=lines.append)
        done = [line.removesuffix(" ...") for line in lines if line.endswith(" ...")]
        if folder == "first":
            shutil.copytree(tmp_path / "first", tmp_path / "second")
    assert done == ["original", "alignet", "unalignet", "evaluate", "report"]
    assert type(AutoModel.from_pretrained(tmp_path / "second" / "student").backbone).__name__ == "Dinov2Model"


@pytest.mark.slow
def test_two_processes_make_what_one_makes(data, teacher, tmp_path):
    """training/distill.py, by itself and as `accelerate launch` starts it; from a cache, in float32."""
    student = save_encoder(*STUDENTS[FAST][:2], tmp_path / "base")
    more = (f"images.cache={tmp_path / 'cache'}", "evaluate.settings=[alignet]", "distill.bf16=false")
    given = [word for override in overrides(data, teacher, student, *more) for word in ("--set", override)]
    script = [str(RECIPES.parent / "distill.py"), str(RECIPES / f"{FAST}.yaml"), *given]
    n_processes, scores = {"one": 1, "two": 2}, {}
    for name, n in n_processes.items():
        launched(n, *script, "--out", tmp_path / name, timeout=500)
        scores[name] = json.loads((tmp_path / name / "metrics.json").read_text())
    for setting in scores["one"]["student"]:
        one, two = (scores[name]["student"][setting]["odd_one_out_accuracy"]["estimate"] for name in ("one", "two"))
        assert one == pytest.approx(two, abs=0.02)
    first, second = (
        np.asarray(Embeddings.from_pretrained(tmp_path / name / "embeddings/alignet")) for name in n_processes
    )
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_the_teacher_s_recipe_ends_with_its_triplets(data, teacher, tmp_path):
    recipe = load_recipe(RECIPES / "siglip-so400m.yaml", overrides(data, teacher, None))
    metrics = run(recipe, tmp_path / "run")
    assert set(metrics["teacher"]) == {"original", "ud"}
    triplets = load_alignet(tmp_path / "run" / "triplets")
    assert len(triplets) == 400
    assert Embeddings.from_pretrained(tmp_path / "run" / "teacher").dtype == np.float16


@pytest.mark.slow
def test_a_shared_cache_classes_and_a_photograph_that_cannot_be_decoded(data, teacher, tmp_path):
    """Two runs of one geometry share a cache: it is made once."""
    broken = small_data_with_a_broken_file(data, tmp_path)
    student = save_encoder(*STUDENTS[FAST][:2], tmp_path / "base")
    more = [
        f"images.extra=imagenet:{broken}",
        "images.on_bad=skip",
        f"images.cache={tmp_path / 'cache'}",
        "triplets.strategy=class-boundary",
        "distill.pixels=uint8",
        "evaluate.settings=[alignet]",
    ]
    recipe = load_recipe(RECIPES / f"{FAST}.yaml", overrides(data, teacher, student, *more))
    run(recipe, tmp_path / "run")
    undecodable = json.loads((tmp_path / "run" / "undecodable.json").read_text())
    assert len(undecodable) == 1
    assert "n00000009_1.JPEG" in next(iter(undecodable.values()))
    cache = CachedImages(tmp_path / "cache")
    assert len(cache) == 92 + 46
    assert not cache.undecodable
    triplets = load_alignet(tmp_path / "run" / "triplets").with_format("numpy")[:]
    wnids = np.array([[name.split("_")[0] for name in row] for row in triplets["filenames"]])
    assert all(len(set(row)) == 2 for row in wnids)  # two of a class, one of another
    written = (tmp_path / "cache" / "images.npy").stat().st_mtime_ns
    with Stages(tmp_path / "again", print) as stages:
        another = pipeline.Pipeline(recipe, tmp_path / "again", stages)
        another.check_images()
        another.cache_images()
    assert (tmp_path / "cache" / "images.npy").stat().st_mtime_ns == written


def test_judgments_of_a_broken_photograph_are_left_out(data, teacher, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for row, name in enumerate(open_images("objects92").names):
        open_images("objects92")[row].save(source / name)
    given = overrides(data, teacher, None, f"images.source={source}", "images.on_bad=skip")
    recipe = load_recipe(RECIPES / "siglip-so400m.yaml", given)
    whole = read_judgments(recipe, open_images("objects92").names)
    lost = [whole.held_out_rows[3], np.setdiff1d(np.arange(92), whole.held_out_rows)[5]]
    for row in lost:
        (source / open_images("objects92").names[row]).write_bytes(b"\xff\xd8\xff no image")
    said = []
    metrics = pipeline.run(recipe, tmp_path / "run", say=said.append)
    n_scored = (~np.isin(whole.held_out, lost).any(1)).sum()
    assert 0 < n_scored < len(whole.held_out)
    assert metrics["held_out"] == {"objects": len(whole.held_out_rows) - 1, "triplets": n_scored}
    assert metrics["teacher"]["ud"]["odd_one_out_accuracy"]["estimate"] > 0
    told = "going on without what follows (2 of the source, and all judgments of them): 2 images could not be"
    assert any(told in line for line in said)


def small_data_with_a_broken_file(data: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "imagenet" / "train"
    folder.mkdir(parents=True)
    for path in (data / "imagenet" / "train").rglob("*.JPEG"):
        (folder / path.name).symlink_to(path)
    (folder / "n00000009_1.JPEG").write_bytes(b"\xff\xd8\xff no image")
    return folder.parent
