"""What a checkpoint says of an array, held against the bytes that it has for it."""

from collections.abc import Sequence
from math import prod

import numpy as np
import torch

_MOST_DIMENSIONS = 32
_MOST_CHARACTERS = 512  # of a name


def check_name(name: str) -> str:
    """Check that a variable's name can stand in a message of one line.

    Raises:
        ValueError: it is too long, or has characters that cannot be printed.
    """
    if len(name) > _MOST_CHARACTERS or not name.isprintable():
        raise ValueError(f"a variable's name cannot be printed, or is too long: {name[:40]!r}")
    return name


def check_size(name: str, dtype: str, shape: Sequence[int], n_bytes: int) -> None:
    """Check that an array takes exactly the bytes that are there for it.

    Args:
        dtype: torch's name of its type.

    Raises:
        ValueError: naming the array; also where it has no values at all.
    """
    if len(shape) > _MOST_DIMENSIONS:
        raise ValueError(f"variable {name} has {len(shape)} dimensions")
    if any(side <= 0 for side in shape):
        raise ValueError(f"variable {name} has the shape {tuple(shape)}, which holds no values")
    expected = prod(shape) * getattr(torch, dtype).itemsize
    if expected != n_bytes:
        raise ValueError(f"variable {name}, {dtype} {tuple(shape)}, takes {expected} bytes; there are {n_bytes} for it")


def to_tensor(data: np.ndarray, dtype: str, shape: Sequence[int]) -> torch.Tensor:
    """(n,) uint8, little-endian, the tensor's from now on -> tensor of a type and shape that take just these."""
    return torch.from_numpy(data).view(getattr(torch, dtype)).reshape(tuple(shape))
