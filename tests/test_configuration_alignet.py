import pytest
from backbones import FAMILIES, tiny_backbone
from transformers import ViTConfig

from alignet_hf.configuration_alignet import POOLINGS, AligNetVisionConfig

AUTO = {"vit": "cls", "deit": "cls", "dinov2": "cls", "dinov2_with_registers": "cls", "dinov3_vit": "cls"}
WITHOUT_CLS = ("siglip", "siglip2", "swin", "convnext", "convnextv2")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_resolves_every_pooling_or_refuses_it(family):
    vision_config = tiny_backbone(family).config
    assert AligNetVisionConfig(vision_config=vision_config).resolved_pooling == AUTO.get(family, "pooler")
    for pooling in POOLINGS[1:]:
        if pooling in ("cls", "cls+patch-mean") and family in WITHOUT_CLS:
            with pytest.raises(ValueError, match="no CLS token"):
                AligNetVisionConfig(vision_config=vision_config, pooling=pooling)
        else:
            assert AligNetVisionConfig(vision_config=vision_config, pooling=pooling).resolved_pooling == pooling


@pytest.mark.parametrize("family", ["siglip", "siglip2"])
def test_an_encoder_without_its_pooling_head_is_averaged(family):
    vision_config = tiny_backbone(family, vision_use_head=False).config
    assert AligNetVisionConfig(vision_config=vision_config).resolved_pooling == "mean"
    with pytest.raises(ValueError, match="vision_use_head"):
        AligNetVisionConfig(vision_config=vision_config, pooling="pooler")


def test_unknown_pooling_names_those_there_are():
    with pytest.raises(ValueError, match=r"auto, cls, mean, patch-mean, cls\+patch-mean, pooler; got 'max'"):
        AligNetVisionConfig(pooling="max")


def test_an_unknown_family_is_refused_where_its_tokens_matter():
    vision_config = {"model_type": "resnet"}
    assert AligNetVisionConfig(vision_config=vision_config).resolved_pooling == "pooler"
    with pytest.raises(ValueError, match=r"'patch-mean'.*resnet"):
        AligNetVisionConfig(vision_config=vision_config, pooling="patch-mean")


@pytest.mark.parametrize("projection_dim", [0, -3])
def test_head_width(projection_dim):
    with pytest.raises(ValueError, match="projection_dim"):
        AligNetVisionConfig(projection_dim=projection_dim)


@pytest.mark.parametrize("family", FAMILIES)
def test_round_trip(family, tmp_path):
    config = AligNetVisionConfig(
        vision_config=tiny_backbone(family).config, pooling="mean", projection_dim=7, num_labels=4
    )
    config.save_pretrained(tmp_path)
    loaded = AligNetVisionConfig.from_pretrained(tmp_path)
    assert loaded.to_dict() == config.to_dict() | {"architectures": loaded.architectures, "auto_map": loaded.auto_map}
    assert set(loaded.auto_map) == {"AutoConfig", "AutoModel", "AutoModelForImageClassification"}
    assert type(loaded.vision_config) is type(config.vision_config)
    assert loaded.hidden_size == 32
    assert loaded.num_labels == 4


def test_saved_fields_are_the_configured_ones():
    saved = AligNetVisionConfig(vision_config=ViTConfig(hidden_size=48, patch_size=4), projection_dim=7).to_diff_dict()
    assert set(saved) == {
        "vision_config",
        "pooling",
        "projection_dim",
        "model_type",
        "transformers_version",
        "auto_map",
    }
    assert saved["vision_config"]["model_type"] == "vit"
    assert saved["vision_config"]["hidden_size"] == 48


def test_sizes_are_the_backbones():
    config = AligNetVisionConfig(vision_config=ViTConfig(hidden_size=48, image_size=96, patch_size=4))
    assert (config.hidden_size, config.image_size, config.patch_size, config.num_channels) == (48, 96, 4, 3)


def test_a_native_configuration_is_refused(tmp_path):
    ViTConfig().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"'vit' model.*from_backbone"):
        AligNetVisionConfig.from_pretrained(tmp_path)
