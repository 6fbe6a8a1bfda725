"""Variables: the named arrays that a checkpoint holds, described at once and read one at a time."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch


@dataclass(frozen=True)
class Variable:
    """One named array of a checkpoint.

    Attributes:
        name: in the checkpoint; of anonymous variables their number, "0", "1", ...
        shape: of the array.
        dtype: what it is stored as, by torch's name ("float32", "bfloat16", "int64", ...).
        read: the array as it is stored, in memory of its own; raises InputError where the file is damaged.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], torch.Tensor] = field(repr=False, compare=False)

    @property
    def is_floating(self) -> bool:
        return getattr(torch, self.dtype).is_floating_point

    def tensor(self) -> torch.Tensor:
        """Read the array: float32 whatever floats are stored; integers and booleans as they are. The caller's own.

        Raises:
            InputError: the file is damaged there; the message names the file and the variable.
        """
        tensor = self.read()
        return tensor.to(torch.float32) if self.is_floating else tensor


@dataclass(frozen=True)
class Variables:
    """All variables of a checkpoint, in its own order.

    Attributes:
        source: the file or folder, for messages.
        items: the variables.
        named: whether the names are paths of the parameter tree ("a/b/c", or "a.b.c"); False where they are numbers in
            the order in which JAX flattens the tree.
    """

    source: str
    items: tuple[Variable, ...]
    named: bool

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Variable]:
        return iter(self.items)

    def __getitem__(self, position: int) -> Variable:
        return self.items[position]

    @property
    def conversion(self) -> str | None:
        """What is said of floats that are not stored in float32; None where all are."""
        counts = Counter(item.dtype for item in self.items if item.is_floating and item.dtype != "float32")
        if not counts:
            return None
        stored = ", ".join(f"{count} in {dtype}" for dtype, count in sorted(counts.items()))
        return f"{self.source}: of {len(self)} variables {stored}; converted to float32"
