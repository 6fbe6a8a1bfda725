"""The cache of resized images: its pixels, its record, and that it survives whatever stops it."""

import hashlib
import json
import multiprocessing
import os
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from filelock import FileLock
from photographs import photograph, write_photographs
from processes import killed_at_random
from test_images_opening import stream
from transformers import BitImageProcessorPil, CLIPImageProcessorPil, SiglipImageProcessorPil

from alignet_hf.data.images import (
    CachedImages,
    ConcatImages,
    ImageFolder,
    SomeImages,
    StreamedImages,
    UndecodableImageError,
    cache,
    cache_images,
    load_images,
)
from alignet_hf.errors import InputError

PROCESSOR = CLIPImageProcessorPil(size={"shortest_edge": 30}, crop_size={"height": 24, "width": 28})
forked = pytest.mark.skipif(os.name != "posix", reason="forks")


@pytest.fixture
def source(tmp_path):
    return ImageFolder(write_photographs(tmp_path / "photos", 70, height=40, width=50))


def digests(folder):
    files = [path for path in sorted(folder.iterdir()) if path.name != ".lock"]
    assert [path.name for path in files] == ["cache.json", "images.npy", "names.json"]
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]


def test_squares_keep_the_centre_at_the_shorter_side(source, tmp_path):
    images = cache_images(source, tmp_path / "cache", 20)
    assert images.array.shape == (70, 20, 20, 3)
    assert images.names == source.names
    for row in (0, 33):
        resized = np.asarray(source[row].resize((25, 20), 3))  # 50 x 40, bicubic
        np.testing.assert_array_equal(np.asarray(images[row]), resized[:, 2:22])
    np.testing.assert_array_equal(np.load(tmp_path / "cache" / "images.npy"), images.array)
    with pytest.raises(IndexError):
        images[70]


@pytest.mark.parametrize("fast", [False, True])
def test_a_processors_pixels_are_kept(source, tmp_path, fast):
    images = cache_images(source, tmp_path / "cache", processor=PROCESSOR, fast=fast)
    theirs = PROCESSOR(images=[source[5]], do_rescale=False, do_normalize=False, return_tensors="np")["pixel_values"][0]
    difference = np.abs(images.array[5].astype(int) - theirs.transpose(1, 2, 0))
    assert difference.max() <= fast
    assert images.geometry.size == (24, 28)
    assert (images.fast, images.resized_by) == (fast, "Geometry" if fast else "PilBackend")


def test_a_cache_is_a_source_like_others(source, tmp_path):
    images = cache_images(source, tmp_path / "cache", 20)
    opened = load_images(tmp_path / "cache")
    assert isinstance(opened, CachedImages)
    assert opened.row_of("7.jpg") == source.row_of("7.jpg")
    assert opened.fingerprint() == images.fingerprint()
    sent = pickle.dumps(opened)
    assert len(sent) < 4_000
    np.testing.assert_array_equal(np.asarray(pickle.loads(sent)[9]), np.asarray(images[9]))
    assert pickle.loads(sent).geometry == images.geometry == SomeImages(images, [1]).geometry


