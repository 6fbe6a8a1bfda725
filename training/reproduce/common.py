"""What the commands of this folder share: what is given, models in the paper's settings, tables beside its numbers.

Each command runs on the data that come with the package, or that lie in a folder (`--embedded`, `--photographs`), and
then the sweep beside it makes the models; or on the paper's data, with `--models models.yaml`:

    ViT-B:
      original: facebook/deit-base-patch16-224     # a Hub id or a folder
      unalignet: runs/vit-b/unalignet/student
      alignet: runs/vit-b/student
      ud: runs/vit-b-ud                            # what `alignet-hf align` wrote for the original's embeddings
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from rich.table import Table

from alignet_hf.console import line_and_code, print_tables, quiet
from alignet_hf.errors import InputError
from alignet_hf.evaluation import paper
from alignet_hf.evaluation.statistics import Result
from alignet_hf.hub.artifacts import make_folder, replacing, sha256_of
from alignet_hf.pipeline_work import student_folder
from alignet_hf.recipe_file import parse_yaml
from alignet_hf.stages import fingerprint
from alignet_hf.sweep.grid import Point, Sweep, load_sweep
from alignet_hf.sweep.processes import POINTS
from alignet_hf.sweep.report import SweepReport
from alignet_hf.sweep.run import run_sweep

HERE = Path(__file__).parent
SETTINGS = {"original": "original", "unalignet": "distillation", "ud": "UD", "alignet": "AligNet"}  # as in Tabs. 1-3
WEIGHTS = (".safetensors", ".bin", ".npz", ".npy", ".json")  # files that a model, or a transform, is made of
CALLED = {**SETTINGS, "human": "direct"}
SOURCES = ("embedded", "photographs", "models", "recipe")  # options that say on what; one alone can be given
OF_MODELS = ("things", "cichy", "king", "peterson", "levels", "concepts", "images", "images_of")  # data for --models
OF_SWEEP = ("set", "processes", "shots")
Models = dict[str, dict[str, str | list[str]]]  # name -> setting -> Hub id or folder, with options of `evaluate` maybe

Scores = dict[str, dict[str, dict]]  # model -> setting -> score -> what was measured, a Result or its JSON


def arguments(description: str, *, models: bool = True, labelled: bool = False) -> argparse.ArgumentParser:
    """What every command takes.

    Args:
        models: whether it scores models that are there.
        labelled: whether it needs labelled images.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="a folder for runs, scores and figures")
    parser.add_argument("--embedded", action="store_true", help="on the 92 photographs that come with the package")
    parser.add_argument("--photographs", type=Path, metavar="DATA", help="on DATA/photos and DATA/things")
    parser.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="over the sweep's recipe"
    )
    parser.add_argument("--processes", type=int, help="points at a time; by default what cores and memory allow")
    if models:
        parser.add_argument("--models", type=Path, help="models.yaml: name -> setting -> Hub id or folder")
    if labelled:
        parser.add_argument(
            "--evaluate",
            metavar="OPTIONS",
            help="what `alignet-hf evaluate --suite vision` takes, in one string: '--training ... --test ...'",
        )
        parser.add_argument(
            "--shots", action="append", type=int, help="few-shot accuracy on the judged photographs; again; 0: none"
        )
    return parser


def main(run: Callable[[], None]) -> None:
    """Run a command: wrong input is one line and exit code 2."""
    quiet()
    try:
        run()
    except Exception as error:
        if (said := line_and_code(error)) is None:
            raise
        print(f"{Path(sys.argv[0]).name}: {said[0]}", file=sys.stderr)
        sys.exit(said[1])


def check_sources(given: argparse.Namespace) -> None:
    """Refuse options of which one has no meaning beside another.

    Raises:
        InputError: two that say on what data, or one that goes with another of these.
    """
    there = [name for name in SOURCES if getattr(given, name, None)]
    if len(there) > 1:
        raise InputError(f"give --{there[0]} or --{there[1]}, not both: each says on what data")
    beside = {"models": OF_SWEEP, "embedded": OF_MODELS, "photographs": OF_MODELS}
    for source in there:
        for name in beside.get(source, ()):
            if getattr(given, name, None):
                option = f"--{name.replace('_', '-')}"
                goes_with = "a sweep, which --models does not run" if source == "models" else "--models"
                raise InputError(f"{option} goes with {goes_with}; leave it out, or --{source}")


