"""The names of a million images in one array: small, and not copied into every worker process by being read."""

from collections.abc import Iterable, Sequence

import numpy as np


class Names(Sequence):
    """Strings, kept as UTF-8 in one numpy array.

    A list of a million strings is a million objects, whose reference counts a forked worker touches as it reads, and
    so copies; a spawned one has them all sent.

    Args:
        names: strings or paths, or the `array` of others.
    """

    def __init__(self, names: Iterable):
        if isinstance(names, Names):
            self.array = names.array
        elif isinstance(names, np.ndarray) and names.dtype.kind == "S":
            self.array = names
        else:
            encoded = [str(name).encode("utf-8", "surrogateescape") for name in names]
            self.array = np.array(encoded, bytes) if encoded else np.empty(0, "S1")

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        return self.array[index].decode("utf-8", "surrogateescape")

    def __iter__(self):
        return (name.decode("utf-8", "surrogateescape") for name in self.array.tolist())

    def __eq__(self, other) -> bool:
        if isinstance(other, Names):
            return np.array_equal(self.array, other.array)
        return list(self) == other

    def __repr__(self) -> str:
        return f"Names({self[:3]}{' ...' if len(self) > 3 else ''})"

    __hash__ = None
