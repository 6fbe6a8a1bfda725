"""What a distillation leaves when it has ended, so that the same call later trains no step again."""

import json
import shutil
from pathlib import Path
from typing import Any

from alignet_hf.distill.checkpoints import mark_incomplete
from alignet_hf.hub.artifacts import replacing
from alignet_hf.recipe import Distill, Encoder
from alignet_hf.stages import fingerprint

MARKER = "finished.json"
NO_MATTER = {"license", "num_workers"}  # keys that change no number, and so repeat no training


def made_from(encoder: Encoder, options: Distill, *numbers: Any) -> str:
    """A fingerprint of the numbers that a student is trained with; the data are the caller's to know."""
    return fingerprint(encoder.model_dump(exclude=NO_MATTER), options.model_dump(exclude=NO_MATTER), numbers)


def is_finished(output: Path, work: Path, fingerprint: str) -> bool:
    """Whether `output` holds the student that a training with this fingerprint, in `work`, has ended with."""
    try:
        record = json.loads((work / MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return record == {"made_from": fingerprint} and output.is_dir()


def unmark_finished(work: Path) -> None:
    """To be called before another student takes the place of the one that is marked."""
    (work / MARKER).unlink(missing_ok=True)


def mark_finished(work: Path, fingerprint: str) -> None:
    """To be called when all that a training leaves is there."""
    with replacing(work / MARKER) as path:
        path.write_text(json.dumps({"made_from": fingerprint}), encoding="utf-8")


def remove_checkpoints(work: Path) -> None:
    """Those of a finished training, also where an earlier removal was stopped halfway."""
    for checkpoint in work.glob("checkpoint-*"):
        mark_incomplete(checkpoint)  # first: one that is half removed must not be resumed
        shutil.rmtree(checkpoint)
