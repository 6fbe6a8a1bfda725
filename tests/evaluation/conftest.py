"""A finished run on the embedded photographs whose embeddings are made up, and a page of it."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from alignet_hf.demo.objects92 import people
from alignet_hf.demo.run import RECIPE
from alignet_hf.evaluation.human.scores import CHANCE, score_on_judgments
from alignet_hf.evaluation.page.of_run import page_of_run
from alignet_hf.evaluation.page.writing import write_page
from alignet_hf.inputs import open_images, read_judgments
from alignet_hf.recipe_file import load_recipe

SETTINGS = {"original": 3.0, "unalignet": 1.0, "ud": 1.5, "alignet": 0.3}  # how much noise hides what people find


@dataclass
class MadeRun:
    """What a page reads of a `Pipeline`, with embeddings that know of people's similarities as much as it says."""

    recipe: object
    judgments: object
    images: object
    out: Path
    embeddings: dict[str, np.ndarray]
    results: dict
    metrics: dict
    undecodable = np.array([], np.int64)
    images_fingerprint = "0123456789abcdef"

    @property
    def judged_images(self):
        return self.images

    def teacher_view(self, setting: str) -> np.ndarray:
        return self.embeddings["unalignet" if setting == "original" else "alignet"]

    def student_embeddings(self, setting: str) -> np.ndarray:
        return self.embeddings[setting]

    def student_folder(self, setting: str) -> Path:
        return self.out / setting


def make_run(out: Path, *overrides: str) -> MadeRun:
    """Make one; the overrides are those of a recipe."""
    recipe = load_recipe(RECIPE, ["evaluate.n_bootstrap=40", *overrides])
    images = open_images("objects92")
    judgments = read_judgments(recipe, images.names, with_training=False)
    distances = people().mean(0).astype(np.float64)
    centring = np.eye(92) - 1 / 92
    values, vectors = np.linalg.eigh(-centring @ distances**2 @ centring / 2)  # classical scaling
    places = vectors[:, -8:] * np.sqrt(values[-8:])
    rng = np.random.default_rng(0)
    embeddings = {
        name: places + noise * places.std() * rng.normal(size=places.shape) for name, noise in SETTINGS.items()
    }

    scores = {name: score_on_judgments(rows, judgments, n_bootstrap=40, seed=0) for name, rows in embeddings.items()}
    results = {("teacher", "original"): scores["unalignet"], ("teacher", "ud"): scores["alignet"]}
    results |= {("student", name): scores[name] for name in SETTINGS}
    measured = {"teacher": {}, "student": {}}
    for (who, setting), found in results.items():
        measured[who][setting] = {measure: result.to_dict() for measure, result in found.items()}
    for name in ("alignet", "unalignet"):
        (out / "training" / name).mkdir(parents=True)
        history = [{"step": step, "loss": 1 / step, "eval_people_odd_one_out_accuracy": 0.4} for step in range(1, 5)]
        (out / "training" / name / "curve.json").write_text(json.dumps(history))
    metrics = {
        "recipe": recipe.name,
        **measured,
        "noise_ceiling": judgments.noise_ceiling,
        "chance": CHANCE,
        "held_out": {"objects": len(judgments.held_out_rows), "triplets": len(judgments.held_out)},
        "seconds": {"teacher": 1.25, "report": 2.5},
    }
    return MadeRun(recipe, judgments, images, out, embeddings, results, metrics)


@pytest.fixture(scope="session")
def made_run(tmp_path_factory) -> MadeRun:
    return make_run(tmp_path_factory.mktemp("made_run"))


@pytest.fixture(scope="session")
def page_file(made_run) -> Path:
    return write_page(page_of_run(made_run, made_run.metrics), made_run.out)
