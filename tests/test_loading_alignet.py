"""Loading, saving and taking apart: from_backbone, save_pretrained, export_backbone, folders that carry their code."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from backbones import (
    FAMILIES,
    TWO_TOWER_FAMILIES,
    assert_same,
    assert_same_weights,
    run,
    tiny_backbone,
    tiny_inputs,
    tiny_two_tower,
)
from torch.nn import functional as F
from transformers import (
    Aimv2Config,
    Aimv2Model,
    AutoImageProcessor,
    AutoModel,
    AutoModelForImageClassification,
    CLIPVisionModelWithProjection,
    Dinov2Backbone,
    ViTForImageClassification,
)

from alignet_hf.configuration_alignet import AligNetVisionConfig
from alignet_hf.image_processing_alignet import AligNetImageProcessor
from alignet_hf.modeling_alignet import AligNetForImageClassification, AligNetVisionModel

every_family = pytest.mark.parametrize("family", FAMILIES)


@every_family
def test_save_and_load_both_ways(family, tmp_path):
    backbone, inputs = tiny_backbone(family), tiny_inputs(family)
    native = run(backbone, inputs)
    backbone.save_pretrained(tmp_path / "native")

    model = AligNetVisionModel.from_backbone(tmp_path / "native", projection_dim=5)
    assert not model.training
    assert_same_weights(model.backbone, backbone)
    model.save_pretrained(tmp_path / "alignet")
    loaded, info = AligNetVisionModel.from_pretrained(tmp_path / "alignet", output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    for ours in (run(model, inputs), run(loaded, inputs)):
        assert_same(ours.last_hidden_state, native.last_hidden_state)
        assert_same(ours.triplet_embeds, F.linear(ours.pooler_output, *model.triplet_head.parameters()))

    assert str(tmp_path) not in (tmp_path / "alignet" / "config.json").read_text()

    loaded.export_backbone(tmp_path / "exported")
    exported = AutoModel.from_pretrained(tmp_path / "exported")
    assert type(exported) is type(backbone)
    assert_same(run(exported, inputs).last_hidden_state, native.last_hidden_state)
    assert_same(run(exported, inputs).pooler_output, native.pooler_output)


@every_family
def test_a_native_checkpoint_loads_into_the_wrapper(family, tmp_path):
    backbone = tiny_backbone(family)
    backbone.save_pretrained(tmp_path)
    config = AligNetVisionConfig(vision_config=backbone.config, projection_dim=5)
    model, info = AligNetVisionModel.from_pretrained(tmp_path, config=config, output_loading_info=True)
    assert_same_weights(model.backbone, backbone)
    assert info["missing_keys"] == {"triplet_head.weight", "triplet_head.bias"}
    with pytest.raises(ValueError, match="from_backbone"):
        AligNetVisionModel.from_pretrained(tmp_path)


@pytest.mark.parametrize("family", TWO_TOWER_FAMILIES)
def test_a_two_tower_model_is_taken_apart(family, tmp_path):
    two_towers, inputs = tiny_two_tower(family), tiny_inputs(family)
    two_towers.save_pretrained(tmp_path)
    expected = run(two_towers.vision_model, inputs)
    for source in (two_towers, tmp_path):
        model = AligNetVisionModel.from_backbone(source)
        assert_same_weights(model.backbone, two_towers.vision_model)
        assert_same(run(model, inputs).pooler_output, expected.pooler_output)


def test_two_towers_whose_vision_weights_only_the_whole_model_reads(tmp_path):
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = {**sizes, "vocab_size": 40, "max_position_embeddings": 8, "eos_token_id": 2}
    two_towers = Aimv2Model(Aimv2Config(text_config=text, vision_config={**sizes, "image_size": 32, "patch_size": 8}))
    two_towers.save_pretrained(tmp_path)
    assert_same_weights(AligNetVisionModel.from_backbone(tmp_path).backbone, two_towers.vision_model)


def test_task_models_give_the_model_they_stand_on(tmp_path):
    task_model = ViTForImageClassification(tiny_backbone("vit").config).eval()
    inputs = tiny_inputs("vit")
    model = AligNetVisionModel.from_backbone(task_model)
    assert model.backbone is task_model.vit
    expected = run(task_model.vit, inputs).last_hidden_state[:, 0]
    assert_same(run(model, inputs).pooler_output, expected)
    # This ViT has no pooler: neither is it missed.
    model.save_pretrained(tmp_path / "alignet")
    loaded, info = AligNetVisionModel.from_pretrained(tmp_path / "alignet", output_loading_info=True)
    assert not info["missing_keys"]
    assert_same(run(loaded, inputs).pooler_output, expected)
    task_model.save_pretrained(tmp_path / "native")
    assert_same(run(AligNetVisionModel.from_backbone(tmp_path / "native"), inputs).pooler_output, expected)
    with pytest.raises(ValueError, match="lacks weights"):
        AligNetVisionModel.from_backbone(tmp_path / "native", pooling="pooler")
    with pytest.raises(ValueError, match="no pooler_output"):
        AligNetVisionModel.from_backbone(task_model, pooling="pooler")(**inputs)

    projected = CLIPVisionModelWithProjection(tiny_backbone("clip").config)
    assert AligNetVisionModel.from_backbone(projected).backbone is projected.vision_model


def test_what_cannot_be_wrapped(tmp_path):
    with pytest.raises(ValueError, match="Dinov2Backbone: this is not what AutoModel builds"):
        AligNetVisionModel.from_backbone(Dinov2Backbone(tiny_backbone("dinov2").config))
    with pytest.raises(ValueError, match="no CLS token"):
        AligNetVisionModel.from_backbone(tiny_backbone("swin"), pooling="cls")
    with pytest.raises(ValueError, match="dtype: only for a model to be loaded"):
        AligNetVisionModel.from_backbone(tiny_backbone("vit"), dtype="bfloat16")
    model = AligNetVisionModel.from_backbone(tiny_backbone("vit"))
    model.save_pretrained(tmp_path)
    for source in (model, tmp_path):
        with pytest.raises(ValueError, match="AligNet model already"):
            AligNetVisionModel.from_backbone(source)


def test_a_checkpoint_that_lacks_weights_is_refused(tmp_path):
    backbone = tiny_backbone("dinov2")
    state = {name: weight for name, weight in backbone.state_dict().items() if "layer.1.norm" not in name}
    backbone.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(ValueError, match=r"lacks weights.*layer\.1\.norm"):
        AligNetVisionModel.from_backbone(tmp_path)


def test_loading_options_reach_the_backbone(tmp_path):
    tiny_backbone("vit").save_pretrained(tmp_path)
    model = AligNetVisionModel.from_backbone(
        tmp_path, projection_dim=5, dtype=torch.bfloat16, attn_implementation="eager"
    )
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    assert model.backbone.config._attn_implementation == "eager"


def test_auto_classes_know_saved_folders(tmp_path):
    model = AligNetVisionModel.from_backbone(tiny_backbone("dinov2"), projection_dim=5)
    model.save_pretrained(tmp_path / "student")
    AligNetImageProcessor().save_pretrained(tmp_path / "student")
    assert type(AutoModel.from_pretrained(tmp_path / "student")) is AligNetVisionModel
    assert type(AutoImageProcessor.from_pretrained(tmp_path / "student")) is AligNetImageProcessor
    classifier = AutoModelForImageClassification.from_pretrained(tmp_path / "student", num_labels=4)
    assert type(classifier) is AligNetForImageClassification
    classifier.save_pretrained(tmp_path / "classifier")
    assert AutoModelForImageClassification.from_pretrained(tmp_path / "classifier").num_labels == 4


WITHOUT_THE_PACKAGE = """
import importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] == "alignet_hf":
            raise ImportError("alignet_hf is not installed")

