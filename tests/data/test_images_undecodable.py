"""A broken image among many: found, named, left out; and a worker process that is killed."""

import os
import signal
from functools import partial

import pytest
from photographs import photograph, write_photographs

from alignet_hf.data.images import ImageFolder, UndecodableImageError, decoding, find_undecodable
from alignet_hf.data.images.undecodable import read_in_workers, stopping_message, undecodable_message
from alignet_hf.errors import InputError


@pytest.mark.parametrize("num_workers", [0, 2])
def test_every_broken_image_is_found_and_named(tmp_path, num_workers):
    images = ImageFolder(write_photographs(tmp_path / "photos", 40, broken=(3, 17)))
    rows = sorted(images.row_of(name) for name in ("3.jpg", "17.jpg"))
    found = find_undecodable(images, num_workers=num_workers)
    assert sorted(found) == rows
    message = undecodable_message(found)
    assert message.startswith("2 images could not be decoded: ")
    assert f"{tmp_path}/photos/3.jpg: " in message
    assert "cannot be decoded" not in message  # it is said once
    assert undecodable_message(found, skipped=True).startswith("2 images could not be decoded and were skipped: ")
    assert stopping_message(found).endswith(
        "; there may be more; replace or remove them, or go on without: on_bad='skip'"
    )
    assert "\n" not in message


def test_sources_of_pil_images_are_checked_too(tmp_path):
    write_photographs(tmp_path, 1, broken=(0,))
    from PIL import Image

    images = [photograph(), Image.open(tmp_path / "0.jpg")]
    assert list(find_undecodable(images)) == [1]


def test_what_one_decoder_alone_refuses_is_found_if_any_later_work_would_stumble(tmp_path, monkeypatch):
    """As if libjpeg took what PIL does not, and the other way round; a file is whole for later work of either way."""
    images = ImageFolder(write_photographs(tmp_path, 2, broken=(1,)))

    def later_work(row):
        for read in (lambda: images[row], lambda: images.covering(row, lambda height, width: (1, 1))):
            read()

    strict = decoding.simplejpeg.decode_jpeg
    monkeypatch.setattr(decoding.simplejpeg, "decode_jpeg", partial(strict, strict=False))
    assert images.covering(1, lambda height, width: (1, 1)).shape == (8, 12, 3)
    assert list(find_undecodable(images)) == [1]
    later_work(0)

    def refuses(*args, **options):
        raise ValueError("an unknown marker")

    monkeypatch.setattr(decoding.simplejpeg, "decode_jpeg", refuses)
    assert list(find_undecodable(images)) == [1]
    later_work(0)


def test_a_file_that_cannot_be_read_is_not_left_out(tmp_path):
    images = ImageFolder(write_photographs(tmp_path, 3))
    (tmp_path / "1.jpg").unlink()
    for num_workers in (0, 1):
        with pytest.raises(InputError, match=r"1\.jpg: the image cannot be read: No such file") as error:
            find_undecodable(images, num_workers=num_workers)
        assert not isinstance(error.value, UndecodableImageError)
        assert "\n" not in str(error.value)


def test_one_and_many_in_words():
    assert undecodable_message({4: "a.jpg: broken"}) == "1 image could not be decoded: a.jpg: broken"
    many = undecodable_message({row: f"{row}.jpg" for row in (30, 2, 1, 3, 4, 5, 6)})
    assert many == "7 images could not be decoded: 1.jpg; 2.jpg; 3.jpg; 4.jpg; 5.jpg; and 2 more"


def _killed(row):
    os.kill(os.getpid(), signal.SIGKILL)


def _faulty(row):
    raise RuntimeError("a fault of ours")


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_killed_worker_is_said_and_does_not_hang():
    with pytest.raises(InputError, match=r"a worker process was killed.*use fewer workers") as error:
        list(read_in_workers(_killed, range(4), 1))
    assert "\n" not in str(error.value)
    with pytest.raises(RuntimeError, match="a fault of ours"):
        list(read_in_workers(_faulty, range(4), 1))
