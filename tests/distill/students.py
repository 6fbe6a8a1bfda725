"""A tiny student, photographs for it and a teacher of them: what the tests of the distillation train with."""

import numpy as np
import torch
from backbones import tiny_backbone
from datasets import Dataset
from PIL import Image

from alignet_hf.data.collator import DenseCollator, TripletCollator
from alignet_hf.distill.arguments import AligNetTrainingArguments
from alignet_hf.modeling_alignet import AligNetVisionModel
from alignet_hf.triplets import odd_one_last, triplet_similarities

N_IMAGES = 24


def processor(images, return_tensors):
    """A stand-in for an image processor: pixels of 32 x 32 images between -1 and 1."""
    pixels = np.stack([np.asarray(image) for image in images]).transpose(0, 3, 1, 2)
    return {"pixel_values": torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1)}


def student(seed=0, **kwargs):
    return AligNetVisionModel.from_backbone(tiny_backbone("dinov2", seed=seed), **kwargs)


def photographs(n=N_IMAGES, seed=0):
    rng = np.random.default_rng(seed)
    return [Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)) for _ in range(n)]


def teacher_embeds(n=N_IMAGES, seed=1):
    return np.random.default_rng(seed).standard_normal((n, 6)).astype(np.float32)


def listed_rows(n=40, seed=2):
    rng = np.random.default_rng(seed)
    triplets = np.stack([rng.choice(N_IMAGES, 3, replace=False) for _ in range(n)])
    triplets, similarities = odd_one_last(triplets, triplet_similarities(teacher_embeds(), triplets))
    return Dataset.from_dict({"indices": triplets.astype(np.int32), "similarities": similarities})


def listed_collator(**kwargs):
    return TripletCollator(photographs(), processor, **kwargs)


def dense_collator(**kwargs):
    return DenseCollator(photographs(), processor, teacher_embeds(), **kwargs)


def arguments(folder, **kwargs):
    """Quiet arguments on the CPU: 8 steps of 4 rows at a constant learning rate."""
    defaults = {
        "max_steps": 8,
        "per_device_train_batch_size": 4,
        "learning_rate": 1e-2,
        "lr_scheduler_type": "constant",
        "warmup_steps": 0,
        "logging_steps": 1,
        "save_strategy": "no",
        "use_cpu": True,
        "disable_tqdm": True,
    }
    return AligNetTrainingArguments(output_dir=str(folder), **{**defaults, **kwargs})
