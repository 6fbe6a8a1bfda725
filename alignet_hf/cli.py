"""The command line, `alignet-hf`: the demo, recipes, and every stage as a command of its own."""

import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from alignet_hf import __version__
from alignet_hf.console import Force, Json, line_and_code, of_a_recipe, print_result, print_tables, quiet, say, speaks
from alignet_hf.convert import commands as converting
from alignet_hf.distill import commands as distilling
from alignet_hf.errors import InputError
from alignet_hf.evaluation import commands as evaluating
from alignet_hf.hub import commands as sharing
from alignet_hf.surrogate import commands as teaching
from alignet_hf.surrogate.vice.commands import vice
from alignet_hf.sweep.commands import sweep

app = typer.Typer(
    name="alignet-hf",
    help="Human-aligned vision encoders: from people's choices to an aligned student.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line: wrong input is one line and exit code 2, a diverging run 1, Ctrl-C 130."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            app()
    except Exception as error:
        if (said := line_and_code(error)) is None:
            raise
        if speaks(error):
            print(f"alignet-hf: {said[0]}", file=sys.stderr)
        sys.exit(said[1])
    except SystemExit as stop:
        if stop.code == 130:  # what typer makes of Ctrl-C
            print("alignet-hf: stopped; the same command goes on from here", file=sys.stderr)
        raise


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    """A warning as a line of ours, without the place in the code."""
    print(f"alignet-hf: {message}", file=sys.stderr)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"alignet-hf {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    pass


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The run's folder.")] = Path("alignet-demo"),
    folds: Annotated[int, typer.Option(min=1, max=3, help="How many of the three folds to hold out, one by one.")] = 1,
    teacher: Annotated[str | None, typer.Option(help="Hub id or folder, in place of the demo's teacher.")] = None,
    student: Annotated[str | None, typer.Option(help="Hub id or folder, in place of the demo's student.")] = None,
    images: Annotated[Path | None, typer.Option(help="A folder of photographs of yours to distil on as well.")] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Run the whole paper in miniature, on 92 photographs.

    16 people judged them; all four settings of a student are made and scored. Started again, it goes on.
    """
    from alignet_hf.demo.run import run_demo, table_of_folds
    from alignet_hf.evaluation.report import terminal_table

    quiet()
    options = {"teacher": teacher, "student": student, "images": None if images is None else str(images)}
    metrics = run_demo(out, folds=folds, force=force, say=say(as_json), **options)
    print_result(metrics, as_json, *(terminal_table(run) for run in metrics.get("folds", [metrics])))
    if not as_json:
        if folds > 1:
            print_tables(table_of_folds(metrics))
        print(f"student: {out / 'student'} (AutoModel loads it)   report: {out / 'report.html'}")


@app.command()
def run(
    recipe: Annotated[
        Path, typer.Argument(help="A YAML file: one of training/recipes/ or alignet_hf/demo/demo.yaml, or your own.")
    ],
    out: Annotated[Path | None, typer.Option(help="The run's folder.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="SECTION.KEY=VALUE",
            help="In place of the recipe's, distill.steps=20 say; again for another. A wrong key is answered with "
            "those that there are.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Run nothing: say what is missing, and what every stage takes.")
    ] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, help="With --check: how many are to train together; 1 by default.")
    ] = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Run a recipe's stages in order.

    Started again, it goes on from where it was stopped. This is one process; several, with all GPUs, are started by
    `accelerate launch --num_processes N training/distill.py RECIPE --out FOLDER` (see training/README.md).
    """
    from alignet_hf.recipe_file import check_files, load_recipe

    loaded = load_recipe(recipe, set_ or [])
    if check:
        _check(loaded, processes or 1, as_json)
        return
    if processes is not None:
        raise InputError(
            f"--processes {processes} goes with --check; to run so, type: "
            f"accelerate launch --num_processes {processes} training/distill.py {recipe} --out FOLDER"
        )
    if out is None:
        raise InputError("--out FOLDER is missing: the run's folder (or --check, which runs nothing)")
    check_files(loaded)

    from alignet_hf import pipeline
    from alignet_hf.evaluation.report import terminal_table

    quiet()
    with of_a_recipe():
        metrics = pipeline.run(loaded, out, force=force, say=say(as_json))
    print_result(metrics, as_json, terminal_table(metrics))
    if not as_json:
        print(f"report: {out / 'report.html'}")


def _check(recipe, processes: int, as_json: bool) -> None:
    """Print what a recipe needs and takes; what is missing goes to standard error, a line each, and ends in code 2."""
    from alignet_hf.recipe_check import check_recipe

    quiet()
    found = check_recipe(recipe, processes)
    print_result(found.to_dict(), as_json, *found.tables())
    for line in (*found.notes, *found.problems):
        print(f"alignet-hf: {line}", file=sys.stderr)
    if found.problems:
        raise typer.Exit(2)


for command in (
    teaching.embed,
    vice,
    teaching.align,
    teaching.cluster,
    teaching.triplets,
    distilling.distill,
    evaluating.evaluate,
    evaluating.report,
    converting.download,
    converting.convert,
    sharing.card,
    sharing.export,
    sharing.push,
    sharing.push_metrics,
    sweep,
):
    app.command()(command)
