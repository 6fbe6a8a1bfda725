"""Rows that know which step of a training learns from them: on their way from the sampler to the collator."""

from torch.utils.data import Dataset


class StepRows(list):
    """Rows of a data set, or their indices, as a list like any other; `step` is the training's step that they are of.

    Every micro-batch of every process has the step's number, and it goes where the list goes: into worker processes,
    and through a collator around the one that asks for it.
    """

    def __init__(self, rows, step: int):
        super().__init__(rows)
        self.step = step


class RowsOfSteps(Dataset):
    """A data set whose batches come as StepRows, where a sampler asked for them by StepRows of their indices.

    Args:
        rows: any data set with a length.
    """

    def __init__(self, rows):
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int):
        return self.rows[index]

    def __getitems__(self, indices: StepRows) -> StepRows:
        fetch = getattr(self.rows, "__getitems__", None)
        return StepRows(fetch(list(indices)) if fetch else [self.rows[index] for index in indices], indices.step)
