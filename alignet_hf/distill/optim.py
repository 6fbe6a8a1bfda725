"""Weight decay to initialization: Adam that pulls the parameters back to where they started, not to zero."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from alignet_hf.errors import InputError

MODES = ("decoupled", "loss")


class AdamDecayToInit(torch.optim.AdamW):
    """Adam with weight decay to the initial parameters theta_0.

        mode          update                                                            source
        "decoupled"   theta <- theta - lr * (adam_step + lambda * (theta - theta_0))    the authors' released code
        "loss"        gradient of  loss + lambda * ||theta - theta_0||^2                paper, eq. 6

    theta_0 is the value of a parameter when it is first stepped. It lives in the optimizer's state ("origin") beside
    Adam's moments: it is saved with them, restored with them (a resumed run keeps the origin of the first), and sharded
    as the parameter is. It costs one copy of the trained parameters; without decay none is kept.

    A LoRA layer's origin is its own initial A and B. As B starts at zero, the decay pulls B A to zero and the layer
    back to its pretrained weights.

    Args:
        params: parameters or parameter groups; a group may set `decay_to_init` and `mode` of its own.
        lr, betas, eps, weight_decay: as torch.optim.AdamW's; weight_decay is the usual one, towards zero.
        decay_to_init: lambda, at least 0.
        mode: "decoupled" or "loss". In "loss" mode `step` adds the penalty's gradient to `.grad` in place,
            after any clipping.
        fused: as torch.optim.AdamW's: Adam's step in one kernel, several times faster where the device has it.
    """

    def __init__(
        self,
        params,
        lr: float = 3e-5,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decay_to_init: float = 1.0,
        mode: str = "decoupled",
        fused: bool | None = None,
    ):
        check_decay(decay_to_init, mode)
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=fused)
        # A GradScaler would leave it to the kernel to unscale gradients and to skip steps; the decay must know of both.
        self._step_supports_amp_scaling = False
        # As defaults they become options of every group, and so part of state_dict().
        self.defaults.update(decay_to_init=decay_to_init, mode=mode)
        for group in self.param_groups:
            for option, default in {"decay_to_init": decay_to_init, "mode": mode}.items():
                group.setdefault(option, default)
            check_decay(group["decay_to_init"], group["mode"])

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:  # the state of a run without decay does not know its options
            group.setdefault("decay_to_init", self.defaults["decay_to_init"])
            group.setdefault("mode", self.defaults["mode"])

    @torch.no_grad()
    def step(self, closure=None):
        """One step; see torch.optim.Optimizer.step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        starting = {}
        for group in self.param_groups:
            if group["decay_to_init"] == 0:
                continue
            # Before its first step a parameter is its own origin: nothing to decay. Adam sets up its moments only
            # where it finds no state at all, so the origin joins them after its step.
            starting |= {p: p.detach().clone() for p in group["params"] if p.grad is not None and not self.state[p]}
            self._decay(group, [p for p in group["params"] if p.grad is not None and p not in starting])
        super().step()
        for p, origin in starting.items():
            self.state[p]["origin"] = origin
        return loss

    def penalty(self) -> Tensor:
        """lambda * ||theta - theta_0||^2 (eq. 6) over all parameters -> a float32 scalar; 0 before the first step.

        With sharded parameters it communicates: every process must call it.
        """
        total = torch.zeros(())
        for decay, p, origin in self._origins():
            square = (p.detach() - origin).float().square().sum()
            total = total.to(square.device)
            total += decay * (square.full_tensor() if isinstance(square, DTensor) else square)
        return total

    def _origins(self) -> Iterator[tuple[float, Tensor, Tensor]]:
        for group in self.param_groups:
            for p in group["params"]:
                if group["decay_to_init"] != 0 and p in self.state and self.state[p]:
                    yield group["decay_to_init"], p, self._origin(p)

    def _origin(self, p: Tensor) -> Tensor:
        if "origin" not in self.state[p]:
            raise InputError(
                "the optimizer's state holds no initial parameters: its run had no decay to initialization; resume it "
                "with decay_to_init=0, or start a new run from its weights"
            )
        return self.state[p]["origin"]

    def _decay(self, group: dict, params: list[Tensor]):
        if not params:
            return
        origins = [self._origin(p) for p in params]
        if group["mode"] == "decoupled":
            # theta - lr lambda (theta - theta_0); Adam's own step does not look at theta, so the order is free.
            torch._foreach_lerp_(params, origins, group["lr"] * group["decay_to_init"])
        else:
            distances = torch._foreach_sub(params, origins)
            gradients = [p.grad for p in params]
            torch._foreach_add_(gradients, distances, alpha=2 * group["decay_to_init"])  # eq. 6, differentiated


def check_decay(decay_to_init: float, mode: str):
    """Raise an InputError for a negative or unordered decay, or an unknown mode."""
    if not decay_to_init >= 0:
        raise InputError(f"decay_to_init is {decay_to_init}; it must be at least 0 (0 turns it off)")
    if mode not in MODES:
        raise InputError(f"decay_to_init_mode is {mode!r}; choose one of {', '.join(MODES)}")
