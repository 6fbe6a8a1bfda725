import functools
import json
import os
from contextlib import nullcontext
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import Dinov2Config, Dinov2Model, ViTConfig, ViTImageProcessorPil, ViTModel

from alignet_hf.configuration_alignet import AligNetVisionConfig
from alignet_hf.data.images import ArrayImages, ImageFolder
from alignet_hf.errors import InputError
from alignet_hf.hardware import computes_in_bf16
from alignet_hf.modeling_alignet import AligNetVisionModel
from alignet_hf.surrogate import embedding_file
from alignet_hf.surrogate.embed import embed_images
from alignet_hf.surrogate.embeddings import Embeddings

PIXELS = np.random.default_rng(0).integers(0, 256, (11, 8, 8, 3), dtype=np.uint8)
IMAGES = ArrayImages(PIXELS)


def to_pixels(images, return_tensors, scale=1.0):
    arrays = np.stack([np.asarray(image) for image in images])
    return {"pixel_values": torch.from_numpy(arrays).permute(0, 3, 1, 2).float() * scale / 255}


def quadrants(pixel_values):  # (B, 3, 8, 8) -> (B, 12)
    return torch.nn.functional.avg_pool2d(pixel_values, 4).flatten(1)


EXPECTED = quadrants(to_pixels(IMAGES, "pt")["pixel_values"]).numpy()


class Counting:
    """`quadrants`, counting the images that it is given, and interrupted at the start of batch `stop_at`."""

    def __init__(self, stop_at=None):
        self.images, self.batches, self.stop_at = 0, 0, stop_at

    def __call__(self, pixel_values):
        if self.batches == self.stop_at:
            raise KeyboardInterrupt
        self.images += len(pixel_values)
        self.batches += 1
        return quadrants(pixel_values)


def embed(model=quadrants, images=IMAGES, **options):
    options = {"processor": to_pixels, "batch_size": 2, **options}
    return embed_images(model, images, **options)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_rows_are_those_of_the_images(num_workers):
    embeddings = embed(batch_size=4, num_workers=num_workers)
    np.testing.assert_array_equal(np.asarray(embeddings), EXPECTED)
    assert embeddings.dtype == np.float32
    assert embeddings.names == IMAGES.names


def test_on_disk_as_in_memory(tmp_path):
    embeddings = embed(output=tmp_path)
    np.testing.assert_array_equal(np.asarray(embeddings), EXPECTED)
    again = Embeddings.from_pretrained(tmp_path)
    np.testing.assert_array_equal(np.asarray(again), EXPECTED)
    assert again.metadata["batch_size"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".lock",
        "README.md",
        "config.json",
        "embeddings.safetensors",
    ]


def test_half_precision(tmp_path):
    np.testing.assert_array_equal(np.asarray(embed(dtype="float16", output=tmp_path)), EXPECTED.astype(np.float16))


