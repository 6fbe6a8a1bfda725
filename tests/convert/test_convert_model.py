"""Checkpoints become models: what JAX gave, both heads in one folder, and what becomes of that folder afterwards."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoImageProcessor, AutoModel, AutoModelForImageClassification, pipeline
from transformers.utils import logging
from trees import NO_HEADS, SIZES, anonymous, arrays_of, layout, leaves_of, named

from alignet_hf.convert.layouts.heads import Heads
from alignet_hf.convert.model import Converted, convert_variables
from alignet_hf.convert.npz import open_npz
from alignet_hf.convert.reading import find_reading
from alignet_hf.convert.safetensors_file import open_safetensors
from alignet_hf.convert.saved_model import open_saved_model
from alignet_hf.errors import InputError
from alignet_hf.hub.card import card_text
from alignet_hf.hub.export import export_native
from alignet_hf.hub.export_source import open_model
from alignet_hf.modeling_alignet import AligNetForImageClassification, AligNetVisionModel

FIXTURES = Path(__file__).with_name("fixtures")
FAMILIES = {"SigLIP-B", "SigLIP2-B", "CapPa-B", "ViT-B", "Scratch-B", "DINOv1-B", "DINOv2-B", "CLIP-ViT-B"}
SIGLIP = layout("siglip")


def checkpoints() -> list[Path]:
    """Every checkpoint that JAX made: folders of SavedModels, npz and safetensors files."""
    paths = []
    for folder in sorted(path.parent for path in FIXTURES.glob("*/expected.safetensors")):
        paths += [folder] if (folder / "variables").is_dir() else []
        paths += sorted([*folder.glob("*.npz"), *folder.glob("alignet_*.safetensors")])
    return paths


def opened(path: Path):
    if path.is_dir():
        return open_saved_model(path)
    return open_npz(path) if path.suffix == ".npz" else open_safetensors(path)


def run(model, images: torch.Tensor):
    with torch.no_grad():
        return model(images)


def folder_of(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def facts_of(path: Path) -> dict:
    return json.loads((folder_of(path) / "config.json").read_text())


def test_all_eight_families_are_among_the_checkpoints():
    facts = [facts_of(path) for path in checkpoints()]
    assert {fact["family"] for fact in facts} == FAMILIES
    assert max(fact["depth"] for fact in facts) == 12
    assert {"float32", "float16", "bfloat16"} <= {fact["dtype"] for fact in facts}


@pytest.mark.parametrize("path", checkpoints(), ids=lambda path: f"{folder_of(path).name}{path.suffix}")
def test_outputs_are_those_of_jax(path):
    facts, expected = facts_of(path), load_file(folder_of(path) / "expected.safetensors")
    heads = f":heads={facts['heads']}" if path.suffix == ".safetensors" else ""  # which timm's names do not tell
    converted = convert_variables(opened(path), facts["reading"] + heads, image_size=facts["image"])
    if path.suffix == ".npz":  # the names of big_vision tell the reading
        assert find_reading(opened(path)).layout == converted.reading.layout
    images = expected["images"].permute(0, 3, 1, 2)
    outputs = {"pre_logits": run(converted.model, images).pooler_output}
    if converted.model.triplet_head is not None:
        outputs["triplet_logits"] = run(converted.model, images).triplet_embeds
    if converted.classifier_state is not None:
        name = "i1k_logits" if converted.model.config.classifier_norm else "logits"  # of the encoder's own head
        outputs[name] = run(converted.classifier(), images).logits
    assert outputs.keys() == {name for name in expected if name.endswith("logits")}
    for name, output in outputs.items():
        torch.testing.assert_close(output, expected[name], atol=1e-5, rtol=0)
    found = {name: converted.reading.sizes[name] for name in ("width", "depth", "heads", "mlp", "patch")}
    assert found == {name: facts[{"mlp": "mlp_dim"}.get(name, name)] for name in found}
    given = converted.processor(images=[Image.new("RGB", (40, 30))], return_tensors="pt")["pixel_values"]
    assert given.shape[1:] == images.shape[1:]
    assert any("converted to float32" in note for note in converted.notes) == (facts["dtype"] != "float32")


@pytest.fixture(scope="module")
def converted() -> Converted:
    return convert_variables(anonymous(leaves_of(SIGLIP)))


@pytest.fixture(scope="module")
def folder(converted, tmp_path_factory) -> Path:
    return converted.save(tmp_path_factory.mktemp("converted") / "model")


IMAGES = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(0))


def test_one_folder_loads_as_both_classes_without_a_word(converted, folder):
    records = []
    handler = logging.logging.Handler()
    handler.emit = records.append
    logger = logging.get_logger("transformers")
    logger.addHandler(handler)
    try:
        for auto, ours in (
            (AutoModel, AligNetVisionModel),
            (AutoModelForImageClassification, AligNetForImageClassification),
        ):
            model, info = auto.from_pretrained(folder, output_loading_info=True)
            assert type(model) is ours
            assert not any(info.values())
            expected = converted.model if ours is AligNetVisionModel else converted.classifier()
            for output, wanted in zip(run(model, IMAGES).to_tuple(), run(expected, IMAGES).to_tuple(), strict=True):
                torch.testing.assert_close(output, wanted, rtol=0, atol=0)
    finally:
        logger.removeHandler(handler)
    assert [record.getMessage() for record in records] == []
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["AligNetVisionModel", "AligNetForImageClassification"]
    assert config["classifier_norm"] is True


def test_the_norm_before_the_classifier_is_used(converted):
    state, representation = converted.classifier_state, run(converted.model, IMAGES).pooler_output
    mean = representation.mean(1, keepdim=True)
    variance = ((representation - mean) ** 2).mean(1, keepdim=True)
    normed = (representation - mean) / (variance + 1e-6).sqrt() * state["classifier_norm.weight"]
    normed += state["classifier_norm.bias"]
    expected = normed @ state["classifier.weight"].T + state["classifier.bias"]
    torch.testing.assert_close(run(converted.classifier(), IMAGES).logits, expected)


def test_pipelines_and_the_processor(folder):
    processor = AutoImageProcessor.from_pretrained(folder)
    assert processor.size == {"height": 12, "width": 12}
    image = Image.new("RGB", (40, 30), "teal")
    labels = {found["label"] for found in pipeline("image-classification", str(folder))(image)}
    assert labels < {f"LABEL_{number}" for number in range(6)}
    features = pipeline("image-feature-extraction", str(folder))(image, return_tensors=True, pool=True)
    assert features.shape == (1, 16)


def test_what_each_class_saves_afterwards_is_its_own(folder, tmp_path):
    encoder = AligNetVisionModel.from_pretrained(folder)
    encoder.save_pretrained(tmp_path / "encoder")
    again, info = AligNetVisionModel.from_pretrained(tmp_path / "encoder", output_loading_info=True)
    assert not any(info.values())
    assert again.config.architectures == ["AligNetVisionModel"]
    classifier = AligNetForImageClassification.from_pretrained(folder)
    classifier.save_pretrained(tmp_path / "classifier")
    again, info = AligNetForImageClassification.from_pretrained(tmp_path / "classifier", output_loading_info=True)
    assert not any(info.values())
    torch.testing.assert_close(run(again, IMAGES).logits, run(classifier, IMAGES).logits, rtol=0, atol=0)
    # A classifier of other labels is new, norm and all.
    fresh = AligNetForImageClassification.from_pretrained(tmp_path / "encoder", num_labels=3)
    assert fresh.classifier_norm.weight.tolist() == [1.0] * 16
    assert run(fresh, IMAGES).logits.shape == (2, 3)


def test_exports_and_cards_of_a_folder_with_both_heads(folder, tmp_path, converted):
    assert open_model(folder).heads == ("triplet_head", "classifier")
    export_native(folder, tmp_path / "native")
    native = AutoModel.from_pretrained(tmp_path / "native")
    torch.testing.assert_close(
        run(native, IMAGES).pooler_output, run(converted.model, IMAGES).pooler_output, rtol=0, atol=0
    )
    readme = (tmp_path / "native" / "README.md").read_text()
    assert "The triplet head that the model was trained with is left out. The classifier is left out" in readme
    text, _ = card_text(folder)
    assert "pipeline_tag: image-feature-extraction" in text
    assert "`AutoModelForImageClassification` loads the folder with its head of 6 labels" in text
    assert "AutoModel.from_pretrained" in text


def test_a_thousand_labels_have_imagenets_names(tmp_path):
    converted = convert_variables(anonymous(leaves_of(SIGLIP), SIZES | {"labels": 1000}))
    classifier = AligNetForImageClassification.from_pretrained(converted.save(tmp_path / "model"))
    assert classifier.config.num_labels == 1000
    assert classifier.config.id2label[207] == "golden retriever"
    assert classifier.config.label2id["toilet tissue, toilet paper, bathroom tissue"] == 999


def test_checkpoints_without_one_head_or_both(tmp_path):
    bare = convert_variables(anonymous(leaves_of(SIGLIP, NO_HEADS)))
    assert bare.model.triplet_head is None
    with pytest.raises(InputError, match="there is no classifier among the variables"):
        bare.classifier()
    loaded, info = AligNetVisionModel.from_pretrained(bare.save(tmp_path / "bare"), output_loading_info=True)
    assert not any(info.values())
    assert loaded.config.architectures == ["AligNetVisionModel"]
    labelled = convert_variables(anonymous(leaves_of(SIGLIP, Heads(triplet=False, imagenet=True))))
    both = labelled.save(tmp_path / "labelled")
    assert open_model(both).heads == ("classifier",)
    assert AligNetVisionModel.from_pretrained(both).triplet_head is None


def test_a_linear_head_in_the_tree_is_a_classifier_without_norm(tmp_path):
    vit = layout("vit", pool="tok", head=True)
    variables = named(leaves_of(vit, NO_HEADS))
    converted = convert_variables(variables)
    assert converted.model.config.classifier_norm is False
    classifier = AligNetForImageClassification.from_pretrained(converted.save(tmp_path / "model"))
    arrays = arrays_of(variables)
    expected = run(converted.model, IMAGES).pooler_output @ arrays["head/kernel"] + arrays["head/bias"]
    torch.testing.assert_close(run(classifier, IMAGES).logits, expected)


def test_what_is_left_out_is_said():
    converted = convert_variables(named(leaves_of(layout("cappa", rep_size=True, head=True), NO_HEADS)))
    assert converted.notes == (
        "a-file.npz: left out pre_logits/bias, pre_logits/kernel: no model of transformers has a tanh layer behind "
        "this pooling; the representation is what it pools",
        "a-file.npz: left out head/bias, head/kernel: it reads pre_logits, which is left out",
    )


def test_half_precision_is_converted_and_said():
    exact, half = (anonymous(leaves_of(SIGLIP), dtype=dtype) for dtype in (torch.float32, torch.float16))
    converted = convert_variables(half)
    assert converted.model.dtype == torch.float32
    assert converted.notes == ("a-model: of 58 variables 58 in float16; converted to float32",)
    wanted = convert_variables(exact).model.state_dict()
    for name, weight in converted.model.state_dict().items():
        torch.testing.assert_close(weight, wanted[name].half().float(), rtol=0, atol=0)


def test_values_that_are_not_finite_are_refused():
    def spoilt(variable):
        return torch.where(torch.arange(variable.shape[-1]) == 1, torch.nan, variable.read())

    variables = anonymous(leaves_of(SIGLIP))
    items = tuple(replace(one, read=lambda one=one: spoilt(one)) if one.name == "20" else one for one in variables)
    with pytest.raises(InputError, match=r"variable 20 \(.+\) holds values that are not finite"):
        convert_variables(replace(variables, items=items))


def test_each_variable_is_read_once(monkeypatch):
    reads = []

    def counted(variable):
        return replace(variable, read=lambda: (reads.append(variable.name), variable.read())[1])

    variables = anonymous(leaves_of(SIGLIP))
    convert_variables(replace(variables, items=tuple(map(counted, variables))))
    assert sorted(reads, key=int) == [variable.name for variable in variables]


def test_image_sizes():
    variables = anonymous(leaves_of(SIGLIP))
    assert convert_variables(variables, image_size=12).processor.size["width"] == 12
    with pytest.raises(InputError, match="a-model: its table of positions is for images of 12 pixels, not 16"):
        convert_variables(variables, image_size=16)
    sincos = anonymous(leaves_of(layout("cappa", learned=False)))
    assert convert_variables(sincos).model.config.image_size == 224
    assert convert_variables(sincos, image_size=20).model.config.image_size == 20
    with pytest.raises(InputError, match="images of 18 pixels are not whole patches of 4"):
        convert_variables(sincos, image_size=18)
    large = SIZES | {"patch": 56, "tokens": 26}  # for images of 280 pixels
    dinov2 = convert_variables(anonymous(leaves_of(layout("dinov2")), large), "dinov2:heads=2")
    assert dinov2.model.backbone.embeddings.position_embeddings.shape == (1, 17, 16)
    assert dinov2.processor.size["height"] == 224


def test_the_processor_gives_what_the_encoder_was_trained_on():
    white = Image.new("RGB", (40, 30), "white")

    def whiteness(converted) -> list[float]:
        pixels = converted.processor(images=[white], return_tensors="pt")["pixel_values"]
        assert pixels.shape == (1, 3, 12, 12)
        return pixels[0, :, 6, 6].tolist()

    assert whiteness(convert_variables(anonymous(leaves_of(SIGLIP)))) == [1.0] * 3
    assert whiteness(convert_variables(named(leaves_of(SIGLIP)))) == [1.0] * 3
    own = convert_variables(named(leaves_of(SIGLIP, NO_HEADS)))
    assert whiteness(own) == [1.0] * 3
    black = own.processor(images=[Image.new("RGB", (4, 4))], return_tensors="pt")["pixel_values"]
    assert black.unique().tolist() == [-1.0]
    sizes = SIZES | {"tokens": 10}
    dinov2 = convert_variables(named(leaves_of(layout("dinov2"), NO_HEADS), sizes), "dinov2:heads=2")
    assert whiteness(dinov2) == pytest.approx([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])
    clip = convert_variables(named(leaves_of(layout("clip", tells_heads=True), NO_HEADS), sizes))
    assert whiteness(clip)[0] == pytest.approx((1 - 0.48145466) / 0.26862954)


def test_a_folder_that_holds_something_is_kept(converted, tmp_path):
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(InputError, match="is there already"):
        converted.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_save_that_fails_leaves_nothing(converted, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("no")

    monkeypatch.setattr(type(converted.processor), "save_pretrained", fail)
    with pytest.raises(OSError, match="no"):
        converted.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
