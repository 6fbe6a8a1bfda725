"""The loss of every triplet of a batch and its gradient, over the forward and backward pass of the batch's images.

    python benchmarks/dense_loss.py [ROUNDS]

The images pass a ViT-S/16 at 112 px with random weights, in float32 and in micro-batches of 32; the loss starts at the
representations, (B, 384), and a teacher's, (B, 1152). In turns, on this machine: ratios of medians. For B = 48 the same
loss computed triplet by triplet, as a loss of one's own is, stands beside it. The memory is what the peak of a fresh
process rises by. Where other programs want the same cores, times on the wall say little; the processors' work (run with
OMP_NUM_THREADS=1, as waiting threads count too) is then what to go by.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from math import comb
from pathlib import Path

import numpy as np
import torch
from measure import print_goals
from transformers import ViTConfig, ViTModel

from alignet_hf import TripletJSDLoss, TripletKLLoss, dense_triplet_loss

MICRO_BATCH, CALLS = 32, 15
LOSSES = {"KL": TripletKLLoss(), "JSD": TripletJSDLoss(student_temperature=1.0)}
GOALS = {48: 0.001, 512: 0.03}
MEGABYTES = 100


def backbone() -> ViTModel:
    torch.manual_seed(0)
    config = ViTConfig(hidden_size=384, num_attention_heads=6, intermediate_size=1536, image_size=112, patch_size=16)
    return ViTModel(config, add_pooling_layer=False)


def pass_images(model: ViTModel, n_images: int) -> None:
    """Forward and backward."""
    for images in torch.randn(n_images, 3, 112, 112).split(MICRO_BATCH):
        model(images).last_hidden_state[:, 0].square().mean().backward()


def loss_of(loss, n_images: int) -> Callable[[], None]:
    """What computes the loss of all triplets of so many images, and its gradient."""
    generator = torch.Generator().manual_seed(0)
    student = (torch.randn(n_images, 384, generator=generator) / 5).requires_grad_()  # similarities of about +-0.8
    teacher = torch.randn(n_images, 1152, generator=generator) / 10
    return lambda: dense_triplet_loss(loss, student, teacher).backward()


def timed(compute: Callable[[], None], calls: int) -> np.ndarray:
    """The median of seconds on the wall, and of seconds of this process's work."""
    seconds = []
    for _ in range(calls):
        start = np.array([time.perf_counter(), time.process_time()])
        compute()
        seconds.append(np.array([time.perf_counter(), time.process_time()]) - start)
    return np.median(seconds, axis=0)


def print_peak(name: str, n_images: int) -> None:
    """Of this process, in bytes: how far a loss lifts the peak above the memory held before."""
    loss_of(LOSSES[name], 24)()
    compute = loss_of(LOSSES[name], n_images)
    held = resident()["VmRSS"]
    compute()
    print(resident()["VmHWM"] - held)


def resident() -> dict[str, int]:
    """This process's memory, now (VmRSS) and at its peak (VmHWM), in bytes; getrusage's peak is also the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.endswith(" kB")}


def peak(name: str, n_images: int) -> float:
    command = [sys.executable, __file__, "--peak", name, str(n_images)]
    return int(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout) / 1e6


def main(rounds: int) -> None:
    model = backbone()
    pass_images(model, MICRO_BATCH)
    ways = {(n_images, "images"): (lambda n=n_images: pass_images(model, n), 1) for n_images in GOALS}
    for n_images in GOALS:
        for name, loss in LOSSES.items():
            ways[n_images, name] = (loss_of(loss, n_images), CALLS)
    for name, loss in LOSSES.items():
        ways[48, f"{name} by triplet"] = (loss_of(lambda s, t, loss=loss: loss(s, t), 48), CALLS)
    seconds = {way: [] for way in ways}
    for number in range(rounds):
        for way in list(ways)[:: -1 if number % 2 else 1]:
            seconds[way].append(timed(*ways[way]))
        print({way: values[-1].round(5).tolist() for way, values in seconds.items()}, file=sys.stderr)
    seconds = {way: np.median(values, axis=0) for way, values in seconds.items()}

    goals = []
    for (n_images, name), measured in seconds.items():
        if name == "images":
            continue
        wall, work = measured / seconds[n_images, "images"]
        goal = GOALS[n_images] if name in LOSSES else np.inf
        what = f"{name}, B = {n_images} ({comb(n_images, 3):,} triplets), over the passes of the images"
        goals += [
            (what, f"<= {goal}" if name in LOSSES else "", f"{wall:.5f}", wall <= goal),
            ("- the processors' work over the same", "", f"{work:.5f}", True),
        ]
    for name in LOSSES:
        megabytes = peak(name, 512)
        goals.append(
            (f"{name}, B = 512: peak extra memory", f"< {MEGABYTES} MB", f"{megabytes:.0f} MB", megabytes < MEGABYTES)
        )
    passes = ", ".join(f"{seconds[n, 'images'][0]:.2f} s for {n} images" for n in GOALS)
    print_goals(f"dense triplets, {torch.get_num_threads()} threads; forward and backward take {passes}", goals)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        print_peak(sys.argv[2], int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
