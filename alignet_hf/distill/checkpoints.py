"""Which checkpoints of a run are whole, and their weights.

A run that was killed while it wrote a checkpoint resumes from the one before.
"""

import json
import re
from json import JSONDecodeError
from pathlib import Path

from transformers import PreTrainedModel

from alignet_hf.errors import InputError

# The file of a checkpoint that is written last; AligNetTrainer sees to it that every process is done before.
LAST_FILE = "trainer_state.json"
DATA_ORDER = "data_order.json"


def is_complete(checkpoint: str | Path) -> bool:
    """Whether a checkpoint was written to its end: its last file is there, and not cut short."""
    try:
        return "global_step" in json.loads(Path(checkpoint, LAST_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, JSONDecodeError, UnicodeDecodeError):
        return False


def last_complete_checkpoint(output_dir: str | Path) -> str | None:
    """The checkpoint of most steps in `output_dir` that was written to its end, or None where there is none."""
    steps = {
        int(match[1]): folder
        for folder in Path(output_dir).glob("checkpoint-*")
        if (match := re.fullmatch(r"checkpoint-(\d+)", folder.name)) and is_complete(folder)
    }
    return str(steps[max(steps)]) if steps else None


def checkpoint_to_resume(resume_from_checkpoint: str | Path | bool | None, output_dir: str) -> str | None:
    """What `Trainer.train(resume_from_checkpoint=...)` is to load.

    Args:
        resume_from_checkpoint: True for the last complete one of `output_dir`; a folder; None or False for none.

    Raises:
        InputError: there is no complete checkpoint, or the folder named is not one.
    """
    if resume_from_checkpoint is None or resume_from_checkpoint is False:
        return None
    last = last_complete_checkpoint(output_dir)
    if resume_from_checkpoint is True:
        if last is None:
            raise InputError(f"{output_dir}: no complete checkpoint here; start without resume_from_checkpoint")
        return last
    if not is_complete(resume_from_checkpoint):
        instead = f"resume from {last}" if last else "start without resume_from_checkpoint"
        raise InputError(f"{resume_from_checkpoint}: not a complete checkpoint ({LAST_FILE} missing or cut); {instead}")
    return str(resume_from_checkpoint)


def mark_incomplete(checkpoint: str | Path):
    """Before a checkpoint is written anew: take away what would call its old and new files, mixed, complete."""
    Path(checkpoint, LAST_FILE).unlink(missing_ok=True)


def note_data_order(checkpoint: str | Path, order: dict[str, int | str | None]):
    """Write into a checkpoint what decides which rows each of its run's steps learns from.

    Args:
        order: `rows_a_step`, and the arguments that order the rows, by their names.
    """
    Path(checkpoint).mkdir(parents=True, exist_ok=True)
    Path(checkpoint, DATA_ORDER).write_text(json.dumps(order), encoding="utf-8")


def check_data_order(checkpoint: str | Path, order: dict[str, int | str | None]):
    """Raise an InputError where a run with this `order` cannot go on from a checkpoint's place in the data."""
    path = Path(checkpoint, DATA_ORDER)
    noted = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if (n_rows := noted.pop("rows_a_step", order["rows_a_step"])) != order["rows_a_step"]:
        raise InputError(
            f"{checkpoint}: each of its steps learnt from {n_rows} rows, those of this run would learn from "
            f"{order['rows_a_step']}: set processes x per_device_train_batch_size x gradient_accumulation_steps to "
            f"{n_rows}, or ignore_data_skip=True to start the data anew"
        )
    for name, value in noted.items():
        if value != order[name]:
            raise InputError(
                f"{checkpoint}: its run had {name}={value!r}, this one has {order[name]!r} and would go on elsewhere "
                f"in the data: set {name}={value!r}, or ignore_data_skip=True to start the data anew"
            )


def load_weights(model: PreTrainedModel, checkpoint: str | Path):
    """Give a model the weights that its `save_pretrained` wrote, every one of them.

    The names on disk are a family's published ones, which are not always those of `state_dict()` (ViT's, DINOv2's):
    `load_state_dict` of the file, not strict, would pass over the attention layers. Only `from_pretrained` translates.
    """
    model.load_state_dict(type(model).from_pretrained(checkpoint).state_dict())
