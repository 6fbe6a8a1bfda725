"""Images a second from JPEG files to safetensors, over those of the bare backbone on ready tensors: in turns.

    python benchmarks/embedding.py PHOTOS [ROUNDS]

PHOTOS is a folder of photographs, which are brought to 500 x 375 JPEG files (ImageNet's usual size) in a temporary
folder. The backbone is a ViT-S/16 at 224 px with random weights, in float32 and in bfloat16; one process decodes for
it. Beside it transformers' own pipeline("image-feature-extraction"), on the same files. What is measured of ours is the
median of the few intervals from one forward to the next, as they are throughout a long run: without the start (workers,
the first batch) and the finish (the file). At the end one longer run is measured whole, from the call to its return,
beside the mean of as many bare forwards. Where other programs want the same cores, times on the
wall say little; the processors' work (run with OMP_NUM_THREADS=1, as waiting threads count too) is then what to go by.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from measure import print_goals
from PIL import Image
from transformers import ViTConfig, ViTImageProcessorPil, ViTModel, pipeline

from alignet_hf.data.images import ImageFolder, SomeImages, load_images
from alignet_hf.hardware import computes_in_bf16, suitable_workers
from alignet_hf.surrogate.embed import embed_images
from alignet_hf.surrogate.embedder import BatchReader

BATCH, BATCHES, WARM_UP = 16, 4, 2
LONG = 24  # batches of the run that is measured whole
PROCESSOR = ViTImageProcessorPil(size={"height": 224, "width": 224})


def now() -> np.ndarray:
    """Seconds on the wall and of this process's work."""
    return np.array([time.perf_counter(), time.process_time()])


class Clocked(torch.nn.Module):
    """A ViT-S/16's class token, noting when each forward starts."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        config = ViTConfig(hidden_size=384, num_attention_heads=6, intermediate_size=1536)
        self.vit = ViTModel(config, add_pooling_layer=False).eval()
        self.starts = []

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        self.starts.append(now())
        return self.vit(pixel_values).last_hidden_state[:, 0]

    def per_image(self) -> np.ndarray:
        """Seconds from one forward to the next, but for the first few; what is clocked is forgotten."""
        starts, self.starts = self.starts, []
        return np.median(np.diff(starts, axis=0)[WARM_UP - 1 :], axis=0) / BATCH


@torch.no_grad()
def bare(model: Clocked, pixel_values: torch.Tensor, bf16: bool) -> np.ndarray:
    for _ in range(BATCHES + 1):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            model(pixel_values)
    return model.per_image()


def embedding(model: Clocked, images: ImageFolder, bf16: bool, pixels: str) -> np.ndarray:
    """Ours, with the work of the process that decodes."""
    workers = suitable_workers("cpu")
    with tempfile.TemporaryDirectory() as output:
        options = {"processor": PROCESSOR, "batch_size": BATCH, "output": output, "num_workers": workers}
        embed_images(model, images, **options, bf16=bf16, pixels=pixels, progress=False)
    measured = model.per_image()
    read = BatchReader(images, PROCESSOR, pixels=pixels)
    start = now()
    read(range(BATCH))
    return measured + np.array([0, (now() - start)[1] / BATCH])


@torch.no_grad()
def whole(model: Clocked, pixel_values: torch.Tensor, images: ImageFolder) -> float:
    """The wall time of a longer run, start and finish included, over that of as many bare forwards."""
    many = SomeImages(images, np.arange(LONG * BATCH) % len(images))
    start = time.perf_counter()
    for _ in range(LONG):
        model(pixel_values)
    bare_seconds, start = time.perf_counter() - start, time.perf_counter()
    with tempfile.TemporaryDirectory() as output:
        options = {"processor": PROCESSOR, "batch_size": BATCH, "num_workers": suitable_workers("cpu")}
        embed_images(model, many, **options, output=output, pixels="fast", progress=False)
    return bare_seconds / (time.perf_counter() - start)


def theirs(pipe, images: ImageFolder) -> np.ndarray:
    paths = [str(images.path(row)) for row in range(BATCH * BATCHES)]
    start = now()
    pipe(paths, batch_size=BATCH, return_tensors=True)
    return (now() - start) / len(paths)


def photographs(folder: str, output: Path) -> ImageFolder:
    source = load_images(folder)
    output.mkdir()
    for row in np.unique(np.linspace(0, len(source) - 1, BATCH * (BATCHES + 1)).astype(int)):
        source[int(row)].resize((500, 375), Image.BICUBIC).save(output / f"{row:06d}.jpg", quality=90)
    return ImageFolder(output)


def main(folder: str, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as work:
        images = photographs(folder, Path(work, "photographs"))
        model = Clocked()
        pipe = pipeline("image-feature-extraction", model=model.vit, image_processor=PROCESSOR, device="cpu")
        pixel_values = BatchReader(images, PROCESSOR)(range(BATCH))[1]["pixel_values"]
        seconds = []
        for number in range(rounds):
            ways = {
                "bare": lambda: bare(model, pixel_values, bf16=False),
                "exact": lambda: embedding(model, images, False, "exact"),
                "fast": lambda: embedding(model, images, False, "fast"),
                "pipeline": lambda: theirs(pipe, images),
            }
            if computes_in_bf16("cpu"):
                ways |= {
                    "bare bf16": lambda: bare(model, pixel_values, bf16=True),
                    "fast bf16": lambda: embedding(model, images, True, "fast"),
                }
            order = list(ways)[:: -1 if number % 2 else 1]  # so that no way always follows the same one
            seconds.append({name: ways[name]() for name in order})
            model.starts = []
            print({name: value.round(4).tolist() for name, value in seconds[-1].items()}, file=sys.stderr)

        of_whole = whole(model, pixel_values, images)

    def speed(way: str, baseline: str = "bare") -> np.ndarray:
        """Images a second over the baseline's, by the wall and by the processors' work."""
        return np.median([one[baseline] / one[way] for one in seconds], axis=0)

    goals = []
    for what, way, baseline, goal in (
        ("embed_images, float32, pixels exact", "exact", "bare", 0.95),
        ("embed_images, float32, pixels fast", "fast", "bare", 0.95),
        ("pipeline('image-feature-extraction')", "pipeline", "bare", None),
        ("embed_images, bf16, pixels fast, over bare float32", "fast bf16", "bare", None),
        ("- over bare bf16", "fast bf16", "bare bf16", None),
        ("bare bf16", "bare bf16", "bare", None),
    ):
        if way in seconds[0]:
            wall, processors = speed(way, baseline)
            goals += [
                (what, f">= {goal}" if goal else "", f"{wall:.3f}", not goal or wall >= goal),
                ("- by the processors' work, the worker's included", "", f"{processors:.3f}", True),
            ]
    goals.append(("a whole run, its start and finish included, float32, pixels fast", "", f"{of_whole:.3f}", True))
    rate = 1 / np.median([one["bare"][0] for one in seconds])
    print_goals(f"images a second over the bare backbone's {rate:.1f}, {torch.get_num_threads()} threads", goals)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5)
