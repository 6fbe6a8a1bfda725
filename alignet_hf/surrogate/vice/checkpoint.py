"""The checkpoint of a fit of VICE: one safetensors file, whose header holds the history and what the fit is of."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import replacing
from alignet_hf.surrogate.vice.fit import HISTORY, HISTORY_WITHOUT_VALIDATION, Fit

FILE = "vice-checkpoint.safetensors"
_KEY = "vice"  # one JSON string: the header's own string-to-string map has no fixed order
_ADAM = ("exp_avg", "exp_avg_sq", "step")


def save_checkpoint(fit: Fit, folder: Path) -> None:
    """Write the checkpoint, over the one that is there, atomically."""
    adam = fit.optimizer.state[fit.parameters]
    tensors = {"parameters": fit.parameters.detach(), "generator": fit.generator.get_state()}
    tensors |= {name: adam[name] for name in _ADAM}
    if fit.best is not None:
        tensors["best"] = fit.best
    metadata = {"identity": _identity(fit), "history": fit.history, "cooling": fit.cooling}
    with replacing(folder / FILE) as path:
        save_file(tensors, path, metadata={_KEY: json.dumps(metadata)})


def load_checkpoint(fit: Fit, folder: Path) -> None:
    """Set a new fit to where the checkpoint in a folder stands, if there is one.

    Raises:
        InputError: it is of other choices or settings, or damaged; the fit is then as it was.
    """
    path = folder / FILE
    if not path.exists():
        return
    try:
        with safe_open(path, "pt") as file:
            metadata = json.loads(file.metadata()[_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        there, cooling = metadata["identity"], metadata["cooling"]
        different = [name for name, value in _identity(fit).items() if there[name] != value]
        names = HISTORY if fit.validation is not None else HISTORY_WITHOUT_VALIDATION
        history = [{name: entry[name] for name in names} for entry in metadata["history"]]
        cooling = None if cooling is None else tuple(cooling)
    except (SafetensorError, json.JSONDecodeError, TypeError, KeyError) as error:
        raise _damaged(path, f"{type(error).__name__}: {error}") from error
    if different:
        raise InputError(f"{path}: of a fit with other {', '.join(different)}; name another folder, or delete the file")
    for name, like in _tensors_like(fit).items():
        if name not in tensors:
            raise _damaged(path, f"it has no tensor {name}")
        found = tensors[name]
        if (found.shape, found.dtype) != (like.shape, like.dtype):
            raise _damaged(path, f"{name} is {_described(found)} where {_described(like)} is due")
    with torch.no_grad():
        fit.parameters.copy_(tensors["parameters"])
    groups = fit.optimizer.state_dict()["param_groups"]
    fit.optimizer.load_state_dict({"state": {0: {name: tensors[name] for name in _ADAM}}, "param_groups": groups})
    fit.generator.set_state(tensors["generator"])
    fit.history = history
    fit.cooling = cooling
    if "best" in tensors:
        fit.best = tensors["best"].to(fit.parameters.device)


def _damaged(path: Path, how: str) -> InputError:
    return InputError(f"{path}: not a checkpoint of VICE, or damaged: {how}; delete it")


def _described(tensor: torch.Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def _tensors_like(fit: Fit) -> dict[str, torch.Tensor]:
    """Tensors of the shapes and types that the checkpoint of such a fit holds: `best` with early stopping alone."""
    like = dict.fromkeys(("parameters", "exp_avg", "exp_avg_sq"), fit.parameters.detach())
    like |= {"step": torch.zeros(()), "generator": fit.generator.get_state()}
    return like if fit.settings.patience is None else like | {"best": fit.parameters.detach()}


def _identity(fit: Fit) -> dict:
    """What must be alike for a fit to go on from another's checkpoint."""
    held_out = fit.choices[:0] if fit.validation is None else fit.validation
    return {
        "choices": hashlib.sha256(fit.choices.cpu().numpy()).hexdigest(),
        "validation": hashlib.sha256(held_out.cpu().numpy()).hexdigest(),
        "n_objects": fit.parameters.shape[1],
        **asdict(fit.settings),
    }
