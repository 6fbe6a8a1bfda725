"""Tables of positions: with a row for the class token, computed, and for images of another size."""

from math import isqrt

import torch


def with_class_row(positions: torch.Tensor) -> torch.Tensor:
    """Table (tokens, width) -> with a row for the class token in front: a new one of zeros where it has none."""
    if isqrt(len(positions)) ** 2 != len(positions):
        return positions
    return torch.cat([torch.zeros_like(positions[:1]), positions])


def sincos_positions(side: int, width: int) -> torch.Tensor:
    """MoCo v3's positions in two dimensions, (side * side, width): sin x, cos x, sin y, cos y, a quarter each."""
    frequencies = 10_000.0 ** -torch.linspace(0, 1, width // 4, dtype=torch.float64)
    steps = torch.arange(side, dtype=torch.float64)
    y, x = (axis.reshape(-1, 1) * frequencies for axis in torch.meshgrid(steps, steps, indexing="ij"))
    return torch.cat([x.sin(), x.cos(), y.sin(), y.cos()], dim=1).float()


def resampled_positions(positions: torch.Tensor, side: int) -> torch.Tensor:
    """Table (1 + n * n, width) -> (1 + side * side, width), as transformers' FlaxDinov2 does it whenever it is called.

    Keys' bicubic kernel (a = -0.5) without antialiasing, at (side + 0.1) / n of the size, as DINOv2's own code has it;
    transformers' Dinov2Model in torch, with a = -0.75 and no 0.1, would give other positions.
    """
    count = isqrt(len(positions) - 1)
    if count == side:
        return positions
    weights = _keys(count, side, (side + 0.1) / count)  # (side, n)
    grid = positions[1:].reshape(count, count, -1).double()
    grid = torch.einsum("yi,xj,ijd->yxd", weights, weights, grid).float()
    return torch.cat([positions[:1], grid.flatten(0, 1)])


def _keys(count: int, side: int, scale: float) -> torch.Tensor:
    """Weights (side, count) of `count` samples in each of `side`, every row with the sum 1."""
    centres = (torch.arange(side, dtype=torch.float64) + 0.5) / scale - 0.5
    distance = (centres[:, None] - torch.arange(count, dtype=torch.float64)).abs()
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    weights = torch.where(distance < 1, near, torch.where(distance < 2, far, torch.zeros(())))
    return weights / weights.sum(1, keepdim=True)
