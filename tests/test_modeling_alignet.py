import pytest
import torch
from backbones import FAMILIES, assert_same, assert_same_weights, run, tiny_backbone, tiny_inputs
from torch.nn import functional as F
from transformers import AutoModel, ResNetConfig
from transformers.modeling_layers import GradientCheckpointingLayer

from alignet_hf.modeling_alignet import AligNetForImageClassification, AligNetVisionModel

every_family = pytest.mark.parametrize("family", FAMILIES)


def representation_by_hand(family, backbone, outputs):
    """The paper's representation, from the native model's parts."""
    tokens = outputs.last_hidden_state
    if family in ("siglip", "siglip2"):
        return outputs.pooler_output
    if family == "clip":
        return backbone.post_layernorm(tokens[:, 0])
    if family == "beit":
        return backbone.pooler.layernorm(tokens[:, 1:].mean(1))
    if family == "swin":
        return tokens.mean(1)
    if family in ("convnext", "convnextv2"):
        return backbone.layernorm(tokens.mean((2, 3)))
    return tokens[:, 0]


@every_family
def test_auto_pooling_is_the_papers_representation(family):
    backbone, inputs = tiny_backbone(family), tiny_inputs(family)
    model = AligNetVisionModel.from_backbone(backbone)
    ours, native = run(model, inputs), run(backbone, inputs)
    assert_same(ours.last_hidden_state, native.last_hidden_state)
    torch.testing.assert_close(ours.pooler_output, representation_by_hand(family, backbone, native))
    assert_same(ours.triplet_embeds, ours.pooler_output)
    assert ours.pooler_output.shape == (3, model.config.hidden_size) == (3, 32)


def test_vit_is_not_represented_by_its_tanh_pooler():
    backbone, inputs = tiny_backbone("vit"), tiny_inputs("vit")
    native = run(backbone, inputs).pooler_output
    assert not torch.allclose(run(AligNetVisionModel.from_backbone(backbone), inputs).pooler_output, native)
    assert_same(run(AligNetVisionModel.from_backbone(backbone, pooling="pooler"), inputs).pooler_output, native)


@every_family
def test_mean_poolings(family):
    backbone, inputs = tiny_backbone(family), tiny_inputs(family)
    tokens = run(backbone, inputs).last_hidden_state
    if tokens.ndim == 4:
        tokens = torch.stack([tokens[:, :, y, x] for y in range(tokens.shape[2]) for x in range(tokens.shape[3])], 1)
    if family == "siglip2":
        n_tokens = inputs["pixel_attention_mask"].sum(1)
        tokens = [image[:n] for image, n in zip(tokens, n_tokens, strict=True)]
    prefix = {"deit": 2, "dinov2_with_registers": 4, "dinov3_vit": 4}.get(family, 1)
    prefix = 0 if family in ("siglip", "siglip2", "swin", "convnext", "convnextv2") else prefix
    for pooling, start in (("mean", 0), ("patch-mean", prefix)):
        ours = run(AligNetVisionModel.from_backbone(backbone, pooling=pooling), inputs).pooler_output
        torch.testing.assert_close(ours, torch.stack([image[start:].mean(0) for image in tokens]))


def test_the_class_token_with_the_patches_mean_behind_it():
    backbone, inputs = tiny_backbone("dinov2_with_registers"), tiny_inputs("dinov2_with_registers")
    tokens = run(backbone, inputs).last_hidden_state
    model = AligNetVisionModel.from_backbone(backbone, pooling="cls+patch-mean", projection_dim=5)
    outputs = run(model, inputs)
    torch.testing.assert_close(outputs.pooler_output[:, :32], tokens[:, 0])
    torch.testing.assert_close(outputs.pooler_output[:, 32:], tokens[:, 4:].mean(1))
    assert model.config.hidden_size == 64
    assert outputs.triplet_embeds.shape == (3, 5)


def test_a_family_nobody_described_gives_its_own_pooled_output():
    backbone = AutoModel.from_config(ResNetConfig(embedding_size=8, hidden_sizes=[8, 32], depths=[1, 1])).eval()
    inputs = tiny_inputs("resnet")
    expected = run(backbone, inputs).pooler_output[:, :, 0, 0]
    assert_same(run(AligNetVisionModel.from_backbone(backbone, projection_dim=5), inputs).pooler_output, expected)


