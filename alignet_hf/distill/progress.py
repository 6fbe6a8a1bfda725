"""How far a training is: a bar on a terminal, elsewhere a line at logging steps; both on standard error."""

import sys
import time

from tqdm import tqdm
from transformers import TrainerCallback

from alignet_hf.progress import duration

LINE_AFTER = 10.0  # seconds from line to line at least, however short the steps are


class TrainingProgress(TrainerCallback):
    """In place of the callbacks of transformers that print; in the first process alone.

    Args:
        what: the lines are of: "alignet: step 4000/100000, loss 0.190, lr 1e-05, 2.1 h left".
    """

    def __init__(self, what: str):
        self.what, self.bar = what, None

    def on_train_begin(self, args, state, control, **kwargs):
        if not state.is_world_process_zero:
            return
        self.first, self.start, self.line = state.global_step, time.monotonic(), time.monotonic()
        if self.first:
            print(f"{self.what}: goes on from step {self.first} of {state.max_steps}", file=sys.stderr, flush=True)
        on_terminal = sys.stderr.isatty()
        self.bar = tqdm(total=state.max_steps, initial=self.first, unit="step", desc=self.what, disable=not on_terminal)

    def on_step_end(self, args, state, control, **kwargs):
        if self.bar is not None:
            self.bar.update()

    def on_log(self, args, state, control, logs=None, **kwargs):
        if self.bar is None or "loss" not in (logs or {}):
            return
        said = {"loss": f"{logs['loss']:.3f}", "lr": f"{logs.get('learning_rate', 0.0):.3g}"}
        self.bar.set_postfix(said, refresh=False)
        now = time.monotonic()
        if not self.bar.disable or now - self.line < LINE_AFTER:
            return
        self.line, done = now, state.global_step
        left = duration((state.max_steps - done) * (now - self.start) / (done - self.first))
        numbers = ", ".join(f"{name} {value}" for name, value in said.items())
        print(f"{self.what}: step {done}/{state.max_steps}, {numbers}, {left} left", file=sys.stderr, flush=True)

    def on_train_end(self, args, state, control, **kwargs):
        if self.bar is not None:
            self.bar.close()
            self.bar = None
