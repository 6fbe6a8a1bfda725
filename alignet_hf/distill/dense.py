"""Every triplet of a batch in the loss: B images give B(B-1)(B-2)/6 triplets at the cost of B forward passes.

The sampling strategy says which of them count: those that sampling by that strategy could have drawn, all alike.
"""

from math import comb

import torch
from torch import Tensor

from alignet_hf.distill.dense_closed import closed_form
from alignet_hf.distill.losses import TripletLoss, at_least_float32
from alignet_hf.errors import InputError

# For every strategy, how many of a triplet's three pairs share a label; None: labels do not matter.
PAIRS_SHARING_A_LABEL = {
    "random": None,
    "cluster-boundary": 1,
    "class-boundary": 1,
    "within-class": 3,
    "between-class": 0,
}
# Triplets in memory at once: a few MB, whatever the batch.
BLOCK = 2**16


def dense_triplet_loss(
    loss: TripletLoss,
    student_embeds: Tensor,
    teacher_embeds: Tensor,
    labels: Tensor | None = None,
    strategy: str = "random",
) -> Tensor:
    """The mean loss of all the batch's triplets that count under a sampling strategy.

    Exact, value and gradient; memory grows with B^2, never with the number of triplets. This package's losses have a
    closed form (see dense_closed); any other loss, and logits that range over more than 700, go triplet by triplet.

    Args:
        loss: of each triplet; one of this package's, or anything that takes and gives the same.
        student_embeds: (B, D); similarities are their dot products, in float32 even under autocast.
        teacher_embeds: (B, D_teacher).
        labels: (B,) class or cluster of each image; needed by every strategy but "random".
        strategy: "random": every triplet; "cluster-boundary", "class-boundary": two of one label and one of another;
            "within-class": all of one label; "between-class": three different labels.

    Returns:
        A scalar; 0 with zero gradients where no triplet counts.

    Raises:
        InputError: an unknown strategy, or one that needs labels and has none.
    """
    n_triplets = count_dense_triplets(len(student_embeds), labels, strategy)
    with torch.autocast(student_embeds.device.type, enabled=False):
        student = at_least_float32(student_embeds)
        teacher = at_least_float32(teacher_embeds.detach())
        sharing = PAIRS_SHARING_A_LABEL[strategy]
        total = _TotalLoss.apply(student @ student.T, teacher @ teacher.T, loss, labels, sharing)
    return total / max(n_triplets, 1)


def count_dense_triplets(n_images: int, labels: Tensor | None = None, strategy: str = "random") -> int:
    """How many triplets of a batch of `n_images` count: see dense_triplet_loss for the arguments."""
    check_strategy(strategy, has_labels=labels is not None)
    if PAIRS_SHARING_A_LABEL[strategy] is None:
        return comb(n_images, 3)
    sizes = torch.unique(labels, return_counts=True)[1].tolist()
    within = sum(comb(size, 3) for size in sizes)
    boundary = sum(comb(size, 2) * (n_images - size) for size in sizes)
    return {3: within, 1: boundary, 0: comb(n_images, 3) - within - boundary}[PAIRS_SHARING_A_LABEL[strategy]]


def check_strategy(strategy: str, has_labels: bool):
    """Raise an InputError where the strategy is unknown, or needs labels that are not there."""
    if strategy not in PAIRS_SHARING_A_LABEL:
        raise InputError(f"sampling strategy {strategy!r} is unknown; choose one of {', '.join(PAIRS_SHARING_A_LABEL)}")
    if PAIRS_SHARING_A_LABEL[strategy] is not None and not has_labels:
        raise InputError(
            f"sampling strategy {strategy!r} needs the label of every image: give DenseCollator labels=... "
            "(cluster_embeddings makes them), or use the strategy 'random'"
        )


class _TotalLoss(torch.autograd.Function):
    """Sum of the losses of the triplets that count, from two (B, B) similarity matrices.

    The gradient with respect to the student's matrix is computed in the forward pass: only a (B, B) matrix waits for
    the backward pass.
    """

    @staticmethod
    def forward(ctx, student: Tensor, teacher: Tensor, loss: TripletLoss, labels: Tensor | None, sharing: int | None):
        closed = closed_form(loss, student, teacher, labels, sharing) if len(student) >= 3 else None
        total, gradient = closed or _listed(loss, student, teacher, labels, sharing)
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad_total: Tensor):
        (gradient,) = ctx.saved_tensors
        return grad_total * gradient, None, None, None, None


def _listed(loss: TripletLoss, student: Tensor, teacher: Tensor, labels: Tensor | None, sharing: int | None):
    """Sum of the losses and gradient, for any loss and any similarities: triplet by triplet, in blocks."""
    total = student.new_zeros(())
    gradient = torch.zeros_like(student)
    leaf = student.detach().requires_grad_()
    for triplets in _triplet_blocks(len(student), student.device):
        if sharing is not None:
            triplets = triplets[:, _labels_shared(labels, triplets) == sharing]
        with torch.enable_grad():  # each block's graph is freed at once
            block_total = loss(_similarities(leaf, triplets), _similarities(teacher, triplets)).sum()
        total += block_total.detach()
        gradient += torch.autograd.grad(block_total, leaf)[0]
    return total, gradient


def _triplet_blocks(n_images: int, device: torch.device):
    """All triplets i < j < k in blocks of (3, about BLOCK)."""
    if n_images < 3:
        return
    pairs = torch.triu_indices(n_images, n_images, offset=1, device=device)  # (2, P): j, k
    pairs = pairs[:, n_images - 1 :]  # j = 0 leaves no i < j
    # Of a pair (j, k) come j triplets, at most n_images: so many pairs hold at most BLOCK triplets.
    for block in pairs.split(max(BLOCK // n_images, 1), dim=1):
        j, k = block.repeat_interleave(block[0], dim=1)
        first_of_pair = (block[0].cumsum(0) - block[0]).repeat_interleave(block[0])
        i = torch.arange(len(j), device=device) - first_of_pair
        yield torch.stack([i, j, k])


def _similarities(matrix: Tensor, triplets: Tensor) -> Tensor:
    i, j, k = triplets
    n = len(matrix)
    pairs = torch.stack([i * n + j, i * n + k, j * n + k], -1)  # [s_ij, s_ik, s_jk]
    return matrix.reshape(-1).index_select(0, pairs.reshape(-1)).view(-1, 3)  # (n_triplets, 3)


def _labels_shared(labels: Tensor, triplets: Tensor) -> Tensor:
    """How many pairs of each triplet share a label: 0, 1 or 3 -> (n,)."""
    i, j, k = labels[triplets]
    return (i == j).int() + (i == k).int() + (j == k).int()