def test_worker_processes_change_nothing_and_a_second_call_does_nothing(source, tmp_path, monkeypatch):
    cache_images(source, tmp_path / "one", 20)
    cache_images(source, tmp_path / "two", 20, num_workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    monkeypatch.setattr(cache, "open_row", lambda *_: pytest.fail("an image is decoded again"))
    cache_images(source, tmp_path / "one", 20)


def test_a_stream_is_cached(tmp_path):
    images = cache_images(StreamedImages(stream(), 5), tmp_path / "cache", 20)
    resized = np.asarray(photograph(seed=3).resize((30, 20), 3))
    np.testing.assert_array_equal(np.asarray(images[3]), resized[:, 5:25])
    cache_images(StreamedImages(stream().take(2), 2), tmp_path / "part", 20)
    with pytest.raises(InputError, match="holds a cache of others: its fingerprint differ"):
        cache_images(StreamedImages(stream().skip(2), 2), tmp_path / "part", 20)


@pytest.mark.parametrize("step", ["_write_all", "fsync", "replace"])
def test_stopped_anywhere_it_goes_on_to_the_same_bytes(source, tmp_path, monkeypatch, step):
    expected = digests_of_undisturbed(source, tmp_path)
    monkeypatch.setattr(cache, "_SECONDS_BETWEEN_MARKS", 0)
    owner = cache if step == "_write_all" else os
    real, calls = getattr(owner, step), []

    def stopping(*args):
        calls.append(step)
        if len(calls) == stop_at:
            if step == "_write_all":
                args[0].write(args[1][:1000])  # some of the rows, and part of one
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(owner, step, stopping)
    for stop_at in range(1, 9):
        calls.clear()
        folder = tmp_path / f"stopped-{stop_at}"
        try:
            cache_images(source, folder, 20)
            break
        except KeyboardInterrupt:
            assert not (folder / "cache.json").exists() or len(calls) > 4
        if not (folder / "cache.json").exists():
            with pytest.raises(InputError, match="no finished cache"):
                CachedImages(folder)
        calls.clear()
        calls.extend([step] * 100)
        cache_images(source, folder, 20)
        assert digests(folder) == expected
    assert stop_at > 2


@pytest.mark.parametrize("left", [0, 200, 50_000])
def test_pixels_that_are_lost_are_made_anew(source, tmp_path, monkeypatch, left):
    monkeypatch.setattr(os, "replace", _interrupted_at(tmp_path / "cache" / "images.npy", os.replace))
    with pytest.raises(KeyboardInterrupt):
        cache_images(source, tmp_path / "cache", 20)
    monkeypatch.undo()
    partial = tmp_path / "cache" / "images.partial"
    assert json.loads((tmp_path / "cache" / "caching.json").read_text())["done"] == 70
    if left:
        os.truncate(partial, left)
    else:
        partial.unlink()
    cache_images(source, tmp_path / "cache", 20)
    assert digests(tmp_path / "cache") == digests_of_undisturbed(source, tmp_path)


def _interrupted_at(path, real):
    def replace(source, target):
        if target == path:
            raise KeyboardInterrupt
        return real(source, target)

    return replace


def digests_of_undisturbed(source, tmp_path):
    cache_images(source, tmp_path / "undisturbed", 20)
    return digests(tmp_path / "undisturbed")


def _cache_in_a_child(source, folder, limit=None, pipe=None):
    torch.set_num_threads(1)
    cache._SECONDS_BETWEEN_MARKS = 0
    if limit is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        cache_images(source, folder, 20, progress=False)
    except InputError as error:
        pipe.send(str(error))


@forked
def test_killed_at_random_it_goes_on_to_the_same_bytes(source, tmp_path):
    context = multiprocessing.get_context("fork")

    def start(folder):
        child = context.Process(target=_cache_in_a_child, args=(source, folder))
        child.start()
        return child

    killed = killed_at_random(start, tmp_path, digests)
    cache_images(source, killed, 20)
    assert digests(killed) == digests(tmp_path / "undisturbed")


@forked
def test_a_full_disk_is_said_and_nothing_is_left_under_a_final_name(source, tmp_path):
    here, there = multiprocessing.Pipe()
    arguments = (source, tmp_path / "cache", 50_000, there)
    child = multiprocessing.get_context("fork").Process(target=_cache_in_a_child, args=arguments)
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert "the cache cannot be written (File too large); it takes 8.4e-05 GB; make room and start again" in here.recv()
    assert not {"images.npy", "cache.json", "names.json"} & {path.name for path in (tmp_path / "cache").iterdir()}
    cache_images(source, tmp_path / "cache", 20)
    assert digests(tmp_path / "cache") == digests_of_undisturbed(source, tmp_path)


def test_a_disk_too_small_is_said_before_the_work(source, tmp_path, monkeypatch):
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda _: SimpleNamespace(free=9_000))
    with pytest.raises(InputError, match=r"the cache needs 0\.0 GB more, 0\.0 GB are free"):
        cache_images(source, tmp_path / "cache", 20)


def test_two_at_once_are_refused(source, tmp_path):
    (tmp_path / "cache").mkdir()
    with FileLock(tmp_path / "cache" / ".lock"), pytest.raises(InputError, match="another process works in this fold"):
        cache_images(source, tmp_path / "cache", 20)


