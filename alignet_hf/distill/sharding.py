"""What FSDP2 has to be told of a vision model, and what it must not leave behind."""

from contextlib import contextmanager

import torch
from torch import nn
from torch.distributed.fsdp import FSDPModule


def blocks_to_shard(model: nn.Module) -> set[str]:
    """The classes whose modules FSDP2 gathers one at a time: the backbone's layers.

    They are the model's `_no_split_modules` but for the one around the input embeddings (ViTEmbeddings, say), for
    accelerate shards the input embeddings by themselves, which must not be part of a module that is sharded already.
    """
    embeddings = model.get_input_embeddings()
    around = {
        type(module).__name__ for module in model.modules() if any(part is embeddings for part in module.modules())
    }
    return set(model._no_split_modules or ()) - around


def fill_gradients(model: nn.Module) -> None:
    """Give zeros to parameters that no gradient reached (a mask token), so that they get a state in the optimizer.

    They stay as they are. A sharded checkpoint without a state for each parameter cannot be loaded.
    """
    for p in model.parameters():
        if p.requires_grad and p.grad is None:
            p.grad = torch.zeros_like(p)


@contextmanager
def under_its_own_class(model: nn.Module):
    """Undo, for a save, that FSDP2 makes an FSDPViT of a ViT: the class's name and code are part of what is saved."""
    sharded = type(model)
    if issubclass(sharded, FSDPModule):
        model.__class__ = next(base for base in sharded.__bases__ if not issubclass(base, FSDPModule))
    try:
        yield
    finally:
        model.__class__ = sharded