sys.meta_path.insert(0, Blocker())
import numpy as np, torch
from transformers import AutoImageProcessor, AutoModel, AutoModelForImageClassification

student, classifier = sys.argv[1:]
processor = AutoImageProcessor.from_pretrained(student, trust_remote_code=True)
model = AutoModel.from_pretrained(student, trust_remote_code=True)
inputs = processor(images=[np.load(student + "/image.npy")], return_tensors="pt")
with torch.no_grad():
    np.save(student + "/embeds.npy", model(**inputs).triplet_embeds.numpy())
model.save_pretrained(student + "/again")
model = AutoModelForImageClassification.from_pretrained(classifier, trust_remote_code=True)
with torch.no_grad():
    np.save(student + "/logits.npy", model(**inputs).logits.numpy())
assert "alignet_hf" not in sys.modules
"""


def test_saved_folders_run_without_the_package(tmp_path):
    student, classifier_folder = tmp_path / "student", tmp_path / "classifier"
    model = AligNetVisionModel.from_backbone(tiny_backbone("dinov2"), projection_dim=5)
    model.save_pretrained(student)
    AligNetImageProcessor(size={"height": 32, "width": 32}).save_pretrained(student)
    classifier = AligNetForImageClassification.from_pretrained(student, num_labels=4)
    classifier.save_pretrained(classifier_folder)
    image = np.random.default_rng(0).integers(0, 256, (50, 40, 3), np.uint8)
    np.save(student / "image.npy", image)

    environment = {**os.environ, "HF_MODULES_CACHE": str(tmp_path / "modules"), "HF_HUB_OFFLINE": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_PACKAGE, student, classifier_folder],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    inputs = AutoImageProcessor.from_pretrained(student)(images=[image], return_tensors="pt")
    for name, expected in (("embeds", run(model, inputs).triplet_embeds), ("logits", run(classifier, inputs).logits)):
        torch.testing.assert_close(torch.from_numpy(np.load(student / f"{name}.npy")), expected)
    for name in ("configuration_alignet.py", "modeling_alignet.py", "image_processing_alignet.py"):
        assert (student / name).exists()
    assert (student / "again" / "modeling_alignet.py").exists()  # a copy's copy runs too


def test_a_given_model_is_wrapped_as_it_is():
    backbone, same = tiny_backbone("vit"), tiny_backbone("vit")
    for module in backbone.modules():  # as after surgery: transformers takes modules without the mark for new
        vars(module).pop("_is_hf_initialized", None)
    model = AligNetVisionModel.from_backbone(backbone, projection_dim=5)
    assert model.backbone is backbone
    assert_same_weights(backbone, same)
    assert backbone.config._attn_implementation == same.config._attn_implementation == "sdpa"