def test_other_images_size_or_way_are_refused(source, tmp_path):
    folder = tmp_path / "cache"
    cache_images(source, folder, 20)
    for differing, arguments in {
        "geometry": (source, folder, 21),
        "images, fingerprint": (SomeImages(source, range(9)), folder, 20),
    }.items():
        with pytest.raises(InputError, match=f"holds a cache of others: its {differing} differ; name another folder"):
            cache_images(*arguments)
    with pytest.raises(InputError, match="its fast, resized_by differ"):
        cache_images(source, folder, 20, fast=True)
    photograph(seed=99).save(source.path(3))
    with pytest.raises(InputError, match="its fingerprint differ"):
        cache_images(source, folder, 20)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "images.npy").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"images\.npy: is there already, and not of a cache"):
        cache_images(source, tmp_path / "mine", 20)


def test_a_damaged_cache_is_named(source, tmp_path):
    cache_images(source, tmp_path / "cache", 20)
    whole = (tmp_path / "cache" / "images.npy").read_bytes()
    (tmp_path / "cache" / "images.npy").write_bytes(whole[:-1])
    with pytest.raises(InputError, match="the cache is damaged"):
        CachedImages(tmp_path / "cache")
    (tmp_path / "cache" / "images.npy").write_bytes(whole + whole[-1200:])
    with pytest.raises(InputError, match=r"damaged \(images\.npy has 85328 bytes, not the 84128 of 70 images\)"):
        CachedImages(tmp_path / "cache")
    (tmp_path / "cache" / "images.npy").write_bytes(whole)
    (tmp_path / "cache" / "cache.json").write_text("{")
    with pytest.raises(InputError, match="the cache is damaged"):
        CachedImages(tmp_path / "cache")


@pytest.mark.parametrize("num_workers", [0, 2])
def test_an_image_that_cannot_be_decoded_is_fatal_or_left_out(tmp_path, num_workers):
    source = ImageFolder(write_photographs(tmp_path / "photos", 40, broken=(17, 30), height=40, width=50))
    with pytest.raises(InputError, match=r"stopped at images .*17\.jpg.*, or go on without: on_bad='skip'"):
        cache_images(source, tmp_path / "cache", 20, num_workers=num_workers)
    with pytest.raises(InputError, match="no finished cache"):
        CachedImages(tmp_path / "cache")
    images = cache_images(source, tmp_path / "cache", 20, num_workers=num_workers, on_bad="skip")
    bad = [source.row_of("17.jpg"), source.row_of("30.jpg")]
    assert sorted(images.undecodable) == sorted(bad)
    for row in bad:
        assert not images.array[row].any()
        with pytest.raises(UndecodableImageError, match=source.names[row]):
            images[row]
    good = source.row_of("18.jpg")
    resized = np.asarray(source[good].resize((25, 20), 3))
    np.testing.assert_array_equal(images.array[good], resized[:, 2:22])
    assert sorted(CachedImages(tmp_path / "cache").undecodable) == sorted(bad)
    with pytest.raises(InputError, match="stopped at images that cannot be decoded"):
        cache_images(source, tmp_path / "cache", 20)
    with pytest.raises(InputError, match="on_bad is 'ignore'; choose raise"):
        cache_images(source, tmp_path / "other", 20, on_bad="ignore")


def test_processors_without_one_size_are_refused(source, tmp_path):
    with pytest.raises(InputError, match="several sizes"):
        cache_images(source, tmp_path / "cache", processor=CLIPImageProcessorPil(do_center_crop=False))


def test_sources_that_are_sized_are_not_mixed_with_others_unnoticed(source, tmp_path):
    sized = cache_images(source, tmp_path / "sized", processor=PROCESSOR)
    assert ConcatImages([sized, sized]).geometry == sized.geometry
    with pytest.raises(InputError, match="some of the sources are cached for a processor, others not"):
        ConcatImages([sized, source])
    squares = cache_images(
        source, tmp_path / "squares", processor=SiglipImageProcessorPil(size={"height": 9, "width": 9})
    )
    assert ConcatImages([squares, source]).geometry is None


def test_the_record_says_what_is_cached(source, tmp_path):
    processor = BitImageProcessorPil(size={"height": 9, "width": 8}, do_center_crop=False)
    cache_images(source, tmp_path / "cache", processor=processor)
    record = json.loads((tmp_path / "cache" / "cache.json").read_text())
    assert record == {
        "images": 70,
        "geometry": {"resize": [9, 8], "crop": None, "interpolation": "bicubic", "antialias": True},
        "fast": False,
        "resized_by": "PilBackend",
        "fingerprint": source.fingerprint(),
        "hub_ids": [],
        "undecodable": {},
    }
