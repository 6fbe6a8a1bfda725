"""The command of a sweep."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from alignet_hf.console import Json, print_result, quiet, say
from alignet_hf.errors import InputError


def sweep(
    recipe: Annotated[Path, typer.Argument(help="A recipe's YAML file, with a section `sweep` or without.")],
    out: Annotated[Path | None, typer.Option(help="The sweep's folder, with a folder for each point.")] = None,
    grid: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SECTION.KEY=VALUE,VALUE",
            help="Values of any key of the recipe, triplets.n=100,1000 say; again for another key: every combination "
            "is run. In place of the file's section.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="For all points, in place of the recipe's."),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SECTION.KEY=VALUE",
            help="Of the points that the others are compared with; by default those with the recipe's own values.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="GRID", help="A grid of the file's; again for another. By default all.")
    ] = None,
    shots: Annotated[
        list[int] | None,
        typer.Option(
            min=0,
            help="Few-shot accuracy too, of classifiers of so many judged images of each class; again for another "
            "number. In place of the file's; 0 for none. Of 100 draws of the shots, with l2 1,024 for every student: "
            "not to be compared with evaluate's 10 draws (the function few_shot's 20), at an l2 that it chooses.",
        ),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Points at a time; by default what cores and memory allow.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Run nothing: list the points, and what they take.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="In folders of points of another recipe, replace what that changes.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run a recipe with other values of its keys, and compare.

    What is compared are scores on human judgments, odd-one-out accuracy and RSA, and with --shots few-shot accuracy on
    the judged images, whose names must tell their classes. Other vision tests of a sweep's students are a call of
    training/reproduce with --evaluate.
    Stages that points have alike are done once. Folds (split.fold) and seeds (seed, split.seed) are averaged over.
    Started again, it goes on; a point that fails is reported and stops no other.
    """
    from alignet_hf.sweep.grid import load_sweep

    loaded = load_sweep(recipe, grid or [], set_ or [], baseline or [], only or [], shots=shots)
    if not check and out is None:
        raise InputError("--out FOLDER is missing: the sweep's folder (or --check, which runs nothing)")
    quiet()
    if check:
        _check(loaded, out or Path("sweep"), processes, as_json)
        return
    from alignet_hf.sweep.run import run_sweep

    report = run_sweep(loaded, out, processes=processes, force=force, say=say(as_json))
    print_result(report.to_dict(), as_json, *report.tables())
    if not as_json:
        for found in report.findings:
            print(f"- {found}")
        print(f"tables: {out / 'means.csv'}   all: {out / 'sweep.json'}   figures: {out / 'figures'}")
    for name, reason in report.failures.items():
        print(f"alignet-hf: {name}: {reason}", file=sys.stderr)
    if report.failures:
        raise typer.Exit(1)


def _check(loaded, out: Path, processes: int | None, as_json: bool) -> None:
    """Print the grid and what it takes; what is missing goes to standard error, a line each, and ends in code 2."""
    from alignet_hf.progress import duration
    from alignet_hf.sweep.cost import cost_of, cost_tables, default_processes
    from alignet_hf.sweep.time_left import TimeLeft

    cost = cost_of(loaded, out)
    if loaded.shots and not cost.problems:
        from alignet_hf.sweep.few_shot import few_shot_tasks

        few_shot_tasks(loaded, say(as_json))
    processes = processes or default_processes(cost, len(loaded.points))
    time = {"points_done": 0, "seconds_left": None}
    if not cost.problems:
        time = dict(zip(time, TimeLeft(loaded, out, processes).read(), strict=True))
    points = [{"name": point.name, "values": point.values} for point in loaded.points]
    found = {"points": points, "processes": processes, **time, **cost.to_dict()}
    print_result(found, as_json, *cost_tables(loaded, cost, processes))
    if not as_json:
        left = time["seconds_left"]
        said = "how long they take is not known before one is" if left is None else f"about {duration(left)} to go"
        print(f"{out}: {time['points_done']} of {len(points)} points are finished; {said}")
    for line in (*cost.notes, *cost.problems):
        print(f"alignet-hf: {line}", file=sys.stderr)
    if cost.problems:
        raise typer.Exit(2)
