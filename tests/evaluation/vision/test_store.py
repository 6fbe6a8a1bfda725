"""Each image is decoded and goes through the model once, however many tests read it."""

import os
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from alignet_hf.data.images import ImageFolder, ImageList, SomeImages, UndecodableImageError
from alignet_hf.data.images import decoding as decoding_module
from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.image_keys import image_keys
from alignet_hf.evaluation.vision.labelled_images import open_labelled
from alignet_hf.evaluation.vision.store import EmbeddingStore, encoder_digest

N = 12


def to_pixels(images, return_tensors="pt"):
    return {"pixel_values": torch.stack([torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255 for image in images])}


class Mean(torch.nn.Module):
    """Mean colour, and how many images went through."""

    def __init__(self, scale: float = 1.0):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(scale))
        self.seen = 0

    def forward(self, pixel_values):
        self.seen += len(pixel_values)
        return self.scale * pixel_values.mean((2, 3))


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(N):
        path = tmp_path / "photos" / f"class{number % 3}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(path)
    return tmp_path / "photos"


@pytest.fixture
def decoded(monkeypatch) -> Counter:
    """How often each file is read."""
    read, counts = decoding_module.read_file, Counter()

    def counting(path):
        counts[os.path.realpath(path)] += 1
        return read(path)

    monkeypatch.setattr("alignet_hf.data.images.sources.read_file", counting)
    return counts


def expected(photos, names) -> np.ndarray:
    return np.stack([np.asarray(Image.open(photos / name), np.float32).mean((0, 1)) / 255 for name in names])


def store_of(model, **options) -> EmbeddingStore:
    return EmbeddingStore(model, to_pixels, progress=False, batch_size=5, **options)


@pytest.mark.parametrize("kept", [False, True])
def test_an_image_is_decoded_and_forwarded_once_however_many_tests_read_it(photos, decoded, tmp_path, kept):
    whole = open_labelled(photos)
    table = photos / "table.tsv"
    table.write_text("".join(f"{name}\tall\n" for name in whole.images.names[3:]))
    reads = [
        whole.capped(2),
        whole,
        open_labelled(table),  # the same files by another list
        open_labelled(f"{photos},classes=class1"),
        whole.of_rows(np.array([4, 4, 0])),
    ]
    model = Mean()
    store = store_of(model, folder=tmp_path / "kept" if kept else None)
    for labelled in reads:
        found = store.embed_labelled(labelled)
        assert np.allclose(found.embeddings, expected(photos, labelled.images.names), atol=1e-6)
        assert list(found.names) == list(labelled.images.names)
        assert found.labels.tolist() == labelled.labels.tolist()
    assert model.seen == N
    assert decoded == Counter({os.path.realpath(photos / name): 1 for name in whole.images.names})

    again = Mean()
    store_of(again, folder=tmp_path / "kept" if kept else None).embed_labelled(whole)
    assert again.seen == (0 if kept else N)


def test_an_encoder_with_other_weights_has_embeddings_of_its_own(photos, tmp_path):
    images = ImageFolder(photos)
    first = store_of(Mean(), folder=tmp_path / "kept").embed(images)
    second = store_of(Mean(2.0), folder=tmp_path / "kept").embed(images)
    assert np.allclose(second, 2 * first)
    assert np.allclose(store_of(Mean(), folder=tmp_path / "kept").embed(images), first)
    assert encoder_digest(Mean(), to_pixels) == encoder_digest(Mean(), to_pixels)


def test_stopped_anywhere_it_goes_on(photos, tmp_path):
    class Stops(Mean):
        def forward(self, pixel_values):
            if self.seen >= 10:
                raise KeyboardInterrupt
            return super().forward(pixel_values)

    Stops.__qualname__, Stops.__module__ = Mean.__qualname__, Mean.__module__
    images = ImageFolder(photos)
    with pytest.raises(KeyboardInterrupt):
        store_of(Stops(), folder=tmp_path / "kept").embed(images)
    rest = Mean()
    found = store_of(rest, folder=tmp_path / "kept").embed(images)
    assert np.allclose(found, expected(photos, images.names), atol=1e-6)
    assert rest.seen <= 5 + 2  # the first batch, by which the encoder is known again, and what was left


