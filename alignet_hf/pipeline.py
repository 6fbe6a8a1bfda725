"""The stages of the paper in order, from human judgments to a measured student: what a recipe runs.

The run's folder afterwards:
    teacher/        the teacher's embeddings               surrogate/   the UD transform
    clusters/       of the aligned teacher's space         triplets/    the AligNet data set
    student/        the aligned student, with processor    unalignet/   the same without UD: its triplets and student
    embeddings/     of the student before and after        training/    the training curves
    metrics.json    every score                            report.md    the scores with figures/
    recipe.yaml     what was run                           stages/      what is done
    undecodable.json  photographs left out, with images.on_bad: skip
"""

import json
from collections.abc import Callable
from pathlib import Path

import yaml

from alignet_hf.data.images.cache import RECORD
from alignet_hf.encoders import check_encoder
from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import replacing
from alignet_hf.inputs import open_images
from alignet_hf.pipeline_work import METRICS, UNDECODABLE, Pipeline
from alignet_hf.recipe import Recipe, check_files, load_recipe
from alignet_hf.stages import Stages, files_fingerprint, fingerprint

NO_MATTER = {"license", "num_workers"}  # keys that change no number, and so repeat no stage

__all__ = ["Pipeline", "open_images", "rewrite_report", "run"]


def run(recipe: Recipe, out: str | Path, *, force: bool = False, say: Callable[[str], None] = print) -> dict:
    """Run a recipe in a folder, going on from where an earlier call was stopped.

    Args:
        recipe: what to run.
        out: the run's folder.
        force: repeat what is done.
        say: takes a line of progress.

    Returns:
        The metrics, as metrics.json holds them.

    Raises:
        InputError: a file that is missing or wrong, or another process at work in the folder.
    """
    check_files(recipe)
    check_encoder(recipe.teacher)
    if recipe.student is not None:
        check_encoder(recipe.student)
    with Stages(Path(out), say) as stages:
        return _run_stages(Pipeline(recipe, Path(out), stages), force)


def _run_stages(pipeline: Pipeline, force: bool) -> dict:
    """Every stage, in order, each made from what the fingerprint that it is given says."""
    recipe, out, given, stages = pipeline.recipe, pipeline.out, pipeline.recipe.human, pipeline.stages
    _ = pipeline.judgments_of_all  # read and checked before any work
    if force:
        stages.forget()
    with replacing(out / "recipe.yaml") as path:
        path.write_text(yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    stage, settings = stages.run, recipe.settings
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
    made_from = fingerprint(surrogate, recipe.clusters.model_dump(), settings, recipe.images.distill_on)
    clusters = stage("clusters", made_from, pipeline.cluster, pipeline.data_folders("clusters").values())
    made_from = fingerprint(clusters, recipe.triplets.model_dump())
    triplets = stage("triplets", made_from, pipeline.make_triplets, pipeline.data_folders("triplets").values())
    students = []
    if settings:
        files = files_fingerprint(recipe.student.model)
        student = fingerprint(recipe.student.model_dump(exclude=NO_MATTER), files, recipe.seed)
    if set(settings) & {"original", "ud"}:
        made_from = fingerprint(student, pipeline.images_fingerprint)
        students.append(stage("original", made_from, pipeline.embed_original, [out / "embeddings/original"]))
    distilled = sorted(set(settings) & {"unalignet", "alignet"})
    cache = None
    if recipe.images.cache is not None and distilled:
        made_from = fingerprint(student, pipeline.images_fingerprint, recipe.distill.pixels == "fast")
        cache = stage("cache", made_from, pipeline.cache_images, shares=[Path(recipe.images.cache, RECORD)])
    for name in distilled:
        made_from = fingerprint(triplets, student, recipe.distill.model_dump(exclude=NO_MATTER), cache)
        folders = [pipeline.student_folder(name), out / "training" / name, out / "embeddings" / name]
        students.append(stage(name, made_from, lambda name=name: pipeline.distill(name), folders))
    made_from = fingerprint(surrogate, students, recipe.evaluate.model_dump())
    scores = stage("evaluate", made_from, pipeline.evaluate, [out / METRICS])
    stage("report", fingerprint(scores, words), pipeline.report, [out / "report.md", out / "figures"])
    metrics = json.loads((out / METRICS).read_text(encoding="utf-8"))
    if metrics.get("seconds") != (seconds := stages.seconds()):
        metrics["seconds"] = seconds
        pipeline.write_metrics(metrics)
    if not stages.n_done:
        stages.say(f"{out}: finished before, nothing to do (--force repeats it)")
    return metrics


def rewrite_report(out: Path) -> None:
    """Write the report of a finished run anew.

    Raises:
        InputError: the folder holds no finished run.
    """
    if not (out / METRICS).is_file() or not (out / "recipe.yaml").is_file():
        raise InputError(f"{out}: not the folder of a finished run: no {METRICS} and recipe.yaml in it")
    with Stages(out, print) as stages:
        if unfinished := stages.unfinished():
            raise InputError(f"{out}: not finished ({', '.join(unfinished)}); run it to the end first")
        Pipeline(load_recipe(out / "recipe.yaml"), out, stages).report()
