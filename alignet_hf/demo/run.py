"""The demo: its recipe with the user's own teacher, student or photographs, on one fold or on all three."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.table import Table

from alignet_hf import pipeline
from alignet_hf.evaluation.report import SCORES, SETTINGS
from alignet_hf.hub.artifacts import replacing
from alignet_hf.recipe_file import load_recipe

RECIPE = Path(__file__).with_name("demo.yaml")
FOLDS = "folds.json"


def run_demo(
    out: Path,
    *,
    folds: int = 1,
    teacher: str | None = None,
    student: str | None = None,
    images: str | None = None,
    force: bool = False,
    say: Callable[[str], None] = print,
) -> dict:
    """Run the demo in a folder; further folds go into subfolders of it.

    Args:
        out: the folder; the first fold's run.
        folds: how many of the three folds to hold out, one after the other.
        teacher, student: a Hub id or folder in place of the demo's; at the model's own image size.
        images: a folder of photographs to distil on as well.

    Returns:
        The first fold's metrics; with more folds {"folds": [metrics ...], "mean": {...}}, as folds.json holds it.
    """
    overrides = [] if images is None else [f"images.extra={json.dumps(images)}"]
    for name, model in (("teacher", teacher), ("student", student)):
        if model is not None:
            overrides += [f"{name}.model={json.dumps(model)}", f"{name}.image_size=null"]
    if teacher or student:  # the recipe's temperatures are for its own encoders
        overrides += ["distill.student_temperature=auto", "distill.unaligned_teacher_temperature=auto"]
    runs = []
    for fold in range(folds):
        if folds > 1:
            say(f"fold {fold + 1} of {folds}")
        recipe = load_recipe(RECIPE, [*overrides, f"split.fold={fold}"])
        runs.append(pipeline.run(recipe, out if fold == 0 else out / f"fold-{fold + 1}", force=force, say=say))
    if folds == 1:
        return runs[0]
    metrics = {"folds": runs, "mean": mean_of_folds(runs)}
    with replacing(out / FOLDS) as path:
        path.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    return metrics


def mean_of_folds(runs: list[dict]) -> dict:
    """Each score's mean over folds -> {who: {setting: {score: {estimate, low, high}}}}.

    The folds share no held-out object, so the mean's variance is the sum of theirs over the squared number of folds;
    each fold's is read off its interval.
    """

    def mean(scores: list[dict[str, float]]) -> dict[str, float]:
        estimate = float(np.mean([score["estimate"] for score in scores]))
        half = float(np.sqrt(np.sum([((score["high"] - score["low"]) / 2) ** 2 for score in scores])) / len(scores))
        return {"estimate": estimate, "low": estimate - half, "high": estimate + half}

    return {
        who: {
            setting: {key: mean([run[who][setting][key] for run in runs]) for key in SCORES} for setting in runs[0][who]
        }
        for who in ("teacher", "student")
    }


def table_of_folds(metrics: dict) -> Table:
    """The mean over folds, and each fold's odd-one-out accuracy, for rich to print."""
    table = Table(title=f"mean of {len(metrics['folds'])} folds")
    table.add_column("representation")
    for name in SCORES.values():
        table.add_column(f"{name} \\[95 %]", justify="right", no_wrap=True)
    table.add_column("accuracy by fold", justify="right", no_wrap=True)
    for who, settings in metrics["mean"].items():
        for setting, scores in settings.items():
            cells = [f"{score['estimate']:.3f} [{score['low']:.3f}, {score['high']:.3f}]" for score in scores.values()]
            by_fold = (run[who][setting]["odd_one_out_accuracy"]["estimate"] for run in metrics["folds"])
            table.add_row(f"{who}, {SETTINGS[setting]}", *cells, "  ".join(f"{value:.3f}" for value in by_fold))
    return table
