"""The processes that `accelerate launch` started, where it did: who this one is, and what they agree on."""

from collections.abc import Callable
from typing import TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list

from alignet_hf.errors import InputError

T = TypeVar("T")


def this_process() -> PartialState:
    """This process among those that work together; a process of its own is the main one of one."""
    return PartialState(cpu=not torch.accelerator.is_available())


def as_the_first(value: T) -> T:
    """The first process's value, in all processes; each must call it."""
    return broadcast_object_list([value])[0] if this_process().num_processes > 1 else value


def by_the_first(work: Callable[[], T]) -> T:
    """Do what the first process must do alone -> its result, or the InputError it raises, in all processes."""
    outcome = None
    if this_process().is_main_process:
        try:
            outcome = work()
        except InputError as error:
            outcome = error
    outcome = as_the_first(outcome)
    if isinstance(outcome, InputError):
        raise outcome
    return outcome


def rows_of_each(batch_size: int) -> int:
    """How many of a batch's rows each process takes.

    Raises:
        InputError: they cannot share them equally.
    """
    n_processes = this_process().num_processes
    if batch_size % n_processes:
        raise InputError(
            f"distill.batch_size is {batch_size}, which {n_processes} processes cannot share equally; "
            f"set it to a multiple of {n_processes}, or launch another number of processes"
        )
    return batch_size // n_processes
