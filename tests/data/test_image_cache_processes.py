"""Two processes that ask for a cache get the same one, which the first of them made."""

import os
import time
from datetime import timedelta

import numpy as np
import pytest
from accelerate import PartialState
from photographs import write_photographs
from processes import in_processes

from alignet_hf.data.images import ImageFolder, cache, cache_images
from alignet_hf.distill.processes import by_the_first
from alignet_hf.errors import InputError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="forks")


def source(folder, broken=()) -> ImageFolder:
    return ImageFolder(write_photographs(folder / "photos", 40, broken=broken, height=40, width=50))


def counting(monkeypatch) -> list:
    """The rows that this process, or a fork of it, decodes."""
    decoded, plain = [], cache.open_row
    monkeypatch.setattr(cache, "open_row", lambda images, row: decoded.append(row) or plain(images, row))
    return decoded


def test_the_first_makes_it_and_all_open_it(tmp_path, monkeypatch):
    images = source(tmp_path)
    alone = cache_images(images, tmp_path / "one", 20)
    decoded = counting(monkeypatch)

    def work(index):
        made = cache_images(images, tmp_path / "deep" / "two", 20)
        return len(decoded), np.array(made.array)

    (first, pixels), (second, others) = in_processes(2, work)
    assert (first, second) == (40, 0)
    np.testing.assert_array_equal(pixels, alone.array)
    np.testing.assert_array_equal(others, alone.array)
    for name in ("images.npy", "names.json", "cache.json"):
        assert (tmp_path / "deep" / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_what_is_wrong_is_said_by_both(tmp_path):
    images = source(tmp_path, broken=(7,))
    errors = in_processes(2, lambda index: cache_images(images, tmp_path / "cache", 20))
    assert all("stopped at an image that cannot be decoded" in str(error) for error in errors)
    assert not (tmp_path / "cache" / "cache.json").exists()


@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_process_of_its_own_takes_the_lock_whatever_its_rank(tmp_path, monkeypatch, rank):
    """As where a cluster's scheduler sets RANK for tasks that know nothing of one another."""
    monkeypatch.setenv("RANK", rank)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with (
        cache.alone_in(tmp_path / "cache"),
        pytest.raises(InputError, match="another process works in this folder"),
    ):
        cache_images(source(tmp_path), tmp_path / "cache", 20)


def test_the_others_wait_longer_than_collectives_do():
    def work(index):
        PartialState(cpu=True, timeout=timedelta(seconds=1))
        return by_the_first(lambda: time.sleep(2.5) or "done")

    assert in_processes(2, work) == ["done", "done"]
