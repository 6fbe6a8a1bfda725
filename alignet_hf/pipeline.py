"""The stages of the paper in order, from human judgments to a measured student: what a recipe runs.

The run's folder afterwards:
    teacher/        the teacher's embeddings               surrogate/   the UD transform
    clusters/       of the aligned teacher's space         triplets/    the AligNet data set
    student/        the aligned student, with processor    unalignet/   the same without UD: its triplets and student
    human/          the student of people's own choices
    embeddings/     of the student before and after        training/    the training curves
    metrics.json    every score                            report.html  all of it to look through, in one file
    recipe.yaml     what was run                           report.md    the scores with figures/, for a terminal
    stages/         what is done
    undecodable.json  photographs left out, with images.on_bad: skip
"""

import json
from collections.abc import Callable
from pathlib import Path

import yaml

from alignet_hf.data.images.cache import RECORD
from alignet_hf.distill.finished import NO_MATTER
from alignet_hf.encoders import check_encoder
from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import replacing
from alignet_hf.inputs import open_images
from alignet_hf.made_from import differences
from alignet_hf.pipeline_inputs import UNDECODABLE
from alignet_hf.pipeline_work import METRICS, Pipeline
from alignet_hf.recipe import Recipe
from alignet_hf.recipe_file import check_files, load_recipe
from alignet_hf.stages import Stages, files_fingerprint, fingerprint

RECIPE = "recipe.yaml"

__all__ = ["Pipeline", "open_images", "rewrite_report", "run"]


def run(recipe: Recipe, out: str | Path, *, force: bool = False, say: Callable[[str], None] = print) -> dict:
    """Run a recipe in a folder, going on from where an earlier call was stopped.

    Args:
        recipe: what to run.
        out: the run's folder.
        force: repeat a finished run; of one of another recipe, what differs and all that follows from it.
        say: takes a line of progress.

    Returns:
        The metrics, as metrics.json holds them.

    Raises:
        InputError: a file that is missing or wrong, another process at work in the folder, or a folder that holds what
            no run wrote or, unless forced, what a run of another recipe made.
    """
    check_files(recipe)
    check_encoder(recipe.teacher)
    if recipe.student is not None:
        check_encoder(recipe.student)
    with Stages(Path(out), say) as stages:
        return run_stages(Pipeline(recipe, Path(out), stages), force)


