"""What test_distributed.py runs in two processes; the first writes what came out to the folder given."""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from students import arguments, dense_collator, listed_collator, listed_rows, photographs, student
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from alignet_hf.data.collator import image_rows
from alignet_hf.distill.held_out import HeldOutTriplets
from alignet_hf.distill.optim import AdamDecayToInit
from alignet_hf.distill.trainer import AligNetTrainer
from alignet_hf.triplets import all_triplets


def listed_trainer(folder, batch_size, **kwargs):
    """5 steps of 8 triplets in two epochs, with checkpoints."""
    args = arguments(folder, max_steps=5, per_device_train_batch_size=batch_size, gradient_accumulation_steps=2,
                     activation_checkpointing=True, save_strategy="steps", save_steps=2, eval_strategy="steps",
                     eval_steps=2, **kwargs)  # fmt: skip
    held_out = HeldOutTriplets(photographs(seed=7), all_triplets(7))
    return AligNetTrainer(student(), args, listed_collator(), listed_rows(24), {"people": held_out})


def sharded_steps(mode):
    """Steps of a sharded and of a whole layer; the sharded one is saved and restored in between."""

    def layer():
        torch.manual_seed(0)
        return torch.nn.Linear(6, 4)

    def step(optimizer, model, seed):
        inputs = torch.randn(8, 6, generator=torch.Generator().manual_seed(seed))
        optimizer.zero_grad()
        model(inputs).square().mean().backward()
        optimizer.step()

    whole, sharded = layer(), fully_shard(layer(), mesh=init_device_mesh("cpu", (2,)))
    optimizer = AdamDecayToInit(whole.parameters(), lr=0.1, decay_to_init=0.5, mode=mode)
    of_shards = AdamDecayToInit(sharded.parameters(), lr=0.1, decay_to_init=0.5, mode=mode)
    for seed in range(3):
        step(optimizer, whole, seed)
        step(of_shards, sharded, seed)
    saved = get_optimizer_state_dict(sharded, of_shards)
    of_shards = AdamDecayToInit(sharded.parameters(), lr=0.1, decay_to_init=0.5, mode=mode)
    set_optimizer_state_dict(sharded, of_shards, saved)
    for seed in range(3, 6):
        step(optimizer, whole, seed)
        step(of_shards, sharded, seed)
    for p, shard in zip(whole.parameters(), sharded.parameters(), strict=True):
        torch.testing.assert_close(shard.full_tensor(), p.detach())
        origin = of_shards.state[shard]["origin"]
        assert isinstance(origin, DTensor)
        assert origin.to_local().shape == shard.to_local().shape
        assert torch.equal(origin.full_tensor(), optimizer.state[p]["origin"])
    torch.testing.assert_close(of_shards.penalty(), optimizer.penalty())


def main(folder):
    trainer = listed_trainer(folder / "run", batch_size=2)
    trainer.train()
    resumed = listed_trainer(folder / "run", batch_size=2)
    resumed.train(resume_from_checkpoint=str(folder / "run" / "checkpoint-2"))
    for p, q in zip(trainer.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(p, q)
    dense = AligNetTrainer(
        student(), arguments(folder, max_steps=2, per_device_train_batch_size=12), dense_collator(), image_rows(24)
    )
    dense.train()
    for mode in ("decoupled", "loss"):
        sharded_steps(mode)
    if trainer.is_world_process_zero():
        (folder / "log.json").write_text(json.dumps(trainer.state.log_history))
        save_file(trainer.model.state_dict(), folder / "weights.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
