import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from scipy.stats import entropy

from alignet_hf.distill.losses import EntropyWeightedLoss, TripletHardLoss, TripletJSDLoss, TripletKLLoss
from alignet_hf.errors import InputError

LOSSES = [TripletKLLoss(), TripletKLLoss(teacher_temperature=2.0, student_temperature=5.0), TripletJSDLoss()]
ALL = [*LOSSES, TripletHardLoss(student_temperature=3.0), EntropyWeightedLoss(loss=TripletKLLoss())]


def similarities(n=50, scale=3.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(2, n, 3, generator=generator)


def test_kl_is_scipys():
    student, teacher = similarities()
    p, q = softmax(teacher.double().numpy() / 2, -1), softmax(student.double().numpy() / 5, -1)
    loss = TripletKLLoss(teacher_temperature=2.0, student_temperature=5.0)(student, teacher)
    assert loss.shape == (50,)
    np.testing.assert_allclose(loss, entropy(p, q, axis=-1), rtol=1e-4, atol=1e-6)


def test_jsd_is_scipys_and_divides_the_students_similarities_by_100():
    student, teacher = similarities(scale=30.0)
    p, q = softmax(teacher.double().numpy(), -1), softmax(student.double().numpy() / 100, -1)
    np.testing.assert_allclose(
        TripletJSDLoss()(student, teacher), jensenshannon(p, q, axis=-1) ** 2, rtol=1e-4, atol=1e-6
    )


def test_hard_is_the_cross_entropy_of_the_teachers_choice():
    student, teacher = similarities()
    expected = [-math.log(softmax(s.double() / 3)[t.argmax()]) for s, t in zip(student, teacher, strict=True)]
    np.testing.assert_allclose(TripletHardLoss(student_temperature=3.0)(student, teacher), expected, rtol=1e-5)


@pytest.mark.parametrize("loss", ALL)
def test_a_weighted_loss_is_the_loss_times_scipys_entropy(loss):
    student, teacher = similarities()
    weights = entropy(softmax(teacher.double().numpy() / 2, -1), base=3, axis=-1)
    weighted = EntropyWeightedLoss(loss=loss, teacher_temperature=2.0)(student, teacher)
    np.testing.assert_allclose(weighted, loss(student, teacher).numpy() * weights, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_agreement_costs_nothing_and_disagreement_something(loss):
    agreed = torch.tensor([[1.0, -2.0, 0.5]])
    student = agreed / loss.teacher_temperature * loss.student_temperature
    assert loss(student, agreed).item() == pytest.approx(0, abs=1e-6)
    assert loss(student.flip(-1), agreed).item() > 0.01


@pytest.mark.parametrize("loss", ALL)
def test_values_and_gradients_are_finite_at_extremes_and_ties(loss):
    extremes = torch.tensor([[1e4, -1e4, 0], [-1e4, 1e4, 1e4], [1e4, 1e4, 1e4], [0, 0, 0], [0, 1e4, -1e4]])
    for student in (extremes, extremes.flip(0), extremes.roll(1, 0)):
        student = student.clone().requires_grad_()
        value = loss(student, extremes)
        value.sum().backward()
        assert value.isfinite().all()
        assert student.grad.isfinite().all()


@pytest.mark.parametrize("loss", ALL)
def test_half_precision_is_computed_in_float32(loss):
    student, teacher = similarities().bfloat16()
    value = loss(student, teacher)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(student.float(), teacher.float()))


@pytest.mark.parametrize("loss", ALL)
def test_gradients_are_those_of_finite_differences(loss):
    student, teacher = similarities(n=6).double()
    assert torch.autograd.gradcheck(lambda s: loss(s, teacher), student.requires_grad_())


def test_losses_are_frozen_and_refuse_bad_temperatures():
    with pytest.raises(FrozenInstanceError):
        TripletKLLoss().student_temperature = 2.0
    for bad in (0, -1.0, math.inf, math.nan):
        with pytest.raises(InputError, match="temperature"):
            TripletJSDLoss(student_temperature=bad)
