"""What a configuration tells of an encoder is what the encoder is."""

import json

import pytest
import torch
from backbones import FAMILIES, TWO_TOWER_FAMILIES, tiny_backbone, tiny_inputs, tiny_two_tower
from transformers import AutoConfig, AutoImageProcessor, DeiTConfig, SiglipConfig

from alignet_hf import AligNetVisionModel
from alignet_hf.architecture import UnreachableError, architecture_of
from alignet_hf.encoders import check_encoder, open_teacher
from alignet_hf.errors import InputError
from alignet_hf.recipe import Encoder
from alignet_hf.surrogate.embed import embed_images

HIDDEN_LAYER = (".mlp.fc1", ".mlp.up_proj", ".intermediate.dense")  # what the families call the first of an MLP
PLAIN = ("vit", "deit", "dinov2", "dinov2_with_registers", "dinov3_vit", "siglip", "clip", "beit")


@pytest.mark.parametrize("family", PLAIN)
def test_sizes_are_those_of_the_model_itself(family, tmp_path):
    backbone = tiny_backbone(family)
    backbone.config.save_pretrained(tmp_path)
    found = architecture_of(Encoder(model=str(tmp_path)), projection_dim=5)
    model = AligNetVisionModel.from_backbone(backbone, projection_dim=5).eval()
    with torch.no_grad():
        outputs = model(**tiny_inputs(family))
    assert found.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert found.tokens == outputs.last_hidden_state.shape[1]
    assert found.dimensions == outputs.pooler_output.shape[1]
    assert found.pooling == model.config.resolved_pooling
    assert (found.width, found.depth, found.heads, found.patch, found.image_size) == (32, 2, 4, 8, 32)
    hidden = {len(module.bias) for name, module in model.named_modules() if name.endswith(HIDDEN_LAYER)}
    assert hidden == {found.intermediate}


@pytest.mark.parametrize("family", [family for family in TWO_TOWER_FAMILIES if family != "siglip2"])
def test_of_images_and_texts_it_is_the_image_encoder(family, tmp_path):
    model = tiny_two_tower(family)
    model.config.save_pretrained(tmp_path)
    found = architecture_of(Encoder(model=str(tmp_path)))
    assert found.parameters == sum(p.numel() for p in AligNetVisionModel.from_backbone(model).parameters())


@pytest.mark.parametrize("family", ["convnext", "swin"])
def test_what_a_family_has_not_is_none(family, tmp_path):
    tiny_backbone(family).config.save_pretrained(tmp_path)
    found = architecture_of(Encoder(model=str(tmp_path)))
    assert found.dimensions == 32
    assert found.heads is None
    assert "None" not in str(found)


def test_the_paper_s_sizes_from_their_configurations_alone(tmp_path):
    """428 million for So400m's image encoder, 86 for ViT-B and 0.6 for a pooler that is not used; no weights exist."""
    vision = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16}
    SiglipConfig(vision_config={**vision, "image_size": 384, "patch_size": 14}).save_pretrained(tmp_path / "so400m")
    DeiTConfig().save_pretrained(tmp_path / "vit-b")
    teacher, student = (architecture_of(Encoder(model=str(tmp_path / name))) for name in ("so400m", "vit-b"))
    assert teacher.parameters == pytest.approx(428e6, rel=0.01)
    assert student.parameters == pytest.approx(86.6e6, rel=0.01)
    assert (teacher.tokens, student.tokens) == (27**2, 14**2 + 2)


def test_images_are_as_large_as_the_processor_makes_them(tmp_path):
    tiny_backbone("dinov2").config.save_pretrained(tmp_path)
    processor = {"do_center_crop": True, "crop_size": {"height": 48, "width": 48}, "size": {"shortest_edge": 64}}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(processor))
    assert architecture_of(Encoder(model=str(tmp_path))).image_size == 48
    assert architecture_of(Encoder(model=str(tmp_path), image_size=16)).tokens == 5


def test_the_demo_s_encoders():
    teacher, student = (architecture_of(Encoder(model=name)) for name in ("demo-teacher", "demo-student"))
    assert (teacher.dimensions, teacher.image_size) == (1280, 224)
    assert (student.width, student.depth, student.patch) == (384, 12, 14)


def test_what_cannot_be_known_and_what_cannot_be(tmp_path):
    with pytest.raises(
        UnreachableError, match="google/siglip-so400m-patch14-384: no such folder, and the Hub cannot be reached"
    ):
        architecture_of(Encoder(model="google/siglip-so400m-patch14-384"))
    with pytest.raises(InputError, match=r"^demo-studnt: .*; did you mean demo-student\?$"):
        architecture_of(Encoder(model="demo-studnt"))
    with pytest.raises(InputError, match="data/checkpoints/nothing: no such folder, and no name on the Hub"):
        architecture_of(Encoder(model="data/checkpoints/nothing"))
    tiny_backbone("siglip").config.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="cannot be used as a vision model: pooling 'cls'"):
        architecture_of(Encoder(model=str(tmp_path), pooling="cls"))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match="cannot be loaded as a vision model"):
        architecture_of(Encoder(model=str(tmp_path)))


def test_a_size_that_a_model_takes_is_told_from_one_that_it_does_not(tmp_path):
    for family in FAMILIES:
        if family == "siglip2":  # whose images are rows of patches
            continue
        backbone = tiny_backbone(family)
        backbone.config.save_pretrained(tmp_path / family)
        for size in (32, 48):
            try:
                with torch.no_grad():
                    AligNetVisionModel.from_backbone(backbone)(torch.zeros(1, 3, size, size))
                takes = True
            except (ValueError, RuntimeError):
                takes = False
            encoder = Encoder(model=str(tmp_path / family), image_size=size)
            if takes:
                assert architecture_of(encoder).image_size == size
            else:
                with pytest.raises(
                    InputError, match=f"{family}: takes no images of {size} pixels .*; leave image_size"
                ):
                    architecture_of(encoder)
    with pytest.raises(InputError, match="vit: takes no images of 48 pixels"):  # before a run does anything
        check_encoder(Encoder(model=str(tmp_path / "vit"), image_size=48))


def test_there_is_one_try_of_a_hub_that_does_not_answer(monkeypatch):
    """And no word of transformers, which would try again and again."""
    tries = []
    monkeypatch.setattr("alignet_hf.architecture.hub_answers", lambda: tries.append(1) and False)
    monkeypatch.setattr(AutoConfig, "from_pretrained", lambda *_, **__: pytest.fail("transformers was asked"))
    monkeypatch.setattr(AutoImageProcessor, "from_pretrained", lambda *_, **__: pytest.fail("transformers was asked"))
    for work in (
        lambda: open_teacher(Encoder(model="nomodel")),
        lambda: check_encoder(Encoder(model="nomodel")),
        lambda: embed_images("nomodel", [None]),
    ):
        with pytest.raises(InputError, match=r"^nomodel: no such folder, and the Hub cannot be reached$"):
            work()
    assert len(tries) == 3