@every_family
def test_hidden_states_are_the_backbones(family):
    backbone, inputs = tiny_backbone(family), tiny_inputs(family)
    model = AligNetVisionModel.from_backbone(backbone)
    native = run(backbone, inputs, output_hidden_states=True).hidden_states
    asked = run(model, inputs, output_hidden_states=True).hidden_states
    model.config.output_hidden_states = True
    configured = run(model, inputs).hidden_states
    assert len(native) >= 3
    for states in zip(native, asked, configured, strict=True):
        assert_same(states[0], states[1])
        assert_same(states[0], states[2])
    model.config.output_hidden_states = False
    assert run(model, inputs).hidden_states is None


@every_family
def test_outputs_as_a_tuple_begin_with_the_last_hidden_state(family):
    model, inputs = AligNetVisionModel.from_backbone(tiny_backbone(family)), tiny_inputs(family)
    assert_same(run(model, inputs, return_dict=False)[0], run(model, inputs).last_hidden_state)


def test_attentions():
    model = AligNetVisionModel.from_backbone(tiny_backbone("dinov2"))
    assert model.backbone.config._attn_implementation == "sdpa"
    model.set_attn_implementation("eager")
    attentions = run(model, tiny_inputs("dinov2"), output_attentions=True).attentions
    assert [a.shape for a in attentions] == [(3, 4, 17, 17)] * 2
    torch.testing.assert_close(attentions[0].sum(-1), torch.ones(3, 4, 17))


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "siglip2"])
def test_other_image_sizes(family):
    backbone = tiny_backbone(family)
    model = AligNetVisionModel.from_backbone(backbone)
    images = torch.rand(2, 3, 48, 64)
    native = run(backbone, {"pixel_values": images}, interpolate_pos_encoding=True).last_hidden_state
    ours = run(model, {"pixel_values": images}, interpolate_pos_encoding=True)
    assert_same(ours.last_hidden_state, native)
    assert ours.pooler_output.shape == (2, 32)


def gradients(model, inputs):
    model.zero_grad()
    # Every part of the output takes part; another loss for every image, lest norms make it constant.
    embeds = model(**inputs).triplet_embeds
    (embeds * torch.linspace(-1, 1, embeds.numel()).view_as(embeds)).sum().backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


@every_family
def test_activation_checkpointing_gives_the_same_gradients(family):
    model, inputs = AligNetVisionModel.from_backbone(tiny_backbone(family), projection_dim=5), tiny_inputs(family)
    if not model.backbone.supports_gradient_checkpointing:
        with pytest.raises(ValueError, match="does not support"):
            model.activation_checkpointing_enable()
        return
    for module in model.modules():  # only what looks at the mode to checkpoint: nothing may be drawn at random
        module.training = isinstance(module, GradientCheckpointingLayer)
    plain = gradients(model, inputs)
    model.activation_checkpointing_enable()
    assert model.is_activation_checkpointing
    checkpointed = gradients(model, inputs)
    assert plain.keys() == checkpointed.keys()
    assert any("backbone" in name for name in plain)
    for name in plain:
        torch.testing.assert_close(checkpointed[name], plain[name])


@every_family
def test_bfloat16(family):
    model = AligNetVisionModel.from_backbone(tiny_backbone(family).bfloat16(), projection_dim=5)
    outputs = run(model, tiny_inputs(family))  # the pixels are float32, as processors give them
    assert outputs.triplet_embeds.dtype == torch.bfloat16
    assert outputs.triplet_embeds.isfinite().all()


def test_the_head_keeps_the_scale_of_the_representation():
    torch.manual_seed(0)
    head = AligNetVisionModel.from_backbone(tiny_backbone("vit"), projection_dim=512).triplet_head
    assert head.weight.std().item() == pytest.approx(32**-0.5, rel=0.05)
    assert not head.bias.any()


def test_modules_not_to_split_are_the_backbones():
    backbone = tiny_backbone("dinov2")
    assert AligNetVisionModel.from_backbone(backbone)._no_split_modules == backbone._no_split_modules != set()


