from math import comb

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alignet_hf.distill import dense_closed, dense_cubes
from alignet_hf.distill.dense import _listed
from alignet_hf.distill.dense_closed import closed_form
from alignet_hf.distill.losses import TripletHardLoss, TripletJSDLoss, TripletKLLoss

LOSSES = {
    "kl": lambda a, t: TripletKLLoss(student_temperature=a, teacher_temperature=t),
    "jsd": lambda a, t: TripletJSDLoss(student_temperature=a, teacher_temperature=t),
    "hard": lambda a, t: TripletHardLoss(student_temperature=a),
}


def similarities(n, range_student, range_teacher, dtype, seed):
    """Two symmetric matrices whose pairs span these ranges; their diagonals, which are no pairs, are far outside."""
    generator = torch.Generator().manual_seed(seed)
    for span in (range_student, range_teacher):
        matrix = torch.rand(n, n, generator=generator, dtype=torch.float64).triu(1)
        matrix = (matrix + matrix.T + 5) * span
        yield matrix.fill_diagonal_(1e6).to(dtype)


def symmetric(gradient):
    return gradient + gradient.T


def assert_alike(loss, student, teacher, labels=None, sharing=None, tolerance=1e-6, widest=0):
    """The closed form is the sum over the listed triplets in float64: the mean, and the gradient of a logit.

    To 1e-6 in float32; where logits reach beyond 20, a mean no better than their own rounding.
    """
    total, gradient = closed_form(loss, student, teacher, labels, sharing)
    n_triplets = comb(len(student), 3)
    expected_total, expected = _listed(loss, student.double(), teacher.double(), labels, sharing)
    mean, expected_mean = total.item() / n_triplets, expected_total.item() / n_triplets
    assert mean == pytest.approx(expected_mean, rel=tolerance, abs=tolerance * max(1, widest / 20))
    of_logits = [symmetric(one.double()) * loss.student_temperature for one in (gradient, expected)]
    torch.testing.assert_close(of_logits[0] / n_triplets, of_logits[1] / n_triplets, rtol=tolerance, atol=tolerance)
    assert total.dtype == gradient.dtype == student.dtype


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@given(
    n=st.integers(3, 13),
    temperatures=st.tuples(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6)),
    ranges=st.tuples(st.floats(0, 690), st.floats(0, 690)),
    sharing=st.sampled_from([None, 0, 1, 3]),
    n_labels=st.integers(1, 4),
    seed=st.integers(0, 100),
)
@example(n=13, temperatures=(1, 1), ranges=(80, 80), sharing=None, n_labels=1, seed=0)
@example(n=3, temperatures=(1, 1), ranges=(0, 77), sharing=None, n_labels=1, seed=0)
@example(n=13, temperatures=(1, 1), ranges=(79, 0), sharing=None, n_labels=1, seed=0)
@example(n=13, temperatures=(1, 1), ranges=(0, 79), sharing=1, n_labels=3, seed=0)
@example(n=13, temperatures=(1, 1), ranges=(690, 690), sharing=None, n_labels=1, seed=0)
@example(n=13, temperatures=(1, 1), ranges=(0, 0), sharing=0, n_labels=4, seed=0)
@settings(deadline=None, max_examples=40)
def test_is_the_sum_over_listed_triplets_at_any_temperature(
    name, dtype, n, temperatures, ranges, sharing, n_labels, seed
):
    loss = LOSSES[name](*temperatures)
    student, teacher = similarities(n, ranges[0] * temperatures[0], ranges[1] * temperatures[1], torch.float64, seed)
    labels = torch.randint(0, n_labels, (n,), generator=torch.Generator().manual_seed(seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dense_cubes, "SIDE", 4)
        tolerance = 1e-6 if dtype is torch.float32 else 1e-9
        assert_alike(loss, student.to(dtype), teacher.to(dtype), labels, sharing, tolerance, max(ranges))


@pytest.mark.parametrize("loss", [make(1.0, 1.0) for make in LOSSES.values()])
def test_many_images_in_many_cubes(loss):
    student, teacher = similarities(101, 6, 6, torch.float32, 0)
    assert_alike(loss, student, teacher)
    assert_alike(loss, student, teacher, torch.arange(101) % 7, 1)


def test_equal_similarities_choose_the_pair_that_comes_first_whatever_the_labels_order():
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randint(0, 3, (12, 12), generator=generator).float() for _ in range(2))
    student, teacher = student + student.T, teacher + teacher.T
    labels = torch.tensor([3, 0, 2, 1] * 3)
    for sharing in (None, 0, 1):
        assert_alike(TripletHardLoss(), student, teacher, labels, sharing)


def test_there_is_none_for_other_losses_and_logits_of_too_wide_a_range():
    class Subclass(TripletKLLoss):
        def __call__(self, student, teacher):
            return 2 * super().__call__(student, teacher)

    student, teacher = similarities(5, 1, 1, torch.float32, 0)
    assert closed_form(Subclass(), student, teacher, None, None) is None
    assert closed_form(TripletKLLoss(student_temperature=1e-4), student, teacher, None, None) is None
    assert closed_form(TripletKLLoss(teacher_temperature=1e-4), student, teacher, None, None) is None
    assert closed_form(TripletHardLoss(), student, teacher * 1e4, None, None) is not None  # its ranks have no range


def test_devices_without_float64_have_it_for_narrow_ranges_only(monkeypatch):
    monkeypatch.setattr(dense_closed, "_wide", lambda matrix: torch.float32)
    assert_alike(TripletKLLoss(), *similarities(20, 8, 8, torch.float32, 0))
    assert closed_form(TripletKLLoss(), *similarities(20, 100, 8, torch.float32, 0), None, None) is None
