"""AligNetImageProcessor beside OpenCV: how far the pixels are apart, and how long both take, in turns.

    python benchmarks/image_processor.py PHOTOS [ROUNDS]

PHOTOS is a folder of photographs, of which 200 are brought to 200 sizes, sides of 32 to 2,000 pixels, and resized to
224 x 224 by OpenCV's INTER_CUBIC and by the processor. Times, the thread's own, are of photographs of 500 x 375
(ImageNet's usual size), PIL images in memory, to a float32 batch: OpenCV's resize with the conversions around it,
torch's `interpolate` image by image, and the processor.
"""

import statistics
import sys
import time

import cv2
import numpy as np
import torch
from measure import print_goals
from PIL import Image
from torch.nn import functional as F

from alignet_hf.data.images import load_images
from alignet_hf.image_processing_alignet import AligNetImageProcessor

SIZE = (224, 224)
N_PHOTOS, N_TIMED = 200, 64


def opencvs(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, SIZE, interpolation=cv2.INTER_CUBIC)


def by_opencv(photos: list[Image.Image]) -> torch.Tensor:
    pixels = torch.from_numpy(np.stack([opencvs(np.array(photo)) for photo in photos]))
    return pixels.movedim(-1, 1).to(torch.float32, memory_format=torch.contiguous_format).mul_(1 / 255)


def by_interpolate(photos: list[Image.Image]) -> torch.Tensor:
    batch = []
    for photo in photos:
        pixels = torch.from_numpy(np.array(photo)).movedim(-1, 0)[None].float()
        batch.append(F.interpolate(pixels, SIZE, mode="bicubic", align_corners=False).round_().clamp_(0, 255))
    return torch.cat(batch).mul_(1 / 255)


def differences(processor, photos: list[Image.Image]) -> tuple[int, float, float]:
    """The largest, the share of the values that differ, and the largest such share of a photograph."""
    largest, shares = 0, []
    for photo in photos:
        ours = processor(images=[photo], return_tensors="pt")["pixel_values"][0].movedim(0, -1) * 255
        difference = np.abs(ours.round().int().numpy() - opencvs(np.array(photo)))
        largest = max(largest, int(difference.max()))
        shares.append(float((difference > 0).mean()))
    return largest, float(np.mean(shares)), max(shares)


def milliseconds(way, photos: list[Image.Image]) -> float:
    start = time.process_time()
    way(photos)
    return (time.process_time() - start) / len(photos) * 1e3


def main(folder: str, rounds: int) -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    source, processor = load_images(folder), AligNetImageProcessor()
    rows = np.linspace(0, len(source) - 1, N_PHOTOS).astype(int)
    sides = np.exp(np.random.default_rng(0).uniform(np.log(32), np.log(2000), (N_PHOTOS, 2))).astype(int)
    of_all_sizes = (
        source[int(row)].convert("RGB").resize(size, Image.BICUBIC)
        for row, size in zip(rows, sides.tolist(), strict=True)
    )
    largest, share, largest_share = differences(processor, of_all_sizes)
    photos = [source[int(row)].convert("RGB").resize((500, 375), Image.BICUBIC) for row in rows[:N_TIMED]]
    ways = by_opencv, by_interpolate, lambda images: processor(images=images, return_tensors="pt")["pixel_values"]
    for way in ways:
        way(photos)
    times = [[milliseconds(way, photos) for way in ways] for _ in range(rounds)]
    cv2s, interpolates, ours = (statistics.median(way) for way in zip(*times, strict=True))
    faster = statistics.median(before / after for _, before, after in times)
    slower = statistics.median(after / least for least, _, after in times)
    goals = [
        (f"{N_PHOTOS} photographs of as many sizes: grey levels from OpenCV's", "<= 1", str(largest), largest <= 1),
        ("- values that differ", "< 1 %", f"{share:.4%}", share < 0.01),
        ("- of the photograph where most do", "< 1 %", f"{largest_share:.4%}", largest_share < 0.01),
        (
            "times as fast as interpolate",
            ">= 1.3",
            f"{faster:.2f} ({interpolates:.2f} -> {ours:.2f} ms)",
            faster >= 1.3,
        ),
        ("time over OpenCV's", "<= 4", f"{slower:.2f} ({cv2s:.2f} -> {ours:.2f} ms)", slower <= 4),
    ]
    print_goals(f"image processor, {N_TIMED} photographs of 500 x 375, one thread", goals)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7)
