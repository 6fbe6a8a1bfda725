"""Embedding that is killed, runs out of disk, meets bad images or another run in its folder."""

import multiprocessing
import os
import resource
import signal
import time

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image
from processes import killed_at_random
from transformers import ViTImageProcessorPil

from alignet_hf.data.images import ArrayImages, ImageFolder
from alignet_hf.errors import InputError
from alignet_hf.surrogate import embedding_file
from alignet_hf.surrogate.embed import embed_images
from alignet_hf.surrogate.embeddings import Embeddings, undecodable_rows

PIXELS = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3), dtype=np.uint8)
IMAGES = ArrayImages(PIXELS)
PROCESSOR = ViTImageProcessorPil(size={"height": 8, "width": 8})
forked = pytest.mark.skipif(os.name != "posix", reason="forks")


def quadrants(pixel_values):  # (B, 3, 8, 8) -> (B, 12)
    return torch.nn.functional.avg_pool2d(pixel_values, 4).flatten(1)


def slowly(pixel_values):
    time.sleep(0.01)
    return quadrants(pixel_values)


def embed(output=None, model=slowly, images=IMAGES, **options):
    options = {"processor": PROCESSOR, "batch_size": 2, "progress": False, **options}
    return embed_images(model, images, output=output, **options)


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def contents_of_file(folder) -> bytes:
    return (folder / "embeddings.safetensors").read_bytes()


def in_a_child(folder, pipe=None, limit=None):
    torch.set_num_threads(1)
    embedding_file._SECONDS_BETWEEN_MARKS = 0
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        embed(folder)
    except InputError as error:
        pipe.send(str(error))


def start(*arguments):
    child = multiprocessing.get_context("fork").Process(target=in_a_child, args=arguments)
    child.start()
    return child


@forked
def test_killed_at_random_it_goes_on_to_the_same_bytes(tmp_path):
    killed = killed_at_random(start, tmp_path, contents)
    expected = contents(tmp_path / "undisturbed")
    assert set(expected) == {"README.md", "config.json", "embeddings.safetensors"}
    embed(killed)
    assert contents(killed) == expected


def stopping(after):
    """`quadrants`, interrupted at the start of a batch."""
    batches = iter(range(after))

    def embedder(pixel_values):
        if next(batches, None) is None:
            raise KeyboardInterrupt
        return quadrants(pixel_values)

    return embedder


def test_another_run_that_was_stopped_leaves_a_finished_one_alone(tmp_path):
    embed(tmp_path / "out", quadrants)
    finished = contents_of_file(tmp_path / "out")
    with pytest.warns(UserWarning, match="which these replace"), pytest.raises(KeyboardInterrupt):
        embed(tmp_path / "out", stopping(after=2), dtype="float16", force=True)
    embed(tmp_path / "out", quadrants)
    assert contents_of_file(tmp_path / "out") == finished
    embed(tmp_path / "out", quadrants, dtype="float16")  # goes on
    embed(tmp_path / "alone", quadrants, dtype="float16")
    assert contents(tmp_path / "out") == contents(tmp_path / "alone")


@pytest.mark.parametrize("on_disk", [True, False])
def test_rows_of_two_lengths_are_refused(tmp_path, on_disk):
    sides = iter([4, 4])  # of what is averaged over; then 2
    with pytest.raises(InputError, match="model: gives 48 dimensions here, and gave 12 before"):
        embed(
            tmp_path if on_disk else None,
            lambda pixel_values: torch.nn.functional.avg_pool2d(pixel_values, next(sides, 2)).flatten(1),
        )


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_stopped_between_any_two_steps_it_goes_on(tmp_path, monkeypatch, step):
    embed(tmp_path / "undisturbed", quadrants)
    expected = contents(tmp_path / "undisturbed")
    real, calls = getattr(os, step), []

    def stopping(*arguments):
        calls.append(step)
        if len(calls) == stop_at:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(os, step, stopping)
    for stop_at in range(1, 9):
        calls.clear()
        try:
            embed(tmp_path / str(stop_at), quadrants)
            break
        except KeyboardInterrupt:
            calls.extend([step] * 100)
        embed(tmp_path / str(stop_at), quadrants)
        assert contents(tmp_path / str(stop_at)) == expected
    assert stop_at > 2


