"""The page of a run, from what its stages left in the folder."""

from typing import TYPE_CHECKING

from alignet_hf.evaluation.page import run_scores
from alignet_hf.evaluation.page.content import Page
from alignet_hf.evaluation.page.run_figures import figures
from alignet_hf.evaluation.page.run_parts import RunParts
from alignet_hf.evaluation.page.versions import package_versions
from alignet_hf.hub.artifacts import sha256_of
from alignet_hf.hub.from_run import shareable

if TYPE_CHECKING:
    from alignet_hf.pipeline import Pipeline


def page_of_run(pipeline: "Pipeline", metrics: dict, *, photographs: bool = True) -> Page:
    """The page of a run that is done but for its report.

    Args:
        metrics: as metrics.json holds them, with the seconds of every stage.
        photographs: False to show names in their place.
    """
    parts, recipe, held_out = RunParts(pipeline, metrics, photographs), pipeline.recipe, metrics["held_out"]
    student = f", student {recipe.student.model}" if recipe.student else ""
    return Page(
        title=f"{recipe.name}: compared with people",
        subtitle=f"Teacher {recipe.teacher.model}{student}; measured on {held_out['objects']:,} held-out objects and "
        f"{held_out['triplets']:,} {recipe.human.measured_on} among them, none of which a model learnt from.",
        headline=run_scores.headline(parts),
        summary=run_scores.summary(parts),
        limits=run_scores.limits(parts),
        tables=run_scores.tables(parts),
        photographs=parts.photographs,
        neighbours=parts.neighbours,
        explorer=parts.explorer,
        held_out=True,
        figures=figures(parts),
        commands=[
            ("The whole run again, from the recipe below", "alignet-hf run recipe.yaml --out again"),
            ("This page again, in the run's folder", "alignet-hf report ."),
        ],
        facts=_facts(parts),
        seconds=metrics["seconds"],
        recipe=shareable(recipe.model_dump(mode="json")),
    )


def _facts(parts: RunParts) -> dict[str, str]:
    """Versions, seeds, and digests of what the run read and made."""
    pipeline, recipe = parts.pipeline, parts.recipe
    facts = package_versions() | {
        "seed of everything random": str(recipe.seed),
        "split of the objects": f"part {recipe.split.fold + 1} of {recipe.split.folds}, seed {recipe.split.seed}",
        "photographs (fingerprint)": pipeline.images_fingerprint,
    }
    files = {
        "UD transform": pipeline.out / "surrogate",
        "student's weights": pipeline.student_folder("alignet"),
        "UnAligNet student's weights": pipeline.student_folder("unalignet"),
    }
    for name, folder in files.items():
        for file in sorted(folder.glob("*.safetensors")):
            facts[f"{name} (SHA-256 of {file.name})"] = sha256_of(file)
    return facts