def findings_sweep(given: argparse.Namespace, only: Sequence[str], shots: Sequence[int] | None = None) -> Sweep | None:
    """The grids of the sweep of the data that are asked for; None with `--models` or another recipe.

    Args:
        only: the grids.
        shots: for few-shot accuracies, unless `--shots` says others; by default the sweep's own.

    Raises:
        InputError: as `check_sources`.
    """
    check_sources(given)
    shots = getattr(given, "shots", None) or shots
    if given.embedded:
        return load_sweep(HERE / "findings_objects92.yaml", overrides=given.set, only=only, shots=shots)
    if given.photographs:
        data = given.photographs
        files = {
            "images.source": data / "photos" / "images",
            "images.cache": given.out / "cache",
            "human.triplets": data / "things" / "triplets.txt",
            "human.embedding": data / "things" / "spose_66d.npy",
            "human.concepts": data / "photos" / "things_concept_to_photo.tsv",
        }
        overrides = [f"{key}={json.dumps(str(path))}" for key, path in files.items()]
        overrides += given.set
        return load_sweep(HERE / "findings_photographs.yaml", overrides=overrides, only=only, shots=shots)
    return None


def report_of(sweep: Sweep, given: argparse.Namespace) -> SweepReport:
    """Run a sweep in --out, and print its tables and findings.

    Raises:
        InputError: when all that there is was printed, if a point failed.
    """
    report = run_sweep(sweep, given.out, processes=given.processes)
    print_tables(*report.tables())
    for found in report.findings:
        print(f"- {found}")
    print(f"figures: {given.out / 'figures'}   tables: {given.out / 'means.csv'}")
    if report.failures:
        failed = "; ".join(f"{name}: {reason}" for name, reason in report.failures.items())
        raise InputError(f"{len(report.failures)} points failed, the same command goes on with them: {failed}")
    return report


def paper_says(place: str) -> None:
    """Print what the paper's text says of a table or figure, or that its numbers are not to be had."""
    if place in paper.NOT_LEGIBLE:
        instead = "what its text states stands here" if place in paper.STATED else "none stand here"
        print(f"{place}: the paper's own numbers are not legible in the text at hand; {instead}.")
    for line in paper.STATED.get(place, ()):
        print(f"The paper, {place}: {line}.")


def says_what_is_not_here(not_here: str) -> None:
    """Print what of a figure the data that are here cannot show."""
    print(f"Not shown on these data: {not_here}.")


def models_of(point: Point, out: Path) -> dict[str, str | list[str]]:
    """The models of a point's settings but UD."""
    folder, encoder = out / POINTS / point.name, point.recipe.student
    size = [] if encoder.image_size is None else ["--image-size", str(encoder.image_size)]
    before = {"original": [encoder.model, *size]} if "original" in point.recipe.settings else {}
    return before | {name: str(folder / student_folder(name)) for name in point.recipe.trained}


def read_models(path: Path | None) -> Models:
    """models.yaml.

    Raises:
        InputError: naming what is wrong in it.
    """
    if path is None:
        raise InputError(
            "give --embedded, --photographs DATA, or --models models.yaml (see training/reproduce/common.py)"
        )
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path}: expected models, each with its settings: ViT-B: {{original: ..., alignet: ...}}")
    for name, settings in content.items():
        if not isinstance(settings, dict) or not set(settings) <= set(SETTINGS):
            raise InputError(f"{path}: {name}: give settings among {', '.join(SETTINGS)}, each a Hub id or folder")
        if "ud" in settings and "original" not in settings:
            raise InputError(f"{path}: {name}: ud transforms the original's embeddings; give original too")
    return content


