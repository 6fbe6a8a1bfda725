"""kill -9 at random moments of a run, then the same command again: the numbers are those of an undisturbed run."""

import json
import random
import subprocess
import sys
import time

import pytest
from backbones import save_tiny_encoder
from test_pipeline import overrides, scores

from alignet_hf.demo.run import RECIPE


@pytest.mark.slow
def test_killed_at_random_and_started_again(tmp_path):
    folders = [save_tiny_encoder(tmp_path / name, seed) for seed, name in enumerate(("teacher", "student"))]

    def command(out) -> list[str]:
        values = overrides(folders, "distill.steps=60", "distill.save_steps=10")
        options = [part for value in values for part in ("--set", value)]
        return [
            sys.executable,
            "-m",
            "alignet_hf",
            "run",
            str(RECIPE),
            "--out",
            str(tmp_path / out),
            *options,
            "--json",
        ]

    start = time.monotonic()
    whole = json.loads(subprocess.run(command("whole"), capture_output=True, check=True).stdout)
    duration = time.monotonic() - start
    moments = random.Random(1)  # whose first is early: a machine that is faster by now must not end before it
    kills = 0
    for _ in range(6):
        process = subprocess.Popen(command("killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(moments.uniform(0.1, 0.6) * duration)
            break  # what was left took less
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    assert kills
    done = subprocess.run(command("killed"), capture_output=True, check=True)
    assert scores(json.loads(done.stdout)) == scores(whole)
