import pytest
import torch

from alignet_hf.distill import dense
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


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_value_and_gradient_are_those_of_the_listed_triplets(loss, strategy, monkeypatch):
    monkeypatch.setattr(dense, "BLOCK", 300)  # many blocks
    student, teacher, labels = batch()
    triplets = counted(labels, strategy)
    assert count_dense_triplets(24, labels, strategy) == len(triplets)
    listed = loss(triplet_similarities(student, triplets), triplet_similarities(teacher, triplets)).mean()
    (expected,) = torch.autograd.grad(listed, student)
    value = dense_triplet_loss(loss, student, teacher, labels, strategy)
    (gradient,) = torch.autograd.grad(value, student)
    assert value.item() == pytest.approx(listed.item(), abs=1e-6)
    torch.testing.assert_close(gradient, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_finite_differences(loss):
    student, teacher, labels = batch(8, torch.float64)
    assert torch.autograd.gradcheck(lambda s: dense_triplet_loss(loss, s, teacher), student)
    assert torch.autograd.gradcheck(lambda s: dense_triplet_loss(loss, s, teacher, labels, "class-boundary"), student)


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


def test_strategies_without_labels_or_unknown_say_what_to_do():
    student, teacher, _ = batch()
    with pytest.raises(InputError, match="DenseCollator labels"):
        dense_triplet_loss(TripletKLLoss(), student, teacher, strategy="cluster-boundary")
    with pytest.raises(InputError, match=r"'border' is unknown.*within-class"):
        dense_triplet_loss(TripletKLLoss(), student, teacher, strategy="border")
