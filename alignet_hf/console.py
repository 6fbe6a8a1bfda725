"""What the commands share: options, and how they speak: to people in lines and tables, to machines in JSON."""

import json
import os
import re
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from alignet_hf.errors import InputError, NonFiniteLossError
from alignet_hf.full_disk import MAKE_ROOM, no_room

if TYPE_CHECKING:
    from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]
Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Repeat a finished run; in the folder of another recipe's, replace what the recipe changes."
    ),
]
Replace = Annotated[
    bool, typer.Option("--force", help="Replace what the command made in the folder before, from other inputs.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random.")]
ImageSize = Annotated[int | None, typer.Option(min=1, help="In pixels; the model's own by default.")]
IMAGES = (
    "a folder of images, .npy, .npz, Parquet, tar shards, a .txt list of paths, imagenet:FOLDER, a cache of images, "
    "a Hub data set, or objects92 (the demo's photographs)"
)
Pooling = Annotated[
    Literal["auto", "cls", "mean", "patch-mean", "cls+patch-mean", "pooler"],
    typer.Option(help="auto: the paper's of each family."),
]
OnBad = Annotated[
    Literal["raise", "skip"],
    typer.Option(
        help="What to do about an image that cannot be decoded: stop, or leave it out and what is said of it."
    ),
]
PixelsOption = Annotated[Literal["exact", "uint8", "fast"], typer.Option(help="How images are decoded and resized.")]
_SKIP = "on_bad='skip'"  # as Python calls it


def line_and_code(error: Exception) -> tuple[str, int] | None:
    """What a command says of an error, and its exit code; None for a fault of ours, which keeps its traceback.

    The code is 2 for wrong input and what the operating system refuses, 1 for a run that diverges.
    """
    if isinstance(error, InputError):
        # A data loader's worker process wraps its traceback around the message.
        return re.split(r"^[\w.]+Error: ", str(error), flags=re.MULTILINE)[-1].strip().replace(
            _SKIP, "--on-bad skip"
        ), 2
    if isinstance(error, NonFiniteLossError):
        return str(error), 1
    filename, reason = getattr(error, "filename", None), no_room(error)
    if reason is not None:
        return f"{'' if filename is None else f'{filename}: '}{reason}; {MAKE_ROOM}", 2
    return (f"{filename}: {error.strerror}", 2) if isinstance(error, OSError) and filename is not None else None


def speaks(error: Exception) -> bool:
    """Whether this process says an error: of one that all that `accelerate launch` started meet, the first does."""
    is_first = os.environ.get("RANK", "0") == "0"
    return is_first or not (isinstance(error, NonFiniteLossError) or getattr(error, "met_by_all", False))


@contextmanager
def of_a_recipe():
    """Call what can be asked for of images that cannot be decoded as a recipe does, in place of a command's option."""
    try:
        yield
    except InputError as error:
        if error.args:
            error.args = (str(error.args[0]).replace(_SKIP, "--set images.on_bad=skip"), *error.args[1:])
        raise


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
            f"{key.replace('_', ' ')} {f'{value:.6g}' if isinstance(value, float) else value}"
            for key, value in facts.items()
            if not isinstance(value, list)
        )
        print(f"{out}: {said}")
