"""The processes that `accelerate launch` started, where it did: who this one is, and what they agree on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object

from alignet_hf.errors import InputError

PATIENCE = timedelta(days=30)  # how long the others wait for the first, whose work may take days

T = TypeVar("T")


def this_process() -> PartialState:
    """This process among those that work together; a process of its own is the main one of one."""
    return PartialState(cpu=not torch.accelerator.is_available())


def as_the_first(value: T) -> T:
    """The first process's value, in all processes; each must call it."""
    return broadcast_object_list([value])[0] if this_process().num_processes > 1 else value


def by_the_first(work: Callable[[], T]) -> T:
    """Do what the first process must do alone -> its result, or the InputError it raises, in all processes.

    Each must call it; however long the work takes, the others wait.
    """
    if this_process().num_processes == 1:
        return work()
    group, outcome = patient_group(), None
    if this_process().is_main_process:
        try:
            outcome = work()
        except InputError as error:
            outcome = error
    outcome = broadcast_by(group, outcome)
    dist.destroy_process_group(group)
    if isinstance(outcome, InputError):
        outcome.met_by_all = True
        raise outcome
    return outcome


@contextmanager
def gathering_patiently() -> Iterator[Callable[[T], list[T]]]:
    """Gives a function: every process's value, in all processes, in their order, however late the last one calls it.

    All enter it together. The group is there from then on, so that the end of one ends the others' wait.
    """
    state = this_process()
    if state.num_processes == 1:
        yield lambda value: [value]
        return
    group = patient_group()

    def gather(value: T) -> list[T]:
        heard = [None] * state.num_processes
        dist.all_gather_object(heard, value, group=group)
        return heard

    yield gather
    dist.destroy_process_group(group)


def in_all(work: Callable[[], T]) -> T:
    """Do what every process does for itself and none takes long for -> its result, or in all processes an InputError.

    Each must call it. Where any of them fails all do, with the error of the first that does.
    """
    if this_process().num_processes == 1:
        return work()
    outcome, said = None, None
    try:
        outcome = work()
    except InputError as error:
        said = str(error)
    for line in gather_object([said]):
        if line is not None:
            error = InputError(line)
            error.met_by_all = True
            raise error
    return outcome


def patient_group() -> dist.ProcessGroup:
    """All processes as a group to wait in: the one for gradients (NCCL) gives up after half an hour at most."""
    return dist.new_group(backend="gloo", timeout=PATIENCE)


def broadcast_by(group: dist.ProcessGroup, value: T) -> T:
    """The first process's value, in all processes of a group."""
    heard = [value]
    dist.broadcast_object_list(heard, src=0, group=group)
    return heard[0]


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
