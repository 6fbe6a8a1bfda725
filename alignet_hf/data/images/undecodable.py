"""The one broken image among a million: found, named, and left out if the user says so."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from alignet_hf.data.images.decoding import UndecodableImageError
from alignet_hf.data.images.sources import open_row
from alignet_hf.errors import InputError

OnBad = Literal["raise", "skip"]
SKIP = "on_bad='skip'"  # as Python calls it; commands and recipes have words of their own for it


def find_undecodable(images, *, num_workers: int = 0, progress: bool = True) -> dict[int, str]:
    """Decode every image of a source, exactly -> rows that fail, and why.

    What this finds whole the fast way decodes too, as it turns to the exact one where it fails itself. Work that reads
    every image anyway (embedding, caching) finds them on its way; this is for what does not.

    Args:
        images: an image source.
        num_workers: processes that decode.
        progress: show a progress bar, on a terminal.

    Raises:
        InputError: a file that cannot be read at all, or a worker process that was killed.
    """
    found = {}
    with tqdm(total=len(images), desc="checking images", unit="image", disable=None if progress else True) as bar:
        for rows, _, errors in read_in_workers(_Decode(images), range(len(images)), num_workers):
            found |= errors
            bar.update(len(rows))
    return found


def check_on_bad(on_bad: str) -> None:
    """Raise InputError unless it is one of OnBad."""
    if on_bad not in get_args(OnBad):
        raise InputError(f"on_bad is {on_bad!r}; choose raise (stop at an image that cannot be decoded) or skip")


def undecodable_message(found: Mapping[int, str], skipped: bool = False) -> str:
    """`1 image could not be decoded: ...`, with what is wrong with the first few.

    Args:
        skipped: whether the work went on without them, to be said too.
    """
    many, was = ("1 image", "was") if len(found) == 1 else (f"{len(found)} images", "were")
    return f"{many} could not be decoded{f' and {was} skipped' if skipped else ''}: {_the_first(found)}"


def stopping_message(found: Mapping[int, str]) -> str:
    """What is wrong where the work stops at images, which may not be all that cannot be decoded, and what to do."""
    what, it = ("an image that cannot", "it") if len(found) == 1 else ("images that cannot", "them")
    return (
        f"stopped at {what} be decoded: {_the_first(found)}; there may be more; replace or remove {it}, "
        f"or go on without: {SKIP}"
    )


def _the_first(found: Mapping[int, str], shown: int = 5) -> str:
    rest = "" if len(found) <= shown else f"; and {len(found) - shown} more"
    return "; ".join(found[row] for row in sorted(found)[:shown]) + rest


@contextmanager
def offering_skip():
    """Say of an image that stops the work that this can go on without it."""
    try:
        yield
    except UndecodableImageError as error:
        error.args = (f"{str(error).rstrip()}, or go on without: {SKIP}",)  # a worker's ends with its traceback's line
        raise


def read_in_workers(
    read: Callable[[int], Tensor], rows: Sequence[int], num_workers: int, batch_size: int = 32
) -> Iterator[tuple[list[int], Tensor, dict[int, str]]]:
    """Read rows in worker processes, in order.

    Args:
        read: a row -> a tensor, of one shape for all rows; it is sent to the workers.
        rows: to read.
        num_workers: processes; 0 reads in this one.
        batch_size: rows a process reads at a time.

    Yields:
        Rows; the tensors of those that were decoded, in one; and why the others were not, by row.

    Raises:
        InputError: what `read` raises but for an image that cannot be decoded; a worker that was killed.
    """
    loader = DataLoader(
        rows,
        batch_size,
        collate_fn=_Guarded(read),
        num_workers=num_workers,
        generator=torch.Generator(),  # the loader draws a seed: not from the global generator
    )
    with naming_killed_workers():
        for batch, tensors, errors, fatal in loader:
            if fatal is not None:
                raise InputError(fatal)  # raised over there it would be buried in a traceback
            yield batch, tensors, errors


@contextmanager
def naming_killed_workers():
    """Turn the errors for a DataLoader's worker process that was killed into a line that says what to do.

    The signal of its end may come anywhere in the loop over the loader, which is why all of that belongs in here; a
    tensor on its way is lost with the connection.
    """
    try:
        yield
    except (RuntimeError, ConnectionError, EOFError) as error:
        of_a_loader = str(error).startswith("DataLoader worker")
        if isinstance(error, RuntimeError) != of_a_loader or str(error).startswith("Caught"):  # by a worker that lives
            raise
        first = (str(error).splitlines() or ["it was cut off"])[0]
        raise InputError(
            "a worker process was killed, by the system perhaps as memory ran out; use fewer workers "
            f"or smaller batches, and start again ({first})"
        ) from error


class _Guarded:
    """Reads rows; errors come back as text, which any process can be sent."""

    def __init__(self, read: Callable[[int], Tensor]):
        self.read = read

    def __call__(self, rows: list[int]):
        tensors, errors = [], {}
        for row in rows:
            try:
                tensors.append(self.read(row))
            except UndecodableImageError as error:
                errors[row] = error.brief
            except InputError as error:
                return rows, None, errors, str(error)
        return rows, torch.stack(tensors) if tensors else None, errors, None


class _Decode:
    def __init__(self, images):
        self.images = images

    def __call__(self, row: int) -> Tensor:
        open_row(self.images, row)
        return torch.empty(0)
