"""How far a student's answers to triplets are from its teacher's: one number a triplet.

    loss             teacher's answer                         student's answer        source
    TripletKLLoss    softmax([s_ij, s_ik, s_jk] / tau_t)      softmax(. / tau_s)      paper, eq. 5
    TripletJSDLoss   softmax([s_ij, s_ik, s_jk] / tau_t)      softmax(. / tau_s)      the authors' released code
    TripletHardLoss  its most similar pair                    softmax(. / tau_s)      hard labels

`EntropyWeightedLoss` weights the triplets of any of them.

Every loss takes similarities, (n, 3) of the student and (n, 3) of the teacher, and gives (n,):

    loss = TripletKLLoss(student_temperature=10.0)
    loss(triplet_similarities(student_embeds, triplets), teacher_similarities).mean().backward()

They compute in float32, whatever the model's dtype (float64 stays float64), and in logarithms throughout, so that
values and gradients are finite for similarities of +-1e4 and for equal ones.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from alignet_hf.errors import InputError


class TripletLoss(Protocol):
    """Student's similarities (n, 3), teacher's similarities (n, 3) -> loss of each triplet (n,)."""

    def __call__(self, student: Tensor, teacher: Tensor) -> Tensor: ...


@dataclass(frozen=True, kw_only=True)
class TripletKLLoss:
    """KL(softmax(S_teacher / tau_t) || softmax(S_student / tau_s)), the paper's eq. 5."""

    teacher_temperature: float = 1.0
    student_temperature: float = 1.0

    def __post_init__(self):
        _check_temperatures(self.teacher_temperature, self.student_temperature)

    def __call__(self, student: Tensor, teacher: Tensor) -> Tensor:
        log_p = _log_probabilities(teacher, self.teacher_temperature)
        log_q = _log_probabilities(student, self.student_temperature)
        return _kl(log_p, log_q)  # eq. 5


@dataclass(frozen=True, kw_only=True)
class TripletJSDLoss:
    """Jensen-Shannon divergence of the two answers, as in the authors' released code; at most log 2."""

    teacher_temperature: float = 1.0
    student_temperature: float = 100.0

    def __post_init__(self):
        _check_temperatures(self.teacher_temperature, self.student_temperature)

    def __call__(self, student: Tensor, teacher: Tensor) -> Tensor:
        log_p = _log_probabilities(teacher, self.teacher_temperature)
        log_q = _log_probabilities(student, self.student_temperature)
        # In logarithms: the gradient of m log m is not finite where a probability underflows to 0.
        log_m = torch.logaddexp(log_p, log_q) - math.log(2)
        return (_kl(log_p, log_m) + _kl(log_q, log_m)) / 2


@dataclass(frozen=True, kw_only=True)
class TripletHardLoss:
    """Cross entropy of the student's answer to the teacher's most similar pair (the first of equal ones)."""

    student_temperature: float = 1.0

    def __post_init__(self):
        _check_temperatures(self.student_temperature)

    def __call__(self, student: Tensor, teacher: Tensor) -> Tensor:
        log_q = _log_probabilities(student, self.student_temperature)
        return -log_q.gather(-1, teacher.argmax(-1, keepdim=True)).squeeze(-1)


@dataclass(frozen=True, kw_only=True)
class EntropyWeightedLoss:
    """Another loss, every triplet weighted by the teacher's uncertainty: H(softmax(S_teacher / tau_t)) / log 3.

    The weight is 1 where all three pairs are alike to the teacher, and 0 where it has no doubt. Triplets without doubt
    ask an untrained student above all for larger similarities; the doubtful ones say which images are alike. Ours, not
    the paper's. In a dense batch it goes triplet by triplet, as it has no closed form.
    """

    loss: TripletLoss
    teacher_temperature: float = 1.0

    def __post_init__(self):
        _check_temperatures(self.teacher_temperature)

    def __call__(self, student: Tensor, teacher: Tensor) -> Tensor:
        log_p = _log_probabilities(teacher, self.teacher_temperature)
        entropy = -(log_p.exp() * log_p).sum(-1)  # (n, 3) -> (n,)
        return self.loss(student, teacher) * entropy / math.log(3)


def at_least_float32(values: Tensor) -> Tensor:
    """Half precision to float32; float32 and float64 as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _log_probabilities(similarities: Tensor, temperature: float) -> Tensor:
    return torch.log_softmax(at_least_float32(similarities) / temperature, -1)  # (n, 3)


def _kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    return (log_p.exp() * (log_p - log_q)).sum(-1)  # (n, 3) -> (n,)


def _check_temperatures(*temperatures: float):
    for temperature in temperatures:
        if not 0 < temperature < math.inf:
            raise InputError(f"temperature is {temperature}; it must be a positive finite number")
