"""A training step with its data, over the bare step of the same backbone on ready tensors: in turns, on this machine.

    python benchmarks/training_step.py PHOTOS [ROUNDS]

PHOTOS is a folder of photographs, which are brought to 500 x 375 JPEG files (ImageNet's usual size) in a temporary
folder. The student is a ViT-S/16 at 112 px with random weights, in float32; a batch holds 24 images, about a second
on two cores. The bare step is forward, backward and torch's fused AdamW. One worker process loads the data. A step is
the median of the few intervals from one's end to the next's, without the start (the worker, the first batch) and the
finish of a training; at the end one longer training from the cache is measured whole, from `train()` to its return,
beside the mean of as many bare steps. Where other
programs want the same cores, times on the wall say little; the processors' work (run with OMP_NUM_THREADS=1, as waiting
threads count too) is then what to go by.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from measure import print_goals
from PIL import Image
from transformers import BitImageProcessorPil, TrainerCallback, ViTConfig, ViTModel
from transformers.trainer_callback import PrinterCallback

from alignet_hf import AligNetTrainer, AligNetTrainingArguments, AligNetVisionModel
from alignet_hf.data.collator import DenseCollator, image_rows
from alignet_hf.data.images import SomeImages, cache_images, load_images

SIZE, BATCH, STEPS, WARM_UP = 112, 24, 6, 2
LONG = 24  # steps of the training that is measured whole
PROCESSOR = BitImageProcessorPil(
    size={"height": SIZE, "width": SIZE}, do_center_crop=False, image_mean=(0.5,) * 3, image_std=(0.5,) * 3
)


def backbone() -> ViTModel:
    torch.manual_seed(0)
    config = ViTConfig(hidden_size=384, num_attention_heads=6, intermediate_size=1536, image_size=SIZE, patch_size=16)
    return ViTModel(config, add_pooling_layer=False)


class Bare:
    """Forward, backward and AdamW."""

    def __init__(self):
        self.model = backbone()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-5, fused=True)

    def step(self, pixel_values: torch.Tensor) -> None:
        self.model(pixel_values).last_hidden_state[:, 0].square().mean().backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def now() -> np.ndarray:
    """Seconds on the wall and of this process's work."""
    return np.array([time.perf_counter(), time.process_time()])


class Clock(TrainerCallback):
    def __init__(self):
        self.ends = []

    def on_step_end(self, args, state, control, **kwargs):
        self.ends.append(now())


def per_step(ends: list[np.ndarray]) -> np.ndarray:
    return np.median(np.diff(ends, axis=0)[WARM_UP - 1 :], axis=0)


def bare_step(bare: Bare, pixel_values: torch.Tensor) -> np.ndarray:
    ends = []
    for _ in range(STEPS):
        bare.step(pixel_values)
        ends.append(now())
    return per_step(ends)


def trainer_of(collator: DenseCollator, folder: str, steps: int, clock: Clock) -> AligNetTrainer:
    trainer = AligNetTrainer(
        model=AligNetVisionModel.from_backbone(backbone()),
        args=AligNetTrainingArguments(
            output_dir=folder,
            max_steps=steps,
            per_device_train_batch_size=BATCH,
            dataloader_num_workers=1,
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            use_cpu=True,
            report_to="none",
        ),
        data_collator=collator,
        train_dataset=image_rows(len(collator.images)),
        callbacks=[clock],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def trainer_step(collator: DenseCollator, folder: str) -> np.ndarray:
    """A step of the trainer; its work is with that of the process that loads the data."""
    clock = Clock()
    trainer_of(collator, folder, STEPS, clock).train()
    start = now()
    for step in range(4):
        collator([{"index": row} for row in range(step * BATCH, (step + 1) * BATCH)])
    loading = (now() - start) / 4
    return per_step(clock.ends) + np.array([0, loading[1]])


def whole(bare: Bare, pixel_values: torch.Tensor, collator: DenseCollator, folder: str) -> float:
    """The wall time of a longer training, start and finish included, over that of as many bare steps."""
    start = time.perf_counter()
    for _ in range(LONG):
        bare.step(pixel_values)
    bare_seconds = time.perf_counter() - start
    trainer = trainer_of(collator, folder, LONG, Clock())
    start = time.perf_counter()
    trainer.train()
    return (time.perf_counter() - start) / bare_seconds


def decode_and_resize(source) -> np.ndarray:
    """PIL's whole image and bicubic resize, for the images of one batch."""
    start = now()
    for row in range(BATCH):
        with Image.open(source.path(row)) as image:
            np.asarray(image.resize((SIZE, SIZE), Image.BICUBIC))
    return now() - start


def photographs(folder: str, output: Path):
    source = load_images(folder)
    output.mkdir()
    for row in np.unique(np.linspace(0, len(source) - 1, BATCH * (STEPS + 4)).astype(int)):
        source[int(row)].resize((500, 375), Image.BICUBIC).save(output / f"{row:06d}.jpg", quality=90)
    return load_images(output)


def main(folder: str, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as work:
        files = photographs(folder, Path(work, "photographs"))
        cache = cache_images(files, Path(work, "cache"), processor=PROCESSOR, num_workers=1)
        teacher = np.random.default_rng(0).standard_normal((len(files), 64)).astype(np.float32)
        cached, from_files = (DenseCollator(one, PROCESSOR, teacher, pixels="fast") for one in (cache, files))
        ready = DenseCollator(SomeImages(cache, range(BATCH)), PROCESSOR, teacher[:BATCH], pixels="fast")
        pixel_values = ready.finish(ready([{"index": row} for row in range(BATCH)]))["pixel_values"]
        bare = Bare()
        seconds = []
        for number in range(rounds):
            ways = {
                "bare": lambda: bare_step(bare, pixel_values),
                "decode": lambda: decode_and_resize(files),
                "cached": lambda: trainer_step(cached, work),
                "files": lambda: trainer_step(from_files, work),
            }
            order = list(ways)[:: -1 if number % 2 else 1]  # so that no way always follows the same one
            seconds.append({name: ways[name]() for name in order})
            print({name: value.round(3).tolist() for name, value in seconds[-1].items()}, file=sys.stderr)

        rows = np.arange(LONG * BATCH) % len(cache)
        many = DenseCollator(SomeImages(cache, rows), PROCESSOR, teacher[rows], pixels="fast")
        of_whole = whole(bare, pixel_values, many, work)

    def over(way: str, *baseline: str) -> np.ndarray:
        return np.median([one[way] / sum(one[name] for name in baseline) for one in seconds], axis=0)

    bare_seconds = np.median([one["bare"][0] for one in seconds])
    goals = []
    for what, goal, (wall, work) in (
        ("cached images, over the bare step", 1.03, over("cached", "bare")),
        ("JPEG files, over the bare step and PIL's decode and resize", 1.0, over("files", "bare", "decode")),
    ):
        goals += [
            (f"AligNetTrainer, {what}", f"<= {goal}", f"{wall:.3f}", wall <= goal),
            ("- the processors' work, the loader's included, over the same", "", f"{work:.3f}", True),
        ]
    goals.append(("a whole training, its start and finish included, cached images", "", f"{of_whole:.3f}", True))
    goals.append(("PIL's decode and resize, over the bare step", "", f"{over('decode', 'bare')[0]:.3f}", True))
    threads = torch.get_num_threads()
    print_goals(f"step of {BATCH} images, {threads} threads; the bare one takes {bare_seconds:.2f} s", goals)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5)