def run_stages(pipeline: Pipeline, force: bool) -> dict:
    """Every stage of a pipeline, in order -> the metrics. See `run` for `force`."""
    recipe, out, stages = pipeline.recipe, pipeline.out, pipeline.stages
    _ = pipeline.judgments_of_all  # read and checked before any work
    _settle(pipeline, force)
    stages.begin()
    with replacing(out / RECIPE) as path:
        path.write_text(yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    each_stage(pipeline, stages.run)
    metrics = json.loads((out / METRICS).read_text(encoding="utf-8"))
    if metrics.get("seconds") != (seconds := stages.seconds()):
        metrics["seconds"] = seconds
        pipeline.write_metrics(metrics)
    if not stages.n_done:
        stages.say(f"{out}: finished before, nothing to do (--force repeats it)")
    return metrics


def _settle(pipeline: Pipeline, force: bool) -> None:
    """Decide what becomes of an earlier run in the folder: all of it stays that the recipe would make alike.

    Raises:
        InputError: stages would be done again, and it is not forced.
    """
    stages, standings = pipeline.stages, {}

    def look(name: str, made_from: str, work: Callable | None = None, writes=(), shares=()) -> str:
        standings[name] = stages.standing(name, made_from, writes, shares), list(writes)
        return fingerprint(name, made_from)

    each_stage(pipeline, look)
    changed = {name: writes for name, (standing, writes) in standings.items() if standing == "changed"}
    if set(changed) - {"report"}:  # which takes seconds, and other words alone change it
        again, held = f"stages {', '.join(changed)}", f"{pipeline.out}: holds a run {_of_what(pipeline)}"
        if not force:
            raise InputError(f"{held}: {again} would be done again; --force does so, or use another folder")
        stages.say(f"{held}: {again} are done again")
        for name, writes in changed.items():  # at once: no report may stand beside a recipe that is not its own
            stages.drop(name, writes)
    elif force and all(standing == "done" for standing, _ in standings.values()):
        stages.forget()


def _of_what(pipeline: Pipeline) -> str:
    """In what an earlier run in the folder differs."""
    try:
        before = yaml.safe_load((pipeline.out / RECIPE).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        before = None
    if not isinstance(before, dict):
        return "whose recipe is gone"
    differs = differences(_flat(before), _flat(pipeline.recipe.model_dump(mode="json")))
    return f"of another recipe ({'; '.join(differs)})" if differs else "on files that have changed since"


def _flat(recipe: dict) -> dict:
    """{"distill.steps": 6, ...}"""
    flat = {}
    for section, value in recipe.items():
        keys = {f"{section}.{key}": of_key for key, of_key in value.items()} if isinstance(value, dict) else None
        flat |= {section: value} if keys is None else keys
    return flat


def each_stage(pipeline: Pipeline, stage: Callable[..., str]) -> None:
    """Call `stage`, which takes what `Stages.run` takes, for every stage, with what it is made from."""
    recipe, out, given, settings = pipeline.recipe, pipeline.out, pipeline.recipe.human, pipeline.recipe.settings
    files = files_fingerprint(given.dissimilarities, given.triplets, given.embedding, given.concepts)
    words = given.people, recipe.student and recipe.student.license  # for cards alone: no reason to train again
    people = fingerprint(
        given.model_dump(exclude={"people"}), files, recipe.split.model_dump(), pipeline.images_fingerprint, recipe.seed
    )

    if pipeline.skips_images:
        stage("images", pipeline.images_fingerprint, pipeline.check_images, [out / UNDECODABLE])
    files = files_fingerprint(recipe.teacher.model)
    made_from = fingerprint(recipe.teacher.model_dump(exclude=NO_MATTER), files, pipeline.images_fingerprint)
    teacher = stage("teacher", made_from, pipeline.embed_teacher, [out / "teacher"])
    made_from = fingerprint(teacher, people, recipe.surrogate.model_dump())
    surrogate = stage("surrogate", made_from, pipeline.fit_surrogate, [out / "surrogate"])
    # Of which teachers: what one student learns does not depend on it.
    teachers = sorted(pipeline.data_folders("clusters"))
    clusters = fingerprint(
        surrogate, recipe.clusters.model_dump(), recipe.images.distill_on, recipe.images.n_distill, "clusters"
    )
    made_from = fingerprint(clusters, teachers)
    stage("clusters", made_from, pipeline.cluster, pipeline.data_folders("clusters").values())
    triplets = fingerprint(clusters, recipe.triplets.model_dump())
    made_from = fingerprint(triplets, teachers)
    stage("triplets", made_from, pipeline.make_triplets, pipeline.data_folders("triplets").values())
    students = []
    if settings:
        files = files_fingerprint(recipe.student.model)
        student = fingerprint(recipe.student.model_dump(exclude=NO_MATTER), files, recipe.seed)
    if set(settings) & {"original", "ud"}:
        made_from = fingerprint(student, pipeline.images_fingerprint)
        students.append(stage("original", made_from, pipeline.embed_original, [out / "embeddings/original"]))
    distilled = recipe.trained
    cache = None
    if recipe.images.cache is not None and distilled:
        made_from = fingerprint(student, pipeline.images_fingerprint, recipe.distill.pixels == "fast")
        cache = stage("cache", made_from, pipeline.cache_images, shares=[Path(recipe.images.cache, RECORD)])
    for name in distilled:
        data = people if name == "human" else triplets
        made_from = fingerprint(data, student, recipe.distill.model_dump(exclude=NO_MATTER), cache)
        folders = [pipeline.student_folder(name), out / "training" / name, out / "embeddings" / name]
        students.append(stage(name, made_from, lambda name=name: pipeline.distill(name), folders))
    made_from = fingerprint(surrogate, students, recipe.evaluate.model_dump())
    scores = stage("evaluate", made_from, pipeline.evaluate, [out / METRICS])
    if pipeline.with_report:
        written = [out / "report.html", out / "report.md", out / "figures"]
        stage("report", fingerprint(scores, words), pipeline.report, written)


def rewrite_report(out: Path, *, photographs: bool = True) -> None:
    """Write the report of a finished run anew.

    Args:
        out: the run's folder.
        photographs: False to show none.

    Raises:
        InputError: the folder holds no finished run.
    """
    if not (out / METRICS).is_file() or not (out / RECIPE).is_file():
        raise InputError(f"{out}: not the folder of a finished run: no {METRICS} and {RECIPE} in it")
    with Stages(out, print) as stages:
        if unfinished := stages.unfinished():
            raise InputError(f"{out}: not finished ({', '.join(unfinished)}); run it to the end first")
        Pipeline(load_recipe(out / RECIPE), out, stages).report(photographs=photographs)
