"""Rows of all processes in every process, with gradients: negatives for dense triplets.

With it, a dense batch of P processes with B / P images each has the triplets, the loss and the gradient of one process
with all B.
"""

import torch
import torch.distributed as dist
from torch import Tensor


def gather_rows(rows: Tensor) -> Tensor:
    """Rows of all processes, in the processes' order; every process must call it, and each may hold another number.

    The gradient is right where every process computes the same loss of what is gathered, and the processes' gradients
    of the parameters are then averaged, as DDP and FSDP do.

    Args:
        rows: (B_p, ...), of the same type and trailing shape in all processes.

    Returns:
        (sum of B_p, ...); `rows` itself in a single process.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return rows
    return _GatherRows.apply(rows)


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows: Tensor) -> Tensor:
        sizes = _sizes(rows)
        ctx.first, ctx.n_rows = sum(sizes[: dist.get_rank()]), len(rows)
        padded = rows.new_zeros(max(sizes), *rows.shape[1:])  # the collective wants one shape
        padded[: len(rows)] = rows
        gathered = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(gathered, padded)
        return torch.cat([part[:size] for part, size in zip(gathered, sizes, strict=True)])

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        # The sum over the processes' gradients, all equal as their losses are: no need to communicate. Averaging the
        # parameters' gradients over the processes afterwards takes the factor away again.
        return gradient[ctx.first : ctx.first + ctx.n_rows] * dist.get_world_size()


def _sizes(rows: Tensor) -> list[int]:
    mine = torch.tensor([len(rows)], device=rows.device)
    sizes = [torch.empty_like(mine) for _ in range(dist.get_world_size())]
    dist.all_gather(sizes, mine)
    return torch.cat(sizes).tolist()