@pytest.mark.parametrize("stop_at", [1, 2, 3, 5])
def test_interrupted_it_goes_on_and_ends_with_the_same_bytes(tmp_path, stop_at):
    with pytest.raises(KeyboardInterrupt):
        embed(Counting(stop_at), output=tmp_path / "cut")
    assert not (tmp_path / "cut" / "embeddings.safetensors").exists()
    model = Counting()
    embed(model, output=tmp_path / "cut")
    embed(Counting(), output=tmp_path / "whole")
    files = [tmp_path / name / "embeddings.safetensors" for name in ("cut", "whole")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert model.images == 2 + 11 - 2 * stop_at  # the first batch anew, then those not done


@settings(max_examples=15, deadline=None)
@given(cut=st.floats(0, 1), stop_at=st.integers(1, 5))
def test_what_a_cut_log_does_not_say_is_done_again(tmp_path_factory, cut, stop_at):
    """Power may fail with a log half written, and with rows that it says nothing of not on the disk."""
    folder = tmp_path_factory.mktemp("cut")
    with mock.patch.object(embedding_file, "_SECONDS_BETWEEN_MARKS", -1), pytest.raises(KeyboardInterrupt):
        embed(Counting(stop_at), output=folder)
    log, partial = folder / "embeddings.progress" / "0.jsonl", folder / "embeddings.partial"
    os.truncate(log, int(cut * log.stat().st_size))
    n_logged = log.read_bytes().count(b"}}")  # whole entries, with or without the end of their line
    with partial.open("r+b") as file:
        file.seek(partial.stat().st_size - len("\0".join(IMAGES.names)) - (11 - 2 * n_logged) * EXPECTED[0].nbytes)
        file.write(b"\xff" * (11 - 2 * n_logged) * EXPECTED[0].nbytes)
    model = Counting()
    np.testing.assert_array_equal(np.asarray(embed(model, output=folder)), EXPECTED)
    assert model.images == 11 - 2 * n_logged + (2 if n_logged else 0)  # the first batch to see that all is the same
    embed(Counting(), output=folder / "whole")
    files = [folder / name / "embeddings.safetensors" for name in (".", "whole")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_finished_it_does_nothing_more(tmp_path):
    embed(Counting(), output=tmp_path)
    model = Counting()
    np.testing.assert_array_equal(np.asarray(embed(model, output=tmp_path)), EXPECTED)
    assert model.images == 2  # to see that the model is the same


CHANGES = {
    "images": {"images": ArrayImages(255 - PIXELS)},
    "images ": {"images": ArrayImages(PIXELS, [f"{row}.png" for row in range(11)])},  # by their names
    "images: photos, now others": {
        "images": ArrayImages(255 - PIXELS),
        "known_as": {"images": "others"},
    },
    "model or processor": {"processor": functools.partial(to_pixels, scale=0.99)},
    "model": {"model": torch.nn.Flatten()},
    "batch_size: 2, now 3": {"batch_size": 3},
    "dtype: float32, now float16": {"dtype": "float16"},
}


@pytest.mark.parametrize("changed", CHANGES)
@pytest.mark.parametrize("finished", [True, False])
def test_what_has_changed_is_named_and_kept_unless_it_is_forced(tmp_path, changed, finished):
    named = {"known_as": {"images": "photos"}} if ":" in changed else {}
    with nullcontext() if finished else pytest.raises(KeyboardInterrupt):
        embed(Counting(None if finished else 3), output=tmp_path, **named)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    options = {"model": Counting(), **named, **CHANGES[changed]}
    expected = np.asarray(embed(**options))
    if finished and "batch_size" in options:
        np.testing.assert_array_equal(np.asarray(embed(output=tmp_path, **options)), EXPECTED)
        return
    said = rf"holds embeddings that were made otherwise \({changed.strip()}\); --force \(force=True\) replaces them"
    with pytest.raises(InputError, match=said):
        embed(output=tmp_path, **options)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    with pytest.warns(UserWarning, match="made otherwise .*, which these replace"):
        np.testing.assert_array_equal(np.asarray(embed(output=tmp_path, force=True, **options)), expected)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(InputError, match="is there already, and not of this run; remove it or use another folder"):
        embed(output=tmp_path, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_the_card_names_model_and_images_and_other_names_for_the_same_change_nothing(tmp_path):
    known_as = {"model": "lab/teacher", "revision": "abc", "images": "photos"}
    embed(output=tmp_path, known_as=known_as)
    config = json.loads((tmp_path / "config.json").read_text())
    assert {key: config[key] for key in known_as} == known_as
    card = (tmp_path / "README.md").read_text()
    assert all(f"| {key} | {value} |" in card for key, value in known_as.items())
    model = Counting()
    embed(model, output=tmp_path, known_as={"images": "./photos"})
    assert model.images == 2
    with pytest.raises(KeyboardInterrupt):
        embed(Counting(3), output=tmp_path / "stopped", known_as=known_as)
    embed(output=tmp_path / "stopped", known_as={"images": "a longer name of the same photographs"})
    files = [folder / "embeddings.safetensors" for folder in (tmp_path, tmp_path / "stopped")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_weights_that_change_a_little_are_seen(tmp_path):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 4))
    embed(model, output=tmp_path)
    model[1].weight.data[0, 0] += 1e-6
    with pytest.raises(InputError, match=r"made otherwise \(model\)"):
        embed(model, output=tmp_path)


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 8, "patch_size": 4}
    return Dinov2Model(Dinov2Config(**sizes, hidden_dropout_prob=0.5))


def test_transformers_models(tmp_path, backbone):
    pixel_values = to_pixels(IMAGES, "pt")["pixel_values"]
    with torch.no_grad():
        expected = backbone.eval()(pixel_values).last_hidden_state[:, 0].numpy()
    embeddings = embed(backbone.train())
    assert backbone.training  # and the dropout was off while embedding
    np.testing.assert_allclose(np.asarray(embeddings), expected, atol=1e-5)
    assert embeddings.metadata["pooling"] == "cls"
    backbone.save_pretrained(tmp_path / "native")
    config = AligNetVisionConfig(vision_config=backbone.config, pooling="patch-mean", projection_dim=5)
    AligNetVisionModel(config, backbone).save_pretrained(tmp_path / "ours")
    processor = ViTImageProcessorPil(do_resize=False, do_normalize=False)
    for folder in ("native", "ours"):
        processor.save_pretrained(tmp_path / folder)
    native = embed(str(tmp_path / "native"), processor=None, device="cpu")
    np.testing.assert_allclose(np.asarray(native), expected, atol=1e-5)
    assert native.metadata["model"] == str(tmp_path / "native")
    ours = embed(tmp_path / "ours", processor=None, device="cpu")
    assert ours.metadata["pooling"] == "patch-mean"
    assert ours.shape == (11, 32)


def test_modes_of_single_modules_come_back(backbone):
    backbone.train()
    backbone.layernorm.eval()
    embed(backbone)
    assert backbone.training
    assert not backbone.layernorm.training


@pytest.mark.parametrize(("pixels", "tolerance"), [("uint8", 1e-5), ("fast", 1.01 / 255 / 0.5)])
def test_pixels_finished_on_the_device(pixels, tolerance):
    large = ArrayImages(np.random.default_rng(0).integers(0, 256, (5, 40, 30, 3), dtype=np.uint8))
    processor = ViTImageProcessorPil(size={"height": 8, "width": 8})
    exact, finished = (embed(images=large, processor=processor, pixels=how) for how in ("exact", pixels))
    np.testing.assert_allclose(np.asarray(finished), np.asarray(exact), atol=tolerance)
    assert finished.metadata["pixels"] == pixels


def test_bf16(tmp_path):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 4))
    pixel_values = to_pixels(IMAGES, "pt")["pixel_values"]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        expected = model(pixel_values).float().numpy()
    precise = np.asarray(embed(model, output=tmp_path, batch_size=11))
    with pytest.warns(UserWarning, match=r"\(bf16: False, now True\), which these replace"):
        rounded = embed(model, output=tmp_path, batch_size=11, bf16=True, force=True)
    np.testing.assert_array_equal(np.asarray(rounded), expected)
    assert 0 < np.abs(expected - precise).max() < 0.02
    for bf16 in (False, "auto"):
        assert embed(bf16=bf16).metadata["bf16"] is False  # a callable
    assert embed(model, bf16="auto").metadata["bf16"] is computes_in_bf16("cpu")
    with pytest.raises(InputError, match="bf16: what is not a torch module computes as it likes"):
        embed(bf16=True)
    with pytest.raises(InputError, match="bf16 is 'yes'; choose True, False or auto"):
        embed(bf16="yes")


