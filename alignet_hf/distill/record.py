"""What a training knows of itself: the record from which the student's card is written."""

import csv
import hashlib
import os
import platform
from contextlib import suppress
from dataclasses import MISSING, fields
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import accelerate
import datasets
import numpy as np
import torch
import transformers
from torch import nn
from transformers.utils import is_peft_available

from alignet_hf.data.collator import DenseCollator, ImageCollator
from alignet_hf.data.images import ImageSource, UndecodableImageError, image_names, to_rgb
from alignet_hf.distill.arguments import AligNetTrainingArguments
from alignet_hf.hub.alignment import TRAINED, Alignment, Score
from alignet_hf.hub.base_model import base_of
from alignet_hf.modeling_alignet import AligNetPreTrainedModel

if TYPE_CHECKING:
    from alignet_hf.distill.trainer import AligNetTrainer

# What of TrainingArguments and ours decides what is learnt; none of them names a place, a person or a secret.
HYPERPARAMETERS = (
    "loss", "teacher_temperature", "student_temperature", "sampling", "decay_to_init", "decay_to_init_mode",
    "learning_rate", "lr_scheduler_type", "lr_scheduler_kwargs", "warmup_steps", "weight_decay", "max_grad_norm",
    "optim", "optim_args", "optim_target_modules", "adam_beta1", "adam_beta2", "adam_epsilon",
    "num_train_epochs", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps",
    "dataloader_drop_last", "train_sampling_strategy", "label_smoothing_factor", "neftune_noise_alpha",
    "bf16", "fp16", "tf32", "gradient_checkpointing", "activation_checkpointing",
    "torch_compile", "torch_compile_backend", "torch_compile_mode", "fsdp",
    "load_best_model_at_end", "metric_for_best_model", "greater_is_better",
    "seed", "data_seed", "full_determinism",
)  # fmt: skip
EMISSIONS = "emissions.csv"  # CodeCarbon's, which transformers' CodeCarbonCallback leaves in output_dir
FINGERPRINT_ROWS = 65_536


def record_of(trainer: "AligNetTrainer") -> Alignment:
    """Base model, data, hyperparameters, curve and cost of a training, as far as they are known by now."""
    base, model = trainer.base, trainer.accelerator.unwrap_model(trainer.model)
    adapter = {"adapter_of": model.get_base_model().config.to_diff_dict()} if is_adapted(model) else {}
    return base.with_known(
        Alignment(
            datasets=_hub_ids(trainer.data_collator),
            training_data=trainer.training_data,
            hyperparameters=hyperparameters(trainer.args),
            curve=curve_of(trainer),
            resources=_resources(trainer),
            scores=_scores(trainer),
            versions={module.__name__: module.__version__ for module in (transformers, torch, accelerate, datasets)},
            **adapter,
        )
    )


def is_adapted(model: nn.Module) -> bool:
    """Whether a model is a Peft model, whose saves hold adapters alone."""
    if not is_peft_available():
        return False
    from peft import PeftModel

    return isinstance(model, PeftModel)


def base_model(model: nn.Module) -> Alignment:
    """What a model that is trained stands on."""
    model = model.get_base_model() if is_adapted(model) else model
    return base_of(model) if isinstance(model, AligNetPreTrainedModel) else Alignment()


def hyperparameters(args: AligNetTrainingArguments) -> dict:
    """The seed, and the hyperparameters that differ from their defaults, as JSON."""
    changed = {}
    for option in fields(args):
        if option.name not in HYPERPARAMETERS:
            continue
        default = option.default_factory() if option.default_factory is not MISSING else option.default
        value = getattr(args, option.name)
        default, value = (one.value if isinstance(one, Enum) else one for one in (default, value))
        unset = (None, False, "", {}, [])  # transformers turns some of its None into False
        if option.name == "seed" or (str(value) != str(default) and not (value in unset and default in unset)):
            changed[option.name] = value if isinstance(value, bool | int | float) else str(value)
    return changed