def evaluated(models: Models, options: Sequence[str], out: Path) -> Scores:
    """What `alignet-hf evaluate` says of each model in each setting but UD, which is no model -> JSON by score.

    What is there from an earlier call with the same options and, of a model in a folder, the same weights is not
    computed again.
    """
    found: Scores = {}
    for name, settings in models.items():
        for setting, model in settings.items():
            if setting == "ud":
                continue
            path = make_folder(out / "scores") / f"{name}-{setting}.json".replace("/", "-")
            words = [model] if isinstance(model, str) else model
            asked = [*words, *options]
            weights = {word: _digest(Path(word)) for word in words if Path(word).is_dir()}
            kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
            if (kept.get("asked"), kept.get("weights")) != (asked, weights):
                print(f"{name}, {setting} ...", flush=True)
                command = [sys.executable, "-m", "alignet_hf", "evaluate", *asked, "--json"]
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
                if done.returncode:
                    raise InputError(f"{name}, {setting}: `alignet-hf {' '.join(command[3:])}` did not end well")
                kept = {"asked": asked, "weights": weights, "scores": json.loads(done.stdout)["scores"]}
                with replacing(path) as temporary:
                    temporary.write_text(json.dumps(kept), encoding="utf-8")
            found.setdefault(name, {})[setting] = kept["scores"]
    return found


def _digest(folder: Path) -> str:
    """Of the weights and configurations in a model's folder; not of its card, which may be written again."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix in WEIGHTS)
    return fingerprint([(path.name, sha256_of(path)) for path in files])


def settings_table(
    title: str,
    scores: Mapping[str, Mapping[str, Mapping[str, Result | dict]]],
    wanted: Mapping[str, str],
    papers: Mapping[str, Mapping[str, Sequence[float | None]]] | None = None,
    settings: Sequence[str] = tuple(SETTINGS),
) -> Table:
    """A table as the paper's Tabs. 1-3: a row a model and score, a column a setting; the paper's number beneath ours.

    Args:
        scores: model -> setting -> score -> what was measured.
        wanted: score -> what the table calls it.
        papers: model -> what the table calls a score -> a number for each setting, per cent.
        settings: the columns.
    """
    table = Table(title=title)
    for name in ("model", "measure", *(CALLED[setting] for setting in settings)):
        table.add_column(name, no_wrap=name != "measure", overflow="fold", min_width=8)
    for model in dict.fromkeys([*scores, *(papers or {})]):
        for score, called in wanted.items():
            of_settings = scores.get(model, {})
            if any(score in found for found in of_settings.values()):
                cells = [written(of_settings.get(setting, {}).get(score)) for setting in settings]
                table.add_row(model, called, *cells)
            if numbers := (papers or {}).get(model, {}).get(called):
                by_setting = dict(zip(SETTINGS, numbers, strict=True))
                cells = ["-" if (number := by_setting.get(one)) is None else f"{number / 100:.4f}" for one in settings]
                table.add_row(f"{model} (paper)", called, *cells, style="dim")
    return table


def rows_as_scores(report: SweepReport) -> dict[str, dict[str, dict[str, Result]]]:
    """A sweep's baseline condition as `settings_table` takes it: the student, and the teacher."""
    found: dict[str, dict[str, dict[str, Result]]] = {}
    for row in report.rows:
        if all(row.condition[key] == value for key, value in report.sweep.baseline.items()):
            found.setdefault(row.who, {})[row.setting] = row.means
    return found


def written(found: Result | dict | None) -> str:
    """A score with its interval."""
    if found is None:
        return "-"
    values = found.to_dict() if isinstance(found, Result) else found
    if values.get("low") is None:
        return f"{values['estimate']:.3f}"
    return f"{values['estimate']:.3f} [{values['low']:.3f}, {values['high']:.3f}]"


def embed(model: str, images, out: Path, transform: str | None = None) -> np.ndarray:
    """(N, D) embeddings of images; through what `alignet-hf align` wrote, where that is given.

    They are kept in --out, by the weights that made them: of a folder that was trained anew they are made anew.
    """
    from alignet_hf.evaluation.vision.store import EmbeddingStore
    from alignet_hf.surrogate.uncertainty_distillation import UncertaintyDistillation

    found = EmbeddingStore.open(model, folder=out / "embeddings").embed(images)
    return found if transform is None else UncertaintyDistillation.from_pretrained(transform).transform(found)