@every_family
def test_classifier_on_the_representation(family, tmp_path):
    model = AligNetVisionModel.from_backbone(tiny_backbone(family), projection_dim=5)
    model.save_pretrained(tmp_path)
    classifier, info = AligNetForImageClassification.from_pretrained(tmp_path, num_labels=4, output_loading_info=True)
    assert info["missing_keys"] == {"classifier.weight", "classifier.bias"}
    assert not info["unexpected_keys"]
    assert_same_weights(classifier.backbone, model.backbone)

    inputs, labels = tiny_inputs(family), torch.tensor([3, 0, 1])
    outputs = classifier(**inputs, labels=labels)
    expected = F.linear(run(model, inputs).pooler_output, *classifier.classifier.parameters())
    torch.testing.assert_close(outputs.logits, expected)
    torch.testing.assert_close(outputs.loss, F.cross_entropy(expected, labels))
    outputs.loss.backward()
    assert any(weight.grad is not None and weight.grad.any() for weight in classifier.backbone.parameters())
    assert run(classifier, inputs).loss is None


def test_a_classifier_may_normalise_the_representation(tmp_path):
    model = AligNetVisionModel.from_backbone(tiny_backbone("vit"), projection_dim=5)
    model.save_pretrained(tmp_path / "model")
    options = {"num_labels": 4, "classifier_norm": True, "classifier_norm_eps": 0.5}
    classifier, info = AligNetForImageClassification.from_pretrained(
        tmp_path / "model", **options, output_loading_info=True
    )
    new = {f"classifier{part}.{kind}" for part in ("", "_norm") for kind in ("weight", "bias")}
    assert info["missing_keys"] == new
    assert classifier.classifier_norm.weight.tolist() == [1.0] * 32
    assert not classifier.classifier_norm.bias.any()
    torch.nn.init.normal_(classifier.classifier_norm.weight)
    inputs = tiny_inputs("vit")
    normed = F.layer_norm(run(model, inputs).pooler_output, (32,), classifier.classifier_norm.weight, eps=0.5)
    expected = F.linear(normed, *classifier.classifier.parameters())
    torch.testing.assert_close(run(classifier, inputs).logits, expected)

    classifier.save_pretrained(tmp_path / "classifier")
    again, info = AligNetForImageClassification.from_pretrained(tmp_path / "classifier", output_loading_info=True)
    assert not any(info.values())
    assert_same(run(again, inputs).logits, run(classifier, inputs).logits)
    encoder, info = AligNetVisionModel.from_pretrained(tmp_path / "classifier", output_loading_info=True)
    assert not info["unexpected_keys"]
    assert_same_weights(encoder.backbone, model.backbone)


def test_a_classifier_has_no_norm_unless_it_is_asked_for():
    config = AligNetVisionModel.from_backbone(tiny_backbone("vit")).config
    names = {name for name in AligNetForImageClassification(config).state_dict() if not name.startswith("backbone.")}
    assert names == {"classifier.weight", "classifier.bias"}


def test_lora():
    peft = pytest.importorskip("peft")
    model = AligNetVisionModel.from_backbone(tiny_backbone("dinov2"), projection_dim=5)
    inputs = tiny_inputs("dinov2")
    before = run(model, inputs).triplet_embeds
    targets = ["q_proj", "v_proj"]
    lora = peft.get_peft_model(model, peft.LoraConfig(target_modules=targets, modules_to_save=["triplet_head"]))
    lora.enable_input_require_grads()
    lora.base_model.model.activation_checkpointing_enable()
    lora.train()
    lora(**inputs).triplet_embeds.square().sum().backward()
    trained = {name for name, weight in lora.named_parameters() if weight.grad is not None}
    assert trained
    assert all("lora_" in name or "triplet_head" in name for name in trained)
    lora.eval()
    assert_same(run(lora, inputs).triplet_embeds, before)  # LoRA's B is zero at first
    assert type(lora.merge_and_unload()) is AligNetVisionModel


def test_compile():
    model, inputs = AligNetVisionModel.from_backbone(tiny_backbone("dinov2"), projection_dim=5), tiny_inputs("dinov2")
    expected = run(model, inputs).triplet_embeds
    compiled = torch.compile(model, backend="aot_eager")  # traced whole, forward and backward; no compiler needed
    torch.testing.assert_close(run(compiled, inputs).triplet_embeds, expected)
    compiled(**inputs).triplet_embeds.sum().backward()
    assert model.triplet_head.weight.grad is not None
