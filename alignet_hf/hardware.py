"""What this machine can do, and how work is best laid out on it."""

import os
from pathlib import Path

import torch

_MOST_WORKERS = 16  # more images a second than that decode are more than a file system gives


def computes_in_bf16(device: str | None = None) -> bool:
    """Whether a kind of device has bfloat16 arithmetic; by default the accelerator, or the processor without one."""
    if device is None:
        accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        device = accelerator.type if accelerator else "cpu"
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device != "cpu":
        return False
    try:
        processors = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:  # not Linux, which alone says it here
        return False
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(processors.split())


def suitable_workers(device: str) -> int:
    """How many processes should decode images for a model on this kind of device, for each process that runs one.

    Beside an accelerator all the processors are free but one; on the processors themselves the model takes nearly
    all the time, and one worker in eight processors keeps it supplied.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    own = cores // int(os.environ.get("LOCAL_WORLD_SIZE", 1))  # set by accelerate's and torch's launchers
    return max(1, own // 8 if device == "cpu" else min(own - 1, _MOST_WORKERS))
