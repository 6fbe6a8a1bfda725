import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from alignet_hf.distill import dense, dense_cubes
from alignet_hf.distill.dense import count_dense_triplets, dense_triplet_loss
from alignet_hf.distill.losses import TripletHardLoss, TripletJSDLoss, TripletKLLoss
from alignet_hf.errors import InputError
from alignet_hf.triplets import all_triplets, triplet_similarities

LOSSES = [TripletKLLoss(student_temperature=4.0), TripletJSDLoss(), TripletHardLoss()]
STRATEGIES = ["random", "cluster-boundary", "class-boundary", "within-class", "between-class"]
N_LABELS = {"random": (3, 2, 1), "boundary": (2,), "within-class": (1,), "between-class": (3,)}


def batch(n=24, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    student = torch.randn(n, 5, generator=generator, dtype=dtype)
    teacher = torch.randn(n, 7, generator=generator, dtype=dtype)
    labels = torch.randint(0, 6, (n,), generator=generator)
    return student.requires_grad_(), teacher, labels


def counted(labels, strategy):
    """The triplets that count, one by one."""
    wanted = N_LABELS["boundary" if strategy.endswith("boundary") else strategy]
    triplets = all_triplets(len(labels))
    return torch.from_numpy(
        triplets[[len({labels[item].item() for item in triplet}) in wanted for triplet in triplets]]
    ).long()


class OwnLoss:
    """A user's, which has no closed form."""

    def __call__(self, student, teacher):
        return (student - teacher).square().sum(-1)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("loss", [*LOSSES, OwnLoss()])
@pytest.mark.parametrize("side", [5, 32])
def test_value_and_gradient_are_those_of_the_listed_triplets(loss, strategy, side, monkeypatch):
    monkeypatch.setattr(dense, "BLOCK", 300)  # many blocks
    monkeypatch.setattr(dense_cubes, "SIDE", side)  # many cubes, and one
    student, teacher, labels = batch()
    triplets = counted(labels, strategy)
    assert count_dense_triplets(24, labels, strategy) == len(triplets)
    listed = loss(triplet_similarities(student, triplets), triplet_similarities(teacher, triplets)).mean()
    (expected,) = torch.autograd.grad(listed, student)
    value = dense_triplet_loss(loss, student, teacher, labels, strategy)
    (gradient,) = torch.autograd.grad(value, student)
    assert value.item() == pytest.approx(listed.item(), rel=1e-6, abs=1e-6)
    torch.testing.assert_close(gradient, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("n", [6, 9])
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_finite_differences(loss, strategy, n, monkeypatch):
    monkeypatch.setattr(dense_cubes, "SIDE", 4)
    student, teacher, labels = batch(n, torch.float64)
    assert torch.autograd.gradcheck(lambda s: dense_triplet_loss(loss, s, teacher, labels % 3, strategy), student)


@pytest.mark.parametrize(("n", "strategy"), [(2, "random"), (0, "random"), (24, "between-class")])
def test_no_triplet_that_counts_gives_zero_loss_and_gradients(n, strategy):
    student, teacher, _ = batch(n)
    value = dense_triplet_loss(TripletKLLoss(), student, teacher, torch.zeros(n, dtype=torch.long), strategy)
    value.backward()
    assert value.item() == 0
    assert student.grad.abs().sum() == 0


def test_blocks_hold_every_triplet_once(monkeypatch):
    monkeypatch.setattr(dense, "BLOCK", 50)
    blocks = list(dense._triplet_blocks(11, torch.device("cpu")))
    assert max(block.shape[1] for block in blocks) <= 50
    assert sorted(torch.cat(blocks, 1).T.tolist()) == all_triplets(11).tolist()


def test_similarities_are_computed_in_float32_under_autocast():
    student, teacher, _ = batch()
    expected = dense_triplet_loss(TripletKLLoss(), student, teacher)
    with torch.autocast("cpu", torch.bfloat16):
        assert dense_triplet_loss(TripletKLLoss(), student, teacher).item() == expected.item()


def test_no_tensor_is_larger_than_a_matrix_of_pairs_or_a_few_cubes():
    class Largest(TorchDispatchMode):
        n_bytes = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            out = function(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor):
                self.n_bytes = max(self.n_bytes, out.untyped_storage().nbytes())
            return out

    student, teacher, labels = batch(200)
    for loss in LOSSES:
        with Largest() as largest:
            dense_triplet_loss(loss, student, teacher, labels, "class-boundary").backward()
        assert largest.n_bytes <= max(2 * 8 * 210**2, dense_cubes.BYTES_ON_CPU)  # both logits in float64


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_student_or_teacher_that_is_not_finite_gives_nan(value):
    for of_student in (True, False):
        student, teacher, _ = batch(9)
        (student.detach() if of_student else teacher)[3, 2] = value
        assert dense_triplet_loss(TripletKLLoss(), student, teacher).isnan()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("scale", [0, 1e-3, 1, 30, 1e4])
def test_embeddings_of_any_scale_give_finite_losses_and_the_listed_gradients(loss, scale):
    student, teacher, _ = batch(16)
    student = (student.detach() * scale).requires_grad_()
    value = dense_triplet_loss(loss, student, teacher)
    value.backward()
    (expected,) = torch.autograd.grad(dense_triplet_loss(lambda s, t: loss(s, t), student, teacher), student)
    assert value.isfinite()
    torch.testing.assert_close(student.grad, expected, atol=1e-6 * max(scale, 1), rtol=1e-4)


def test_strategies_without_labels_or_unknown_say_what_to_do():
    student, teacher, _ = batch()
    with pytest.raises(InputError, match="DenseCollator labels"):
        dense_triplet_loss(TripletKLLoss(), student, teacher, strategy="cluster-boundary")
    with pytest.raises(InputError, match=r"'border' is unknown.*within-class"):
        dense_triplet_loss(TripletKLLoss(), student, teacher, strategy="border")
