import os
from pathlib import Path

import pytest

from alignet_hf.hardware import computes_in_bf16, suitable_workers


def test_bf16_of_the_processor(monkeypatch):
    for flags, expected in (("fpu avx2 avx512f", False), ("fpu avx512_bf16", True), ("amx_bf16 amx_tile", True)):
        monkeypatch.setattr(Path, "read_text", lambda *_, flags=flags, **__: f"flags : {flags}\n")
        assert computes_in_bf16("cpu") is expected
    assert computes_in_bf16("mps") is False


@pytest.mark.parametrize(
    ("device", "cores", "processes", "workers"),
    [
        ("cpu", 2, 1, 1),
        ("cpu", 64, 1, 8),
        ("cpu", 2, 2, 1),
        ("cuda", 8, 1, 7),
        ("cuda", 96, 8, 11),
        ("cuda", 96, 1, 16),
    ],
)
def test_workers(monkeypatch, device, cores, processes, workers):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    assert suitable_workers(device) == workers