def training_data(collator, train_dataset) -> dict:
    """What was learnt from, with a fingerprint: the SHA-256 of up to 65,536 evenly spaced rows, and of the images."""
    facts = {}
    if isinstance(collator, ImageCollator):
        facts["images"] = len(collator.images)
        facts["images fingerprint"] = _images_digest(collator.images)
        if collator.transform is not None:
            facts["augmentation"] = str(collator.transform)
    if isinstance(collator, DenseCollator):
        facts["triplets"] = "dense: every triplet of a batch"
        facts["images learnt from"] = len(train_dataset)
        facts["teacher dimensions"] = collator.teacher_embeds.shape[1]
        facts["teacher fingerprint"] = _digest(collator.teacher_embeds)
    elif isinstance(train_dataset, datasets.Dataset) and "similarities" in train_dataset.column_names:
        facts["triplets"] = len(train_dataset)
        rows = train_dataset.with_format("numpy")
        sample = rows[_evenly_spaced(len(rows))]
        facts["triplets fingerprint"] = _digest(np.stack(sample["indices"]), np.stack(sample["similarities"]))
    return facts


def _hub_ids(collator) -> list[str]:
    images = collator.images if isinstance(collator, ImageCollator) else None
    return list(images.hub_ids) if isinstance(images, ImageSource) else []


def _images_digest(images) -> str:
    """Of all names and of the pixels of 16 images, evenly spread: the same images have it on any machine.

    One that cannot be decoded counts by its name.
    """
    digest = hashlib.sha256("\0".join(image_names(images)).encode())
    for row in np.unique(np.linspace(0, len(images) - 1, 16).astype(int)):
        with suppress(UndecodableImageError):
            digest.update(np.ascontiguousarray(to_rgb(images[int(row)])))
    return digest.hexdigest()[:32]


def _evenly_spaced(n: int) -> np.ndarray:
    return np.unique(np.linspace(0, n - 1, min(n, FINGERPRINT_ROWS)).astype(int))


def _digest(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array[_evenly_spaced(len(array))]).tobytes())
    return digest.hexdigest()[:32]


def curve_of(trainer: "AligNetTrainer") -> list[dict]:
    """What was logged, every entry by name: the order in which a checkpoint gives those before it back."""
    return [dict(sorted(entry.items())) for entry in trainer.state.log_history]


def _resources(trainer: "AligNetTrainer") -> dict:
    device = trainer.args.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine() + " " + device.type
    cores = "" if device.type == "cuda" else f", {os.cpu_count()} cores"
    facts = {"hardware": f"{trainer.accelerator.num_processes} x {name}{cores}"}
    seconds = [entry["train_runtime"] for entry in trainer.state.log_history if "train_runtime" in entry]
    if seconds:
        facts["seconds"] = seconds[-1]
    path = Path(trainer.args.output_dir, EMISSIONS)
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            measured = list(csv.DictReader(file))
        with suppress(IndexError, KeyError, ValueError):  # CodeCarbon has not measured yet, or writes otherwise
            last = {"co2_kg": float(measured[-1]["emissions"]), "energy_kwh": float(measured[-1]["energy_consumed"])}
            facts |= last
    return facts


def _scores(trainer: "AligNetTrainer") -> list[Score]:
    """The last measured accuracy of every held-out set; the trainer gives no interval."""
    held_out = trainer.eval_dataset if isinstance(trainer.eval_dataset, dict) else {"": trainer.eval_dataset}
    scores = []
    for name, triplets in held_out.items():
        key = "_".join(part for part in ("eval", name, "odd_one_out_accuracy") if part)
        measured = [entry for entry in trainer.state.log_history if key in entry]
        if measured:
            n_scored = len(triplets) - measured[-1].get(key.replace("odd_one_out_accuracy", "triplets_left_out"), 0)
            scores.append(
                Score(
                    who="student",
                    setting=trainer.alignment.setting or TRAINED,
                    metric="odd_one_out_accuracy",
                    estimate=measured[-1][key],
                    chance=1 / 3,
                    data=f"{name or 'held-out'}: {n_scored:,} held-out choices, of the training script",
                    data_type=name or "held-out",
                    command="trainer.evaluate()",
                )
            )
    return scores
