"""Photograph-like images of any size, and their bytes."""

import io

import numpy as np
from PIL import Image


def photograph(height=60, width=90, seed=0):
    """Smooth colours with some texture on them, as JPEG likes it; (height, width) RGB."""
    rng = np.random.default_rng(seed)
    colours = Image.fromarray(rng.integers(0, 256, (4, 5, 3), np.uint8)).resize((width, height), Image.BICUBIC)
    noise = rng.normal(0, 4, (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(colours) + noise, 0, 255).astype(np.uint8))


def encoded(image, format="JPEG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def write_photographs(folder, n=6, broken=(), **size):
    """Files 0.jpg, 1.jpg, ...; those of `broken` are cut short."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in range(n):
        data = encoded(photograph(seed=row, **size))
        (folder / f"{row}.jpg").write_bytes(data[: len(data) // 2] if row in broken else data)
    return folder
