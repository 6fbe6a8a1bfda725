"""What test_left_out.py runs in one process and in two: steps of which batches lose every image or triplet."""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from datasets import Dataset
from safetensors.torch import save_file
from students import arguments, listed_rows, photographs, processor, student, teacher_embeds
from transformers import TrainerCallback

from alignet_hf.data.collator import DenseCollator, TripletCollator
from alignet_hf.data.images import ImageFolder
from alignet_hf.distill.held_out import HeldOutTriplets
from alignet_hf.distill.processes import this_process
from alignet_hf.distill.trainer import AligNetTrainer
from alignet_hf.triplets import all_triplets

BROKEN = (0, 7)  # the first is among those that a card's fingerprint opens
ROWS_EACH = 4  # of a batch


class KeepGradients(TrainerCallback):
    def __init__(self):
        self.steps = []

    def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
        named = ((name.removeprefix("module."), p.grad) for name, p in model.named_parameters())
        self.steps.append({name: gradient.clone() for name, gradient in named if gradient is not None})


def rows_of(data: str, is_lost: list[bool]) -> Dataset:
    """Rows in batches of ROWS_EACH; those of a lost one all need a broken image."""
    if data == "dense":
        whole = iter(np.setdiff1d(np.arange(24), BROKEN))
        indices = [[*BROKEN, *BROKEN] if lost else [next(whole) for _ in range(ROWS_EACH)] for lost in is_lost]
        return Dataset.from_dict({"index": np.concatenate(indices).astype(np.int32)})
    rows = listed_rows(200)
    touches = np.isin(np.asarray(rows["indices"]), BROKEN).any(1)
    of_kind = {lost: iter(np.flatnonzero(touches == lost)) for lost in (False, True)}
    return rows.select([next(of_kind[lost]) for lost in is_lost for _ in range(ROWS_EACH)])


def gradients(folder, images: str, data: str, is_lost: list[bool], **options) -> tuple[list[dict], AligNetTrainer]:
    """The gradients of every step, and the trainer once it has trained on the rows in their order."""
    keep, source = KeepGradients(), ImageFolder(images)
    if data == "dense":
        collator = DenseCollator(source, processor, teacher_embeds(), on_bad="skip")
    else:
        collator = TripletCollator(source, processor, on_bad="skip")
    args = arguments(folder, train_sampling_strategy="sequential", decay_to_init=0.0, learning_rate=1e-3, **options)
    trainer = AligNetTrainer(student(), args, collator, rows_of(data, is_lost), callbacks=[keep])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.train()
    return keep.steps, trainer


def held_out_score(folder, images: str) -> dict:
    """Of choices on eight images, two of them broken, three a batch."""
    collator = TripletCollator(photographs(), processor, on_bad="skip")
    held_out = HeldOutTriplets(ImageFolder(images), all_triplets(8))
    args = arguments(folder, per_device_eval_batch_size=3)
    return AligNetTrainer(student(), args, collator, eval_dataset=held_out).evaluate()


def main(folder: str, images: str):
    """Of two processes, whose batches alternate: one loses its own, then both, then none."""
    score = held_out_score(folder, images)
    for data, gathers in (("listed", False), ("dense", False), ("dense", True)):
        is_lost = [False, True, True, True, False, False]
        steps, trainer = gradients(
            folder,
            images,
            data,
            is_lost,
            per_device_train_batch_size=ROWS_EACH,
            max_steps=3,
            gather_negatives=gathers,
        )
        assert trainer.left_out.rows == set(BROKEN)
        assert trainer.left_out.n_batches == (1 if gathers else 3)
        if trainer.args.process_index == 0:
            name = f"{data}{'-gathered' if gathers else ''}"
            Path(folder, "score.json").write_text(json.dumps(score))
            save_file({f"{n}.{key}": g for n, step in enumerate(steps) for key, g in step.items()}, f"{folder}/{name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
    this_process().destroy_process_group()  # whose threads may abort a process that ends with them
