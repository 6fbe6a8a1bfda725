"""The folder of `evaluate --out`: what is refused, what --force replaces, and that nothing of earlier scores stays."""

import json
import os
import shutil

import numpy as np
import pytest
from backbones import tiny_backbone
from PIL import Image
from transformers import BitImageProcessorPil

from alignet_hf.errors import InputError
from alignet_hf.evaluation.scores_folder import claim_scores_folder, remove_scores


def files_of(folder) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("lab"), np.random.default_rng(0)
    for name in ("ant", "bee", "cat"):
        (folder / "photos" / name).mkdir(parents=True)
        for photo in range(4):
            pixels = rng.integers(0, 255, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / name / f"{photo}.png")
    tiny_backbone("dinov2").save_pretrained(folder / "encoder")
    BitImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False).save_pretrained(folder / "encoder")
    return folder


def arguments_of(lab, suite: str) -> list:
    photos = lab / "photos"
    arguments = ["evaluate", lab / "encoder", "--suite", suite, "--test", photos, "--n-bootstrap", 5]
    return [*arguments, "--training", photos, "--shots", 1, "--draws", 1] if suite == "vision" else arguments


def test_scores_of_other_options_are_refused_and_with_force_nothing_of_them_stays(call, lab, tmp_path):
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    triplets = np.random.default_rng(0).permuted(np.tile(np.arange(12), (20, 1)), axis=1)[:, :3]
    np.savetxt(tmp_path / "choices.txt", triplets, "%d")
    suites = [*arguments_of(lab, "vision"), "--suite", "human,vision", "--triplets", tmp_path / "choices.txt"]
    code, _, error = call(*suites, "--against", lab / "encoder", lab / "photos", "--out", out)
    assert code == 0, error
    first = files_of(out)
    assert {"vision/scores.png", "calibration_error-scaled-bins.csv", "comparisons.csv", "triplets.json"} <= first
    other = arguments_of(lab, "representation")
    before = (out / "scores.json").read_bytes()
    code, printed, error = call(*other, "--out", out)
    assert (code, printed) == (2, "")
    assert f"{out}: holds what `evaluate` made from other inputs (suite: human,vision, now representation" in error
    assert "--force replaces it, or use another folder" in error
    assert (files_of(out), (out / "scores.json").read_bytes()) == (first, before)

    (out / "my notes.txt").write_text("mine")
    assert call("report", out)[0] == 0
    code, _, error = call(*other, "--out", out, "--force")
    assert code == 0, error
    assert "suite: human,vision, now representation" in error
    assert call(*other, "--out", fresh)[0] == 0
    assert files_of(out) == files_of(fresh) | {"my notes.txt"}


def test_the_same_command_replaces_what_it_made_and_a_changed_image_is_another_input(call, lab, tmp_path):
    photos = shutil.copytree(lab / "photos", tmp_path / "photos")
    out = photos / "scores"  # among what it reads
    arguments = ["evaluate", lab / "encoder", "--suite", "representation", "--test", photos, "--n-bootstrap", 5]
    arguments += ["--out", out]
    assert call(*arguments)[0] == 0
    shutil.rmtree(out / "representation")  # figures of a test folder are images of its images
    first = (out / "scores.json").read_bytes()
    (out / "comparisons.csv").write_text("of an earlier run")
    (out / "scores.png").unlink(missing_ok=True)
    assert call(*arguments)[0] == 0
    assert (out / "scores.json").read_bytes() == first
    assert not (out / "comparisons.csv").exists()
    shutil.rmtree(out / "representation")
    os.utime(photos / "ant" / "0.png", ns=(1, 1))
    code, _, error = call(*arguments)
    assert code == 2
    assert "(files of test)" in error


def test_a_folder_of_something_else_is_refused_before_anything_is_written(call, lab, tmp_path):
    photos = shutil.copytree(lab / "photos", tmp_path / "photos")
    before = files_of(photos)
    for option, said in {"--out": "is there already", "--embeddings": "give --embeddings a folder of its own"}.items():
        code, printed, error = call(*arguments_of(lab, "representation"), option, photos)
        assert (code, printed) == (2, "")
        assert f"{photos}: " in error
        assert said in error
    assert files_of(photos) - {".lock"} == before
    code, _, error = call(*arguments_of(lab, "representation"), "--out", tmp_path / "a", "--embeddings", tmp_path / "a")
    assert code == 2
    assert "--embeddings and --out" in error
    assert not (tmp_path / "a").exists()


def test_embeddings_may_be_kept_in_the_folder_of_the_scores(call, lab, tmp_path):
    arguments = [*arguments_of(lab, "representation"), "--out", tmp_path / "a", "--embeddings", tmp_path / "a" / "kept"]
    for _ in range(2):
        code, _, error = call(*arguments)
        assert code == 0, error
    assert list((tmp_path / "a" / "kept").glob("*/*/keys.npy"))


def test_what_is_known_of_the_options(tmp_path):
    (tmp_path / "labels.tsv").write_text("a.png\tant\n")
    options = {"model": "demo-student", "few_shot": [f"own=me/data,labels={tmp_path / 'labels.tsv'}"], "seed": 0}
    folder = tmp_path / "out"
    folder.mkdir()
    claim_scores_folder(folder, {**options, "out": folder, "as_json": False, "against": None})
    (folder / "scores.json").write_text(json.dumps({}))
    claim_scores_folder(folder, {**options, "as_json": True})
    other = {"model": "you/me"}
    for changed, said in (({"seed": 1}, "seed: 0, now 1"), (other, r"\(model: demo-student, now you/me\)")):
        with pytest.raises(InputError, match=said):
            claim_scores_folder(folder, options | changed)
    (tmp_path / "labels.tsv").write_text("a.png\tbee\n")
    with pytest.raises(InputError, match="files of few_shot"):
        claim_scores_folder(folder, options)


def test_what_is_not_of_an_evaluation_stays(tmp_path):
    own = ["scores.csv", "levels-bins.csv", "levels.png", "vision/scores.png", "representation/neighbours/3.webp"]
    others = ["vision/mine.txt", "mine.png", "other/scores.png"]
    for name in own + others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    remove_scores(tmp_path)
    assert files_of(tmp_path) == set(others)
    assert not (tmp_path / "representation").exists()
