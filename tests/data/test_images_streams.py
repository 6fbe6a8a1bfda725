"""A stream in several files comes whole and in order, however many processes read it."""

import multiprocessing
import os

import datasets
import numpy as np
import pytest
from photographs import encoded
from PIL import Image
from torch.utils.data import DataLoader
from transformers import ViTImageProcessorPil

from alignet_hf.data.images import StreamedImages, cache_images
from alignet_hf.surrogate.embed import embed_images

N_IMAGES = 40  # the i-th is grey level i


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, features = tmp_path_factory.mktemp("stream"), datasets.Features({"image": datasets.Image()})
    paths = [str(folder / f"{number}.parquet") for number in range(4)]
    for path, rows in zip(paths, np.split(np.arange(N_IMAGES), 4), strict=True):
        cells = [{"bytes": encoded(Image.new("RGB", (16, 16), (row,) * 3), "PNG"), "path": None} for row in rows]
        datasets.Dataset.from_dict({"image": cells}, features=features).to_parquet(path)
    return paths


def stream(files, length=N_IMAGES):
    return StreamedImages(datasets.load_dataset("parquet", data_files=files, split="train", streaming=True), length)


def mean_of_pixels(pixel_values):
    return pixel_values.mean((2, 3)) * 255


PROCESSOR = ViTImageProcessorPil(size={"height": 16, "width": 16}, do_normalize=False)


SPAWNED = pytest.param((2, "spawn"), marks=pytest.mark.slow)  # each takes seconds to start


@pytest.fixture(params=[(0, "fork"), (1, "fork"), (2, "fork"), (3, "fork"), SPAWNED], ids=lambda one: f"{one}")
def num_workers(request):
    """So many processes, started so."""
    workers, method = request.param
    if method == "fork" and os.name != "posix":
        pytest.skip("no fork here")
    before = multiprocessing.get_start_method()
    multiprocessing.set_start_method(method, force=True)
    yield workers
    multiprocessing.set_start_method(before, force=True)


def test_a_stream_in_workers_has_its_rows_in_order(files, num_workers):
    loader = DataLoader(stream(files), 3, collate_fn=_levels, num_workers=num_workers)
    assert [level for levels in loader for level in levels] == list(range(N_IMAGES))


def _levels(images):
    return [image.getpixel((0, 0))[0] for image in images]


@pytest.mark.skipif(os.name != "posix", reason="forks")
def test_a_fork_opens_the_stream_anew(files):
    images = stream(files)
    assert _levels([images[row] for row in range(4)]) == list(range(4))  # its files are open, somewhere in the middle
    loader = DataLoader(images, 3, collate_fn=_levels, num_workers=2, multiprocessing_context="fork")
    for first, levels in zip(range(0, N_IMAGES, 3), loader, strict=True):
        assert levels == list(range(N_IMAGES))[first : first + 3]
    assert _levels([images[4]]) == [4]  # and goes on where it was in its parent


@pytest.mark.parametrize("length", [N_IMAGES, N_IMAGES // 2])
def test_a_stream_is_cached_whole_or_in_part(files, tmp_path, num_workers, length):
    made = cache_images(stream(files, length), tmp_path, 16, num_workers=num_workers, progress=False)
    assert made.array[:, 0, 0, 0].tolist() == list(range(length))


@pytest.mark.parametrize("output", [None, "embeddings"])
def test_a_stream_is_embedded_in_order(files, tmp_path, num_workers, output):
    options = {"processor": PROCESSOR, "batch_size": 3, "num_workers": num_workers, "progress": False}
    output = None if output is None else tmp_path / output
    made = embed_images(mean_of_pixels, stream(files), output=output, **options)
    np.testing.assert_allclose(np.asarray(made)[:, 0], np.arange(N_IMAGES), atol=1e-4)