def test_a_changed_image_is_embedded_anew(photos, tmp_path):
    images = ImageFolder(photos)
    store_of(Mean(), folder=tmp_path / "kept").embed(images)
    Image.new("RGB", (8, 8), "red").save(photos / images.names[2])
    model = Mean()
    found = store_of(model, folder=tmp_path / "kept").embed(ImageFolder(photos))
    assert model.seen == 1
    assert np.allclose(found[2], [1, 0, 0])


def test_an_image_that_cannot_be_decoded_is_left_out_everywhere(photos, tmp_path, recwarn):
    names = ImageFolder(photos).names
    (photos / names[1]).write_bytes(b"no image")
    whole = open_labelled(photos)
    with pytest.raises(InputError, match="stopped at an image that cannot be decoded"):
        store_of(Mean()).embed_labelled(whole)
    for _ in range(2):  # newly embedded, and from the folder
        store = store_of(Mean(), folder=tmp_path / "kept", on_bad="skip")
        for labelled in (whole, whole.capped(4), whole.of_rows(np.array([0, 1]))):
            found = store.embed_labelled(labelled)
            assert names[1] not in found.names
            assert len(found) == len(labelled) - 1
            assert np.isfinite(found.embeddings).all()
        assert list(store.undecodable) == [names[1]]
    with pytest.raises(InputError, match="stopped at an image that cannot be decoded"):
        store_of(Mean(), folder=tmp_path / "kept").embed_labelled(whole)
    with pytest.raises(InputError, match="could not be decoded"):
        store_of(Mean(), on_bad="skip").embed_labelled(whole.of_rows(np.array([1])))
    with pytest.raises(UndecodableImageError):
        whole.images[1]


def test_keys_tell_images_apart_and_know_the_same_image_again(photos):
    folder = ImageFolder(photos)
    keys = image_keys(folder)
    assert len(set(keys.tolist())) == N
    listed = ImageList([photos / name for name in reversed(folder.names)])
    assert image_keys(listed).tolist() == keys[::-1].tolist()
    assert image_keys(SomeImages(SomeImages(folder, [5, 3, 1]), [2, 0])).tolist() == keys[[1, 5]].tolist()
    plain = [folder[row] for row in range(3)]
    assert image_keys(plain).tolist() == image_keys(list(plain)).tolist()
    assert len({*image_keys(plain).tolist(), *keys.tolist()}) == N + 3
    (photos / folder.names[0]).unlink()
    with pytest.raises(InputError, match=folder.names[0]):
        image_keys(folder)


@pytest.mark.parametrize("kept", [False, True])
def test_embeddings_made_elsewhere_are_read_in_place_of_their_images(photos, tmp_path, kept):
    images, folder = ImageFolder(photos), tmp_path / "kept" if kept else None
    rows = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)
    store, model = store_of(Mean(), folder=folder), Mean()
    store.put(SomeImages(images, range(4, N)), rows[4:])
    if kept:
        store = store_of(model, folder=folder)
    found = store.embed(images)
    assert np.array_equal(found[4:], rows[4:])
    assert np.allclose(found[:4], expected(photos, images.names[:4]), atol=1e-6)
    assert store.model.seen == 4


def test_what_is_read_once_is_not_held_in_memory(photos):
    whole = open_labelled(photos)
    store = store_of(Mean())
    store.embed_labelled(whole.of_rows(np.arange(3)))
    assert len(store.embed_labelled(whole, keep=False)) == N
    assert len(store.place_of) == 3
    store.embed_labelled(whole.of_rows(np.arange(3)))
    assert store.model.seen == N
