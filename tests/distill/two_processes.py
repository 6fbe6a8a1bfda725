"""What test_processes.py runs in two processes, and in one beside them: every piece writes what came out."""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from students import (
    arguments,
    dense_collator,
    listed_collator,
    listed_rows,
    photographs,
    processor,
    student,
    teacher_embeds,
)
from torch.distributed.checkpoint.state_dict import get_optimizer_state_dict, set_optimizer_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from transformers import TrainerCallback

from alignet_hf.data.augment import RandomCropFlip
from alignet_hf.data.collator import DenseCollator, image_rows
from alignet_hf.distill.held_out import HeldOutTriplets
from alignet_hf.distill.optim import AdamDecayToInit
from alignet_hf.distill.processes import this_process
from alignet_hf.distill.trainer import AligNetTrainer
from alignet_hf.errors import NonFiniteLossError
from alignet_hf.triplets import all_triplets

CURVES = ("listed", "dense", "cropped-listed", "cropped-dense")
N_ROWS = 200  # three steps of 64 and one of 8 in an epoch


def listed_trainer(folder, batch_size, **kwargs):
    """5 steps of 8 triplets in two epochs, with checkpoints."""
    args = arguments(folder, max_steps=5, per_device_train_batch_size=batch_size, gradient_accumulation_steps=2,
                     activation_checkpointing=True, save_strategy="steps", save_steps=2, eval_strategy="steps",
                     eval_steps=2, **kwargs)  # fmt: skip
    held_out = HeldOutTriplets(photographs(seed=7), all_triplets(7))
    return AligNetTrainer(student(), args, listed_collator(), listed_rows(24), {"people": held_out})


def curve_trainer(folder, data, batch_size, **kwargs):
    """20 steps of 64 rows, in several epochs that 64 does not divide, with a checkpoint after the 9th."""
    kwargs = {"max_steps": 20, "learning_rate": 1e-4, "save_strategy": "steps", "save_steps": 9, **kwargs}
    args = arguments(folder, per_device_train_batch_size=batch_size, gather_negatives=data.endswith("dense"), **kwargs)
    transform = crop if data.startswith("cropped") else None
    if data.endswith("listed"):
        return AligNetTrainer(student(), args, listed_collator(transform=transform), listed_rows(N_ROWS))
    return AligNetTrainer(student(), args, many_images(transform=transform), image_rows(N_ROWS))


def crop(image):
    """An augmentation that brings the image to its size again, as the stand-in for a processor does not."""
    return RandomCropFlip(0.5)(image).resize(image.size)


def many_images(n=N_ROWS, **kwargs):
    return DenseCollator(photographs(n), processor, teacher_embeds(n), labels=np.arange(n) % 5, **kwargs)


class KeepGradients(TrainerCallback):
    def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
        self.gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def gathered_gradients(folder, batch_size, n_images, **kwargs):
    """The gradients of the first dense step."""
    keep = KeepGradients()
    args = arguments(folder, max_steps=1, per_device_train_batch_size=batch_size, gather_negatives=True, **kwargs)
    AligNetTrainer(student(), args, many_images(n_images), image_rows(n_images), callbacks=[keep]).train()
    return {name.removeprefix("module."): gradient for name, gradient in keep.gradients.items()}


def evaluation(folder):
    """Scores of data that neither batches nor processes divide evenly."""
    args = arguments(folder, per_device_eval_batch_size=8)
    listed = AligNetTrainer(student(), args, listed_collator(), listed_rows(8))
    dense = AligNetTrainer(student(), args, many_images(), image_rows(8))
    return {
        **listed.evaluate(listed_rows(37), metric_key_prefix="listed"),
        **dense.evaluate(image_rows(37), metric_key_prefix="dense"),
        **listed.evaluate(HeldOutTriplets(photographs(seed=7), all_triplets(7)), metric_key_prefix="people"),
    }


def not_finite(folder):
    """What is raised where the second process alone meets a bad row, in the second step."""
    rows = listed_rows(24)
    similarities = np.array(rows["similarities"])
    similarities[14] = np.nan  # steps of 8, of 4 rows each process
    rows = rows.remove_columns("similarities").add_column("similarities", similarities.tolist())
    trainer = AligNetTrainer(
        student(), arguments(folder, train_sampling_strategy="sequential"), listed_collator(), rows
    )
    try:
        trainer.train()
    except NonFiniteLossError as error:
        return {"error": str(error), "step": trainer.state.global_step}


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
    process = trainer.args.process_index

    def write(name, content):
        (folder / f"{name}-{process}.json").write_text(json.dumps(content))

    trainer.train()
    write("log", trainer.state.log_history)
    resumed = listed_trainer(folder / "run", batch_size=2)
    resumed.train(resume_from_checkpoint=str(folder / "run" / "checkpoint-2"))
    for p, q in zip(trainer.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(p, q)
    for data in CURVES:
        curve = curve_trainer(folder / f"{data}-by-two", data, batch_size=32)
        curve.train()
        write(f"{data}-curve", curve.state.log_history)
        curve = curve_trainer(folder / f"{data}-goes-on", data, batch_size=32)
        curve.train(resume_from_checkpoint=str(folder / f"{data}-by-one" / "checkpoint-9"))
        write(f"{data}-goes-on", curve.state.log_history)
    gradients = {
        "gathered": gathered_gradients(folder, 16, 32),
        "uneven": gathered_gradients(folder, 16, 27, sampling="cluster-boundary"),
    }
    write("evaluation", evaluation(folder))
    write("not-finite", not_finite(folder))
    for mode in ("decoupled", "loss"):
        sharded_steps(mode)
    if process == 0:
        save_file(trainer.model.state_dict(), folder / "weights.safetensors")
        for name, content in gradients.items():
            save_file(content, folder / f"{name}.safetensors")
    dense = AligNetTrainer(  # without gathering: each process's own triplets
        student(), arguments(folder, max_steps=2, per_device_train_batch_size=12), dense_collator(), image_rows(24)
    )
    dense.train()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    this_process().destroy_process_group()  # whose threads may abort a process that ends with them
