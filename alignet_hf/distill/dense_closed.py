"""The losses of all triplets of a batch and their gradient without a triplet's own softmax.

With the student's logits a and the teacher's t (similarities over temperatures), A = exp(a), Z = A_ij + A_ik + A_jk,
a triplet's answer is q_ij = A_ij / Z, and p_ij the teacher's: B^2 exponentials for all triplets, a reciprocal for each.
Then, summed over all triplets, with m = (p + q) / 2,

    KL    sum p (t - a) + log Z_a - log Z_t      gradient of a_ij: sum_k q_ij - p_ij
    hard  sum log Z_a - a_choice                 gradient of a_ij: sum_k q_ij - [ij is the choice]
    JSD   sum p log(p/m) + q log(q/m), halved    gradient of a_ij: sum_k q_ij (log(q_ij/m_ij) - KL(q || m)), halved

where the sums over the triplets of a pair (i, j), such as sum_k q_ij = A_ij sum_k 1/Z, are all that is kept: (B, B).
A and Z neither overflow nor vanish as long as the logits' range is bounded; past that bound there is no closed form.
"""

import torch
from torch import Tensor

from alignet_hf.distill.dense_cubes import Tiling
from alignet_hf.distill.losses import TripletHardLoss, TripletJSDLoss, TripletKLLoss, TripletLoss

# The widest range of logits whose exponentials, and products of two of them, are normal numbers.
WIDEST = {torch.float32: 80.0, torch.float64: 700.0}


def closed_form(
    loss: TripletLoss, student: Tensor, teacher: Tensor, labels: Tensor | None, sharing: int | None
) -> tuple[Tensor, Tensor] | None:
    """The sum of the losses of the triplets that count, and its gradient with respect to the student's similarities.

    Args:
        loss: of each triplet.
        student, teacher: (B, B) similarities, B at least 3.
        labels, sharing: see Tiling.

    Returns:
        A scalar and (B, B), of which only one of (i, j) and (j, i) holds a pair's gradient; None where the loss is no
        loss of this package, or the logits' range is too wide or not a number.
    """
    if type(loss) not in _FORMS:
        return None
    a = _logits(student, loss.student_temperature)
    t = _ranks(teacher) if type(loss) is TripletHardLoss else _logits(teacher, loss.teacher_temperature)
    logits = a[None] if type(loss) is TripletHardLoss else torch.stack([a, t])
    widest = 2 * logits.abs().max().item()
    precise = [dtype for dtype in WIDEST if widest <= WIDEST[dtype] and dtype.itemsize >= student.dtype.itemsize]
    if not precise or (precise[0] is torch.float64 and _wide(student) is not torch.float64):
        return None
    tiling = Tiling(len(student), labels, sharing, student.device)
    total, gradient = _FORMS[type(loss)](tiling, tiling.tiles(a), tiling.tiles(t), precise[0])
    return total.to(student.dtype), (tiling.matrix(gradient) / loss.student_temperature).to(student.dtype)


def _kl(tiling: Tiling, a: Tensor, t: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    exp_a, exp_t = a.exp(), t.exp()
    small_a, small_t = exp_a.to(dtype), exp_t.to(dtype)
    sum_a, sum_t = torch.zeros_like(small_a), torch.zeros_like(small_t)  # of 1 / Z over the triplets of a pair
    total = a.new_zeros(())
    for cubes in tiling.cubes(dtype):
        z_a, over_t = cubes.total(small_a), cubes.total(small_t).reciprocal_()
        total += cubes.counted((z_a * over_t).log_()).sum()
        cubes.add_to_pairs(sum_t, cubes.counted(over_t))
        cubes.add_to_pairs(sum_a, cubes.counted(z_a.reciprocal_()))
    p, q = exp_t * sum_t, exp_a * sum_a
    return total + (p * (t - a)).sum(), q - p


def _jsd(tiling: Tiling, a: Tensor, t: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    exp_a = a.exp()
    small_a, small_t = exp_a.to(dtype), t.exp().to(dtype)
    logs, divergences = torch.zeros_like(small_a), torch.zeros_like(small_a)  # of log(q/m) / Z and KL(q || m) / Z
    total = a.new_zeros(())
    for cubes in tiling.cubes(dtype):
        over_a, over_t = cubes.total(small_a).reciprocal_(), cubes.total(small_t).reciprocal_()
        counted_over_a = cubes.counted(over_a.clone())
        kl_p, kl_q = torch.zeros_like(over_a), torch.zeros_like(over_a)
        for number, (exp_p, exp_q) in enumerate(zip(cubes.pairs(small_t), cubes.pairs(small_a), strict=True)):
            p, q = exp_p * over_t, exp_q * over_a
            over_m = (p + q).reciprocal_().mul_(2)
            kl_p += (p * over_m).log_().mul_(p)
            log_q = (q * over_m).log_()
            kl_q += q.mul_(log_q)
            cubes.add_to_pair(number, logs, log_q.mul_(counted_over_a))
        total += cubes.counted(kl_p.add_(kl_q)).sum() / 2
        cubes.add_to_pairs(divergences, kl_q.mul_(counted_over_a))
    return total, exp_a * (logs - divergences) / 2


def _hard(tiling: Tiling, a: Tensor, ranks: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    exp_a = a.exp()
    small_a = exp_a.to(dtype)
    sum_a, chosen = torch.zeros_like(small_a), torch.zeros_like(small_a)
    total = a.new_zeros(())
    for cubes in tiling.cubes(dtype):
        z = cubes.total(small_a)
        total += cubes.counted(z.log()).sum()
        cubes.add_to_pairs(sum_a, cubes.counted(z.reciprocal_()))
        ij, ik, jk = cubes.pairs(ranks)
        first = torch.minimum(torch.minimum(ij, ik), jk)
        for number, rank in enumerate((ij, ik, jk)):
            cubes.add_to_pair(number, chosen, cubes.counted((rank == first).to(dtype)))
    return total - (chosen * a).sum(), exp_a * sum_a - chosen


_FORMS = {TripletKLLoss: _kl, TripletJSDLoss: _jsd, TripletHardLoss: _hard}


def _wide(matrix: Tensor) -> torch.dtype:
    """float64, which costs nothing for (B, B), where the device has it."""
    return torch.float32 if matrix.device.type == "mps" else torch.float64


def _logits(similarities: Tensor, temperature: float) -> Tensor:
    """Similarities over the temperature, the middle of their range moved to 0: an answer does not change by it."""
    logits = similarities.to(_wide(similarities)) / temperature
    logits.diagonal().copy_(logits[0, 1])  # no pair: it must not widen the range
    low, high = logits.aminmax()
    return logits - (low + high) / 2


def _ranks(similarities: Tensor) -> Tensor:
    """(B, B) places of the pairs from the most similar to the least; of equal ones a triplet's first comes first."""
    n = len(similarities)
    i, j = torch.triu_indices(n, n, offset=1, device=similarities.device)
    order = similarities[i, j].argsort(descending=True, stable=True)
    ranks = torch.zeros(n, n, dtype=torch.int32, device=similarities.device)
    ranks[i[order], j[order]] = torch.arange(len(order), dtype=torch.int32, device=similarities.device)
    return ranks + ranks.T
