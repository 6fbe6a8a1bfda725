"""Checkpoints of sharded (FSDP2) trainings for plain ones, and the other way round.

Both hold the student as `save_pretrained` writes it. The optimizer's state they hold in two forms:

    training    file            the state of a parameter is found by
    plain       optimizer.pt    its number in the optimizer's groups
    FSDP2       optimizer.bin   its name (FULL_STATE_DICT)
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict, set_optimizer_state_dict
from torch.optim import Optimizer
from transformers import PreTrainedModel

from alignet_hf.distill.processes import this_process
from alignet_hf.distill.sharding import under_its_own_class
from alignet_hf.errors import InputError

PLAIN, SHARDED = "optimizer.pt", "optimizer.bin"
_WRAPPERS = ("_orig_mod.", "_checkpoint_wrapped_module.")  # torch.compile, activation checkpointing
_BY_THE_FIRST = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)


def is_of_the_other_kind(checkpoint: str | Path, is_sharded: bool) -> bool:
    """Whether a training finds the optimizer's state in the other form than its own."""
    own, other = (SHARDED, PLAIN) if is_sharded else (PLAIN, SHARDED)
    return not Path(checkpoint, own).is_file() and Path(checkpoint, other).is_file()


def load_weights_into_shards(model: PreTrainedModel, checkpoint: str | Path) -> None:
    """Give a sharded model the weights that `save_pretrained` wrote; every process must call it."""
    weights = {}
    if this_process().is_main_process:
        with under_its_own_class(model):
            weights = type(model).from_pretrained(checkpoint).state_dict()
    set_model_state_dict(model, weights, options=_BY_THE_FIRST)


def load_optimizer_of_the_other_kind(
    optimizer: Optimizer, model: nn.Module, checkpoint: str | Path, is_sharded: bool
) -> None:
    """Load the state that a training of the other kind left; every process must call it.

    Args:
        optimizer: of the training that goes on.
        model: whose parameters it has, with the checkpoint's weights.
        is_sharded: whether the training that goes on is.

    Raises:
        InputError: the optimizer that was stopped had other parameters.
    """
    names = _names(optimizer, model)
    if not is_sharded:
        optimizer.load_state_dict(by_number(_read(checkpoint, SHARDED), names))
        return
    state = by_name(_read(checkpoint, PLAIN), names)
    # What no gradient reaches (a mask token) has no state in a plain training, and one of zeros in a sharded one.
    parameters = dict(_named_parameters(model))
    for name in (name for group in names for name in group if name not in state["state"]):
        state["state"][name] = _unreached(parameters[name].full_tensor().cpu(), state["state"])
    set_optimizer_state_dict(model, optimizer, state, options=_BY_THE_FIRST)


def by_number(state: dict, names: list[list[str]]) -> dict:
    """An optimizer's state by its parameters' names -> by their numbers, as `Optimizer.load_state_dict` takes it.

    Args:
        state: {"state": {name: ...}, "param_groups": [{"params": [name, ...], ...}, ...]}.
        names: of the parameters of each group of the optimizer that is to have it.

    Raises:
        InputError: its groups have other parameters.
    """
    if [set(group["params"]) for group in state["param_groups"]] != [set(group) for group in names]:
        raise InputError("the checkpoint's optimizer trained other parameters than this one; start a new run")
    numbers = {name: number for number, name in enumerate(name for group in names for name in group)}
    return {
        "state": {numbers[name]: values for name, values in state["state"].items()},
        "param_groups": [
            {**group, "params": [numbers[name] for name in own]}
            for group, own in zip(state["param_groups"], names, strict=True)
        ],
    }


def by_name(state: dict, names: list[list[str]]) -> dict:
    """What `Optimizer.state_dict` gives -> the same by its parameters' names; see `by_number`.

    Raises:
        InputError: its groups have other numbers of parameters.
    """
    if [len(group["params"]) for group in state["param_groups"]] != [len(group) for group in names]:
        raise InputError("the checkpoint's optimizer trained other parameters than this one; start a new run")
    name_of = {}
    for group, own in zip(state["param_groups"], names, strict=True):
        name_of.update(zip(group["params"], own, strict=True))
    return {
        "state": {name_of[number]: values for number, values in state["state"].items()},
        "param_groups": [{**group, "params": own} for group, own in zip(state["param_groups"], names, strict=True)],
    }


def _unreached(parameter: Tensor, states: dict[str, dict]) -> dict[str, Tensor]:
    """The state of a parameter that has never moved, with what those of the others hold."""
    steps = next(values["step"] for values in states.values())
    kept = {"step": steps.clone(), "origin": parameter}
    names = next(iter(states.values()))
    return {name: kept[name] if name in kept else torch.zeros_like(parameter) for name in names}


def _names(optimizer: Optimizer, model: nn.Module) -> list[list[str]]:
    """Of the parameters of each group."""
    names = {parameter: name for name, parameter in _named_parameters(model)}
    return [[names[parameter] for parameter in group["params"]] for group in optimizer.param_groups]


def _named_parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    for name, parameter in model.named_parameters():
        for wrapper in _WRAPPERS:
            name = name.replace(wrapper, "")
        yield name, parameter


def _read(checkpoint: str | Path, name: str) -> dict:
    return torch.load(Path(checkpoint, name), map_location="cpu", weights_only=True, mmap=True)
