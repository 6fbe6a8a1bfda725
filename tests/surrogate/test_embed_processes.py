"""Two processes embed as one does, byte for byte, also where one of them was killed on the way."""

import json
import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import PartialState
from PIL import Image
from processes import in_processes, launched
from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

from alignet_hf.data.images import ArrayImages, ImageFolder
from alignet_hf.surrogate import embedding_file
from alignet_hf.surrogate.embed import embed_images
from alignet_hf.surrogate.embeddings import Embeddings

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks")
PROCESSOR = ViTImageProcessorPil(size={"height": 16, "width": 16})
# In batches of 4 the last is a single one.
IMAGES = ArrayImages(np.random.default_rng(0).integers(0, 256, (37, 16, 16, 3), dtype=np.uint8))


@pytest.fixture(autouse=True)
def one_thread():
    """As each of the processes has: with another number, sums are taken in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def vit(seed=0) -> ViTModel:
    torch.manual_seed(seed)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    return ViTModel(ViTConfig(image_size=16, patch_size=8, **sizes), add_pooling_layer=False).eval()


class Mortal(torch.nn.Module):
    """A model that may end its process, as kill -9 does, in one of its forwards."""

    def __init__(self, forward: int = -1):
        super().__init__()
        self.model, self.left = vit(), forward

    def forward(self, pixel_values):
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1
        return self.model(pixel_values).last_hidden_state[:, 0]


def embed(model, output, images=IMAGES, **options):
    options = {"processor": PROCESSOR, "batch_size": 4, "progress": False, **options}
    return embed_images(model, images, output=output, **options)


def written(folder: Path) -> bytes:
    return (folder / "embeddings.safetensors").read_bytes()


def test_two_processes_write_what_one_does(tmp_path):
    alone = embed(vit(), tmp_path / "one")
    seen = in_processes(2, lambda index: np.asarray(embed(vit(), tmp_path / "two")))
    assert written(tmp_path / "two") == written(tmp_path / "one")
    for rows in seen:
        np.testing.assert_array_equal(rows, np.asarray(alone))


@pytest.mark.parametrize("killed", [0, 2])
def test_begun_by_three_it_is_ended_by_one_or_two(tmp_path, monkeypatch, killed):
    monkeypatch.setattr(embedding_file, "_SECONDS_BETWEEN_MARKS", -1)
    embed(Mortal(), tmp_path / "whole")
    for n_processes in (1, 2):
        folder = tmp_path / str(n_processes)
        in_processes(3, lambda index, to=folder: str(embed(Mortal(2 if index == killed else -1), to)))
        assert not (folder / "embeddings.safetensors").exists()
        assert len([line for log in folder.rglob("*.jsonl") for line in log.open()]) > 2
        in_processes(n_processes, lambda index, to=folder: str(embed(Mortal(), to)))
        assert written(folder) == written(tmp_path / "whole")


def test_what_two_processes_skip_is_gathered(tmp_path):
    images, bad = tmp_path / "images", [2, 4, 5, 6, 7]  # one of the first batch, all of the second
    images.mkdir()
    for row in range(9):
        Image.fromarray(IMAGES.array[row]).save(images / f"{row}.png")
        if row in bad:
            (images / f"{row}.png").write_text("not an image")
    with pytest.warns(UserWarning, match=r"^5 images could not be decoded and were skipped: \S*2\.png: "):
        embed(vit(), tmp_path / "one", ImageFolder(images), on_bad="skip")
    in_processes(2, lambda index: str(embed(vit(), tmp_path / "two", ImageFolder(images), on_bad="skip")))
    assert written(tmp_path / "two") == written(tmp_path / "one")
    assert sorted(Embeddings.from_pretrained(tmp_path / "two").undecodable) == bad


@pytest.mark.parametrize("late", ["to start", "to end"])
def test_one_may_be_later_than_collectives_wait(tmp_path, late):
    class Slow(Mortal):
        def forward(self, pixel_values):
            time.sleep(0.6)  # of its five batches
            return super().forward(pixel_values)

    def work(index):
        PartialState(cpu=True, timeout=timedelta(seconds=1))
        if index and late == "to start":
            time.sleep(2.5)
        return len(embed(Slow() if index and late == "to end" else Mortal(), tmp_path))

    assert in_processes(2, work) == [37, 37]


def test_what_is_wrong_is_said_by_all(tmp_path):
    errors = in_processes(2, lambda index: embed(vit(seed=index), tmp_path))
    assert all("other models or images than one another" in str(error) for error in errors)
    (tmp_path / "embeddings.partial").mkdir()
    errors = in_processes(2, lambda index: embed(vit(), tmp_path))
    assert all("embeddings cannot be written" in str(error) for error in errors)


def test_the_command_under_a_launcher(tmp_path):
    """As `accelerate launch --cpu --num_processes 2 -m alignet_hf embed ...` has it."""
    vit().save_pretrained(tmp_path / "model")  # without a pooler, which each process then makes up
    PROCESSOR.save_pretrained(tmp_path / "model")
    np.save(tmp_path / "images.npy", IMAGES.array)
    options = ["images.npy", "out", "--model", "model", "--batch-size", "4", "--json"]
    run = launched(2, "-m", "alignet_hf", "embed", *options, cwd=tmp_path)
    assert json.loads(run.stdout) == {"output": "out", "images": 37, "dimensions": 32}
    np.testing.assert_array_equal(
        np.asarray(Embeddings.from_pretrained(tmp_path / "out")), np.asarray(embed(vit(), tmp_path / "one"))
    )
