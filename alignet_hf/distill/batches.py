"""Which rows a step learns from: of the seed, the epoch and the step alone, however many processes share the work."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch.utils.data import Sampler

from alignet_hf.data.step_rows import StepRows

# The seed of an epoch -> (n_rows,) every row once, in the order in which the epoch's steps learn from them.
Order = Callable[[int], np.ndarray]


class TrainingBatches(Sampler[StepRows]):
    """This process's part of every batch of an epoch, with the number of its step since the training's first.

    An epoch is an order of the rows; the rows of a step are the next of it, and every process takes an equal run of
    them. So 1 process x 64 rows, 2 x 32, and 1 x 32 with two micro-batches a step learn from the same rows in the
    same steps.

    Of the last, smaller batch of an epoch every process takes an equal part too, within one row; where there are fewer
    rows than processes, those that would have none take the first row again.

    Args:
        n_rows: of the data set.
        batch_size: rows of one process in one micro-batch.
        accumulation: micro-batches a step.
        n_processes, process_index: who takes part, and which of them this is.
        seed: of the orders; that of an epoch is drawn with seed + epoch. None: the rows as they come.
        drop_last: leave out the last step of an epoch where there are too few rows for it.
        order: which rows share a step (ClusterOrder, SharedImagesOrder); by default any, in a permutation.
    """

    def __init__(
        self,
        n_rows: int,
        batch_size: int,
        accumulation: int = 1,
        n_processes: int = 1,
        process_index: int = 0,
        seed: int | None = 0,
        drop_last: bool = False,
        order: Order | None = None,
    ):
        rows_a_step = batch_size * accumulation * n_processes
        self.n_rows = n_rows
        self.n_used = n_rows - n_rows % rows_a_step if drop_last else n_rows
        self.batch_size, self.accumulation = batch_size, accumulation
        self.n_processes, self.process_index = n_processes, process_index
        self.seed = seed
        self.order = order
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Which epoch the next iteration goes through."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.n_used // (self.batch_size * self.n_processes))

    def __iter__(self) -> Iterator[StepRows]:
        steps_before = self.epoch * -(-len(self) // self.accumulation)
        for number, batch in enumerate(self._order()[: self.n_used].split(self.batch_size * self.n_processes)):
            parts = batch.tensor_split(self.n_processes)
            part = parts[self.process_index]
            rows = (part if len(part) else batch[:1]).tolist()
            yield StepRows(rows, steps_before + number // self.accumulation)

    def _order(self) -> torch.Tensor:
        if self.seed is None:
            return torch.arange(self.n_rows)
        if self.order is not None:
            return torch.from_numpy(self.order(self.seed + self.epoch))
        return torch.randperm(self.n_rows, generator=torch.Generator().manual_seed(self.seed + self.epoch))


class EvaluationBatches(Sampler[list[int]]):
    """This process's batches of an evaluation: every n-th of those that a single process would go through.

    All processes get as many batches, as sharded models must run equally often everywhere; what fills up is the first
    batch again, which `counts` says not to count.

    Args:
        n_rows: of the data set.
        batch_size: rows of a batch.
        n_processes, process_index: who takes part, and which of them this is.
    """

    def __init__(self, n_rows: int, batch_size: int, n_processes: int = 1, process_index: int = 0):
        batches = [list(range(start, min(start + batch_size, n_rows))) for start in range(0, n_rows, batch_size)]
        n_mine = -(-len(batches) // n_processes)
        mine = [process_index + n_processes * turn for turn in range(n_mine)]
        self.counts = [number < len(batches) for number in mine]
        self.batches = [batches[number] if number < len(batches) else batches[0] for number in mine]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches)
