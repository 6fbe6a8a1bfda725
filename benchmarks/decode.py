"""Decode and resize photographs to 224: the fast way beside PIL's, in turns, with the difference of the pixels.

    python benchmarks/decode.py PHOTOS [ROUNDS]

PHOTOS is a folder of JPEG photographs; up to 100 are brought to 500 x 375 (ImageNet's usual size) and 2,000 x 1,500
(a camera's) and compressed anew. One thread, from bytes in memory.
"""

import io
import statistics
import sys
import time

import numpy as np
import torch
from measure import print_goals
from PIL import Image

from alignet_hf.data.images import Geometry, load_images
from alignet_hf.data.images.decoding import open_covering

GEOMETRY = Geometry((224, 224))
QUALITY = 90


def pil(encoded: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(encoded)) as image:
        return np.asarray(image.resize((224, 224), Image.BICUBIC))


def fast(encoded: bytes) -> np.ndarray:
    return GEOMETRY.apply(open_covering(encoded, "photograph", GEOMETRY.needed)).permute(1, 2, 0).numpy()


def compressed(photo: Image.Image, size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    photo.resize(size, Image.BICUBIC).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def milliseconds(way, photos: list[bytes]) -> float:
    start = time.perf_counter()
    for encoded in photos:
        way(encoded)
    return (time.perf_counter() - start) / len(photos) * 1e3


def main(folder: str, rounds: int) -> None:
    torch.set_num_threads(1)
    source = load_images(folder)
    rows = np.unique(np.linspace(0, len(source) - 1, 100).astype(int))
    goals = []
    for size, goal in (((500, 375), 2), ((2000, 1500), None)):
        photos = [compressed(source[int(row)], size) for row in rows]
        times = [(milliseconds(pil, photos), milliseconds(fast, photos)) for _ in range(rounds)]
        theirs, ours = (statistics.median(way) for way in zip(*times, strict=True))
        ratio = statistics.median(before / after for before, after in times)
        differences = [np.abs(pil(encoded).astype(int) - fast(encoded)) for encoded in photos]
        mean, largest = np.mean([d.mean() for d in differences]), np.max([d.max() for d in differences])
        shape = f"{size[0]} x {size[1]}"
        times = f"{ratio:.2f} times ({theirs:.2f} -> {ours:.2f} ms)"
        goals += [
            (f"{shape} -> 224 x 224, over PIL's", f">= {goal}" if goal else "", times, not goal or ratio >= goal),
            (f"{shape}: grey levels from PIL's pixels", "", f"mean {mean:.3f}, largest {largest}", True),
        ]
    print_goals(f"decode and resize {len(rows)} photographs, one thread", goals)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7)
