import pytest
import torch
from backbones import FAMILIES, run, tiny_backbone, tiny_inputs
from transformers import AutoModel, ResNetConfig

from alignet_hf.configuration_alignet import POOLINGS, AligNetVisionConfig
from alignet_hf.hub.export import export_native
from alignet_hf.hub.reading import reading
from alignet_hf.modeling_alignet import AligNetVisionModel


def poolings_of(backbone):
    """Those that the family has."""
    for pooling in POOLINGS:
        try:
            yield AligNetVisionConfig(vision_config=backbone.config, pooling=pooling).pooling
        except ValueError:
            continue


def assert_reads_the_representation(backbone, inputs, folder):
    AligNetVisionModel.from_backbone(backbone).save_pretrained(folder / "model")
    native = AutoModel.from_pretrained(export_native(folder / "model", folder / "native"))
    assert type(native) is type(backbone)
    outputs, seen = run(native, inputs), []
    for pooling in poolings_of(backbone):
        model = AligNetVisionModel.from_backbone(backbone, pooling=pooling)
        read = eval(reading(model.config), {"outputs": outputs, "inputs": inputs, "torch": torch})
        torch.testing.assert_close(read, run(model, inputs).pooler_output, rtol=0, atol=1e-6)
        seen.append(pooling)
    return seen


@pytest.mark.parametrize("family", FAMILIES)
def test_every_pooling_of_every_family(family, tmp_path):
    poolings = assert_reads_the_representation(tiny_backbone(family), tiny_inputs(family), tmp_path)
    assert {"auto", "mean", "patch-mean", "pooler"} <= set(poolings)
    assert ("cls" in poolings) == ("cls+patch-mean" in poolings)
    assert ("cls" in poolings) == (family not in ("siglip", "siglip2", "swin", "convnext", "convnextv2"))


def test_padding_is_not_part_of_a_mean():
    # Of the inputs the second image has 10 patches of 16: the mean must not change with what stands in the others.
    backbone, inputs = tiny_backbone("siglip2"), tiny_inputs("siglip2")
    expression = reading(AligNetVisionConfig(vision_config=backbone.config, pooling="mean"))
    outputs = run(backbone, inputs)
    expected = outputs.last_hidden_state[1, :10].mean(0)
    torch.testing.assert_close(eval(expression)[1], expected)


def test_siglip_without_its_pooling_head(tmp_path):
    backbone = tiny_backbone("siglip", vision_use_head=False)
    assert "pooler" not in assert_reads_the_representation(backbone, tiny_inputs("siglip"), tmp_path)
    assert reading(AligNetVisionConfig(vision_config=backbone.config)) == "outputs.last_hidden_state.mean(1)"


def test_a_family_nobody_described(tmp_path):
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 32], depths=[1, 1])
    backbone = AutoModel.from_config(config).eval()
    assert assert_reads_the_representation(backbone, tiny_inputs("resnet"), tmp_path) == ["auto", "mean", "pooler"]
    assert run(backbone, tiny_inputs("resnet")).pooler_output.ndim == 4  # so the expression has to flatten it


@pytest.mark.parametrize(
    ("family", "pooling", "expression"),
    [
        ("vit", "auto", "outputs.last_hidden_state[:, 0]"),
        ("deit", "patch-mean", "outputs.last_hidden_state[:, 2:].mean(1)"),
        ("dinov2_with_registers", "patch-mean", "outputs.last_hidden_state[:, 4:].mean(1)"),
        ("siglip", "auto", "outputs.pooler_output"),
        ("convnext", "mean", "outputs.last_hidden_state.mean((2, 3))"),
    ],
)
def test_expressions_are_short(family, pooling, expression):
    config = AligNetVisionConfig(vision_config=tiny_backbone(family).config, pooling=pooling)
    assert reading(config) == expression