def test_a_pooler_that_a_checkpoint_lacks_is_not_part_of_the_model(tmp_path):
    """It is made up whenever the checkpoint is loaded."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    backbone = ViTModel(ViTConfig(image_size=8, patch_size=4, **sizes), add_pooling_layer=False)
    backbone.save_pretrained(tmp_path / "model")
    ViTImageProcessorPil(size={"height": 8, "width": 8}).save_pretrained(tmp_path / "model")
    first, second = (embed(tmp_path / "model", processor=None, device="cpu") for _ in range(2))
    assert first.metadata["weights_fingerprint"] == second.metadata["weights_fingerprint"]


def test_bad_images_are_named(tmp_path):
    for row, image in enumerate(PIXELS):
        Image.fromarray(image).save(tmp_path / f"{row:02}.png")
    (tmp_path / "07.png").write_text("not an image")
    message = r"^stopped at an image that cannot be decoded: \S*07\.png: it is of no known format; [^\n]*on_bad='skip'$"
    for num_workers in (0, 1):
        with pytest.raises(InputError, match=message):
            embed(images=ImageFolder(tmp_path), num_workers=num_workers)


def test_bad_embeddings_name_the_image():
    def infinite(pixel_values):
        return quadrants(pixel_values) / (pixel_values[:, :1, 0, 0] != IMAGES_AS_TENSOR[9, 0, 0, 0])

    with pytest.raises(InputError, match=r"images\[9\]: the model's embedding of this image is not finite"):
        embed(infinite)
    with pytest.raises(InputError, match=r"images\[0\].*float16"):
        embed(lambda pixel_values: quadrants(pixel_values) + 1e6, dtype="float16")


IMAGES_AS_TENSOR = to_pixels(IMAGES, "pt")["pixel_values"]


def test_bad_arguments_are_named(tmp_path, backbone):
    with pytest.raises(InputError, match="holds no image"):
        embed(images=[])
    with pytest.raises(InputError, match="float64"):
        embed(dtype="float64")
    with pytest.raises(InputError, match="needs its image processor"):
        embed(backbone, processor=None)
    with pytest.raises(InputError, match=r"expected a tensor \(images, dimensions\) from a batch, got \(2, 3, 8, 8\)"):
        embed(lambda pixel_values: pixel_values)
    with pytest.raises(InputError, match="nowhere: no such folder, and no name on the Hub"):
        embed(tmp_path / "nowhere", processor=None)
