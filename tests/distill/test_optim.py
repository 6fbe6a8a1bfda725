import copy

import pytest
import torch

from alignet_hf.distill.optim import AdamDecayToInit
from alignet_hf.errors import InputError

LR, DECAY, BETAS, EPS = 0.05, 0.7, (0.9, 0.999), 1e-8


def parameters(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((4, 3), (3,))]


def gradients(n_steps, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [[torch.randn(shape, generator=generator) for shape in ((4, 3), (3,))] for _ in range(n_steps)]


def run(optimizer, params, steps):
    for step in steps:
        for p, gradient in zip(params, step, strict=True):
            p.grad = gradient.clone()
        optimizer.step()


def by_hand(theta_0, gradients_of_p, mode):
    """Adam with decay to theta_0, from the formulas of the papers, in float64."""
    theta_0 = theta_0.detach().double()
    theta, m, v = theta_0.clone(), torch.zeros_like(theta_0), torch.zeros_like(theta_0)
    for t, gradient in enumerate(gradients_of_p, start=1):
        gradient = gradient.double()
        if mode == "loss":
            gradient = gradient + 2 * DECAY * (theta - theta_0)
        m = BETAS[0] * m + (1 - BETAS[0]) * gradient
        v = BETAS[1] * v + (1 - BETAS[1]) * gradient**2
        adam_step = m / (1 - BETAS[0] ** t) / ((v / (1 - BETAS[1] ** t)).sqrt() + EPS)
        decay = DECAY * (theta - theta_0) if mode == "decoupled" else 0
        theta = theta - LR * (adam_step + decay)
    return theta.float()


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("mode", ["decoupled", "loss"])
def test_steps_are_those_of_the_formula(mode, fused):
    params, steps = parameters(), gradients(12)
    expected = [by_hand(p, [step[i] for step in steps], mode) for i, p in enumerate(params)]
    start = [p.detach().clone() for p in params]
    optimizer = AdamDecayToInit(params, lr=LR, decay_to_init=DECAY, mode=mode, fused=fused)
    run(optimizer, params, steps)
    for p, theta in zip(params, expected, strict=True):
        torch.testing.assert_close(p.detach(), theta, atol=1e-5, rtol=1e-5)
    square = sum((p.detach() - origin).square().sum() for p, origin in zip(params, start, strict=True))
    assert optimizer.penalty().item() == pytest.approx(DECAY * square.item(), rel=1e-5)


@pytest.mark.parametrize("mode", ["decoupled", "loss"])
def test_a_restored_run_keeps_the_origin_of_the_first(mode, tmp_path):
    params, steps = parameters(), gradients(10)
    optimizer = AdamDecayToInit(params, lr=LR, decay_to_init=DECAY, mode=mode)
    run(optimizer, params, steps[:6])
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    resumed = [torch.nn.Parameter(p.detach().clone()) for p in params]
    second = AdamDecayToInit(resumed, lr=LR, decay_to_init=DECAY, mode=mode)
    second.load_state_dict(torch.load(tmp_path / "optimizer.pt", weights_only=True))
    run(optimizer, params, steps[6:])
    run(second, resumed, steps[6:])
    for p, q in zip(params, resumed, strict=True):
        assert torch.equal(p, q)
    assert optimizer.penalty() == second.penalty()


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("mode", ["decoupled", "loss"])
def test_under_a_gradient_scaler_the_decay_is_not_scaled_and_skips_with_the_step(mode, fused):
    params, steps = parameters(), gradients(4)
    others = copy.deepcopy(params)
    plain = AdamDecayToInit(params, lr=LR, decay_to_init=DECAY, mode=mode, fused=fused)
    scaled = AdamDecayToInit(others, lr=LR, decay_to_init=DECAY, mode=mode, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    run(plain, params, steps)
    overflow = [torch.full_like(gradient, torch.inf) for gradient in steps[0]]
    for step in (*steps[:2], overflow, *steps[2:]):
        scale = scaler.scale(torch.ones(()))
        for p, gradient in zip(others, step, strict=True):
            p.grad = gradient * scale
        scaler.step(scaled)
        scaler.update()
    for p, q in zip(params, others, strict=True):
        torch.testing.assert_close(p, q, atol=1e-6, rtol=1e-6)


def test_without_decay_it_is_adam_and_keeps_no_origin():
    params, steps = parameters(), gradients(5)
    others = copy.deepcopy(params)
    optimizer = AdamDecayToInit(params, lr=LR, decay_to_init=0)
    run(optimizer, params, steps)
    run(torch.optim.Adam(others, lr=LR), others, steps)
    for p, q in zip(params, others, strict=True):
        assert torch.equal(p, q)
    assert all("origin" not in state for state in optimizer.state.values())
    assert optimizer.penalty() == 0


def test_the_origin_of_a_parameter_without_a_gradient_waits_for_its_first_step():
    params, steps = parameters(), gradients(3)
    optimizer = AdamDecayToInit(params, lr=LR, decay_to_init=DECAY)
    run(optimizer, params, steps[:1])
    late = torch.nn.Parameter(torch.ones(2))
    optimizer.add_param_group({"params": [late]})
    run(optimizer, params, steps[1:])
    assert not optimizer.state[late]
    late.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(optimizer.state[late]["origin"], torch.ones(2))


def test_groups_may_decay_differently():
    kept, free = parameters()
    optimizer = AdamDecayToInit([{"params": [kept], "decay_to_init": DECAY}, {"params": [free], "decay_to_init": 0}])
    run(optimizer, [kept, free], gradients(2))
    assert "origin" in optimizer.state[kept]
    assert "origin" not in optimizer.state[free]


def test_the_state_of_a_run_without_decay_is_refused():
    params, steps = parameters(), gradients(4)
    plain = torch.optim.AdamW(params, lr=LR)
    run(plain, params, steps[:2])
    optimizer = AdamDecayToInit(params, lr=LR, decay_to_init=DECAY)
    optimizer.load_state_dict(plain.state_dict())
    with pytest.raises(InputError, match=r"no initial parameters.*decay_to_init=0"):
        run(optimizer, params, steps[2:])


def test_bad_decay_is_refused():
    with pytest.raises(InputError, match="decay_to_init is -1"):
        AdamDecayToInit(parameters(), decay_to_init=-1)
    with pytest.raises(InputError, match="'l2'; choose one of decoupled, loss"):
        AdamDecayToInit(parameters(), mode="l2")