@forked
def test_a_full_disk_is_said_before_the_work(tmp_path):
    here, there = multiprocessing.Pipe()
    child = start(tmp_path / "out", there, 3_000)
    child.join(60)
    assert child.exitcode == 0
    message = "the embeddings cannot be written (File too large); they take 3.07e-06 GB; make room and start again"
    assert message in here.recv()
    assert contents(tmp_path / "out") == {}
    embed(tmp_path / "out")
    embed(tmp_path / "undisturbed")
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


def test_two_at_once_are_refused(tmp_path):
    with FileLock(tmp_path / ".lock"), pytest.raises(InputError, match="another process is embedding here; wait"):
        embed(tmp_path)


class KillingItsReader(ArrayImages):
    """Images of which one kills the process that opens it, but not the one that made them."""

    def __init__(self, array):
        super().__init__(array)
        self.made_in = os.getpid()

    def __getitem__(self, index):
        if index == 40 and os.getpid() != self.made_in:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


@forked
def test_a_worker_that_is_killed_is_named(tmp_path):
    with pytest.raises(InputError, match="a worker process was killed, by the system perhaps"):
        embed(tmp_path, images=KillingItsReader(PIXELS), num_workers=1)
    embed(tmp_path, images=KillingItsReader(PIXELS))
    np.testing.assert_array_equal(np.asarray(embed(tmp_path)), np.asarray(embed()))


@pytest.fixture
def folder_with_bad_images(tmp_path):
    (tmp_path / "images").mkdir()
    for row, image in enumerate(PIXELS[:9]):
        Image.fromarray(image).save(tmp_path / "images" / f"{row}.png")
    for row in (0, 1, 6):  # the whole of the first batch
        (tmp_path / "images" / f"{row}.png").write_text("not an image")
    return ImageFolder(tmp_path / "images")


@pytest.mark.parametrize("num_workers", [0, 1])
def test_bad_images_are_skipped_counted_and_named(tmp_path, folder_with_bad_images, num_workers):
    options = {"images": folder_with_bad_images, "model": quadrants, "on_bad": "skip", "num_workers": num_workers}
    with pytest.warns(
        UserWarning, match=r"^3 images could not be decoded and were skipped: .*0\.png: .*1\.png: .*6\.png: "
    ):
        embed(tmp_path / "out", **options)
    with pytest.warns(UserWarning, match="3 images"):
        in_memory = embed(**options)
    on_disk = Embeddings.from_pretrained(tmp_path / "out")
    assert on_disk.undecodable == in_memory.undecodable
    assert undecodable_rows(on_disk).tolist() == [0, 1, 6]
    expected = np.asarray(embed(model=quadrants))[:9]
    expected[[0, 1, 6]] = np.nan
    for embeddings in (on_disk, in_memory):
        np.testing.assert_array_equal(np.asarray(embeddings), expected)
    assert on_disk.facts()["undecodable_images"] == 3
    assert "| undecodable images | 3 |" in (tmp_path / "out" / "README.md").read_text()


def test_stopped_by_a_bad_image_it_goes_on_when_told_to_skip(tmp_path, folder_with_bad_images):
    (tmp_path / "images" / "0.png").write_bytes((tmp_path / "images" / "2.png").read_bytes())
    (tmp_path / "images" / "1.png").write_bytes((tmp_path / "images" / "2.png").read_bytes())
    options = {"images": folder_with_bad_images, "model": quadrants}
    for _ in range(2):
        with pytest.raises(InputError, match=r"^stopped at an image .*6\.png: .*, or go on without: on_bad='skip'"):
            embed(tmp_path / "out", **options)
    with pytest.warns(UserWarning, match="^1 image could not be decoded"):
        embed(tmp_path / "out", **options, on_bad="skip")
    with pytest.raises(InputError, match="or go on without: on_bad='skip'"):
        embed(tmp_path / "out", **options)


def test_no_image_that_can_be_decoded(tmp_path, folder_with_bad_images):
    for row in range(9):
        (tmp_path / "images" / f"{row}.png").write_text("not an image")
    for output in (None, tmp_path / "out"):
        with pytest.raises(InputError, match=r"^9 images could not be decoded: .*; and 4 more"):
            embed(output, quadrants, folder_with_bad_images, on_bad="skip")
