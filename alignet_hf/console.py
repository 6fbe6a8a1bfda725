"""What the commands share: options, and how they speak: to people in lines and tables, to machines in JSON."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]
Force = Annotated[bool, typer.Option("--force", help="Repeat what is done.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random.")]
ImageSize = Annotated[int | None, typer.Option(min=1, help="In pixels; the model's own by default.")]
Pooling = Annotated[str, typer.Option(help="auto, cls, mean, patch-mean, cls+patch-mean or pooler.")]


def quiet() -> None:
    """Leave the terminal to our own lines: what transformers says of loading is not news to a user."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def say(as_json: bool) -> Callable[[str], None]:
    """How a run reports progress: on standard output, or beside a JSON result on standard error."""
    return (lambda line: print(line, file=sys.stderr, flush=True)) if as_json else lambda line: print(line, flush=True)


def print_result(metrics: dict, as_json: bool, *tables: "Table") -> None:
    """A result as JSON, or as tables."""
    if as_json:
        print(json.dumps(metrics))
    else:
        print_tables(*tables)


def print_tables(*tables: "Table") -> None:
    """Tables, as wide as the terminal; 120 characters where there is none."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 120)
    for table in tables:
        console.print(table)


def done(as_json: bool, out: Path, **facts) -> None:
    """Where a command put its result, and what it found on the way."""
    if as_json:
        print(json.dumps({"output": str(out), **facts}))
    else:
        said = ", ".join(
            f"{key.replace('_', ' ')} {value}" for key, value in facts.items() if not isinstance(value, list)
        )
        print(f"{out}: {said}")
