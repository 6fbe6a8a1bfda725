"""The exported weights in timm's own models. timm runs in a process of its own, where a stand-in for torchvision, which
its package imports and its models do not use, cannot be seen by transformers."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
from backbones import run, tiny_inputs
from exports import readme_code, run_alone, saved_model
from transformers import SiglipImageProcessorPil, SiglipVisionConfig, ViTConfig

from alignet_hf.errors import InputError
from alignet_hf.hub.export import export_timm
from alignet_hf.hub.timm_config import FAMILIES, TIMM_EPSILON, _architecture
from alignet_hf.image_processing_alignet import AligNetImageProcessor

PROCESSOR = "from transformers import BitImageProcessor\n"  # before transformers could see the stand-in
STAND_IN = """
import importlib.abc, importlib.machinery, sys, types

def any_name(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return AnyName(name, (), {})

class AnyName(type):
    def __getattr__(cls, name):
        return any_name(name)

class TorchVision(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__getattr__ = any_name
        return module
    def exec_module(self, module):
        pass

sys.meta_path.insert(0, TorchVision())
import timm, torch
from functools import partial
"""
EVERY_FOLDER = """
import json, os
import numpy as np

for name in sorted(filter(os.path.isdir, os.listdir("."))):
    images = torch.from_numpy(np.load(name + "-in.npy"))
    config = json.load(open(name + "/config.json"))
    norm_layer = partial(torch.nn.LayerNorm, eps=1e-12) if name.startswith(("vit", "deit")) else None
    models = [
        timm.create_model("local-dir:" + name, pretrained=True),
        timm.create_model("local-dir:" + name, pretrained=True, norm_layer=norm_layer),
        timm.create_model(config["architecture"], checkpoint_path=name + "/model.safetensors", **config["model_args"]),
    ]
    assert models[0].num_features == config["num_features"]
    with torch.no_grad():
        np.save(name + "-out.npy", torch.stack([model.eval()(images) for model in models]).numpy())
"""
# Position tables of DINOv2 are larger than its images, as they are in its checkpoints.
BIG_TABLE = {"image_size": 64}
MODELS = {
    "vit-cls": ("vit", "auto", {}),
    "vit-mean": ("vit", "mean", {}),
    "vit-patch-mean": ("vit", "patch-mean", {"qkv_bias": False}),
    "deit-cls": ("deit", "auto", {}),
    "deit-mean": ("deit", "mean", {}),
    "deit-patch-mean": ("deit", "patch-mean", {}),
    "dinov2-cls": ("dinov2", "auto", BIG_TABLE),
    "dinov2-patch-mean": ("dinov2", "patch-mean", {"image_size": 32}),
    "dinov2-mean-eps": ("dinov2", "mean", {"layer_norm_eps": 1e-6}),
    "registers-cls": ("dinov2_with_registers", "auto", BIG_TABLE),
    "registers-mean": ("dinov2_with_registers", "mean", {}),
    "registers-patch-mean": ("dinov2_with_registers", "patch-mean", {}),
    "siglip-pooler": ("siglip", "auto", {}),
    "siglip-mean": ("siglip", "mean", {}),
    "clip-pooler": ("clip", "auto", {}),
    "clip-cls": ("clip", "cls", {}),
    "clip-patch-mean": ("clip", "patch-mean", {"hidden_act": "gelu"}),
}


def names_of_every_size():
    """Every architecture that an export may name."""
    sizes = [(192, 12, 3), (384, 12, 6), (768, 12, 12), (1024, 24, 16), (1152, 27, 16)]
    for width, depth, heads in sizes:
        shape = {"hidden_size": width, "num_hidden_layers": depth, "num_attention_heads": heads}
        for family, activation in [*((family, "gelu") for family in FAMILIES), ("clip_vision_model", "quick_gelu")]:
            for patch in (8, 14, 16, 32):
                for image in (224, 256, 336, 384, 512):
                    config = ViTConfig(**shape, hidden_act=activation, patch_size=patch)
                    config.model_type = family
                    yield _architecture(config, image, image)


@pytest.mark.skipif(find_spec("timm") is None, reason="needs timm: pip install --no-deps timm")
def test_timms_own_models_give_the_representation(tmp_path):
    expected = {}
    (tmp_path / "out").mkdir()
    for name, (family, pooling, changes) in MODELS.items():
        processor = None if name == "vit-cls" else "native"
        folder = tmp_path / "models" / name
        model = saved_model(folder, family, pooling, projection_dim=5, processor=processor, **changes)
        export_timm(folder, tmp_path / "out" / name)
        inputs = tiny_inputs(family)
        np.save(tmp_path / f"out/{name}-in.npy", inputs["pixel_values"].numpy())
        expected[name] = run(model, inputs).pooler_output.numpy()
    names = sorted(set(names_of_every_size()))
    assert {"vit_base_patch16_224", "vit_small_patch14_dinov2", "vit_so400m_patch14_siglip_384"} <= set(names)
    registered = f"assert [name for name in {names} if not timm.is_model(name)] == []\n"
    readmes = ""
    for name in ("vit-cls", "clip-pooler"):
        code = readme_code(tmp_path / "out" / name)
        readmes += f"os.chdir('{tmp_path / 'out' / name}')\n{code}\nassert representation.shape == (1, 32)\n"
    run_alone(PROCESSOR + STAND_IN + EVERY_FOLDER + registered + readmes, tmp_path / "out")

    for name, representation in expected.items():
        as_is, with_epsilon, by_name = np.load(tmp_path / f"out/{name}-out.npy")
        np.testing.assert_array_equal(as_is, by_name)
        # timm's layer norms have 1e-6 where ViT and DeiT have 1e-12; the lines of the README say so.
        tolerance = 5e-5 if name.startswith(("vit", "deit")) else 2e-6
        np.testing.assert_allclose(as_is, representation, rtol=0, atol=tolerance, err_msg=name)
        np.testing.assert_allclose(with_epsilon, representation, rtol=0, atol=2e-6, err_msg=name)


def test_config_of_a_standard_model():
    base = SiglipVisionConfig(image_size=256, hidden_size=768, num_hidden_layers=12, num_attention_heads=12)
    assert _architecture(base, 256, 256) == "vit_base_patch16_siglip_256"
    assert _architecture(base, 256, 128) == "vit_base_patch16_siglip_224"
    assert _architecture(ViTConfig(hidden_size=40), 224, 224) == "vit_base_patch16_224"


def test_preprocessing(tmp_path):
    saved_model(tmp_path / "model", "vit")  # a crop of 32 pixels from 37
    config = json.loads((export_timm(tmp_path / "model", tmp_path / "out") / "config.json").read_text())
    assert config["pretrained_cfg"]["input_size"] == [3, 32, 32]
    assert config["pretrained_cfg"]["crop_pct"] == pytest.approx(32 / 37)
    assert config["pretrained_cfg"]["crop_mode"] == "center"
    assert config["pretrained_cfg"]["mean"] == pytest.approx([0.48145466, 0.4578275, 0.40821073])
    assert config["pretrained_cfg"]["interpolation"] == "bicubic"

    SiglipImageProcessorPil(size={"height": 32, "width": 32}, rescale_factor=1 / 510).save_pretrained(
        tmp_path / "model"
    )
    squashed = json.loads((export_timm(tmp_path / "model", tmp_path / "out") / "config.json").read_text())
    assert squashed["pretrained_cfg"]["crop_mode"] == "squash"
    assert squashed["pretrained_cfg"]["mean"] == pytest.approx([1.0] * 3)  # (x / 510 - 0.5) / 0.5, of x / 255
    assert squashed["pretrained_cfg"]["std"] == pytest.approx([1.0] * 3)

    AligNetImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path / "model")
    own = export_timm(tmp_path / "model", tmp_path / "out")
    config = json.loads((own / "config.json").read_text())
    assert (config["pretrained_cfg"]["mean"], config["pretrained_cfg"]["std"]) == ([0.0] * 3, [1.0] * 3)
    assert "without antialiasing" in (own / "README.md").read_text()
    assert not (own / "preprocessor_config.json").exists()


@pytest.mark.parametrize(
    ("family", "pooling", "changes", "message"),
    [
        ("swin", "auto", {}, "swin is not among the families that can be exported: vit, deit, dinov2"),
        ("siglip2", "auto", {}, "siglip2_vision_model is not among"),
        ("vit", "auto", {"image_size": 64}, "images of 32 x 32 pixels, and the model takes 64 x 64"),
        ("vit", "pooler", {}, "no equal of the pooler"),
        ("vit", "cls+patch-mean", {}, "no equal of pooling 'cls.patch-mean'"),
        ("vit", "auto", {"layer_norm_eps": 1e-3}, f"layer_norm_eps 0.001 of this vit is not timm's {TIMM_EPSILON}"),
        ("clip", "auto", {"layer_norm_eps": 1e-6}, "layer_norm_eps 1e-06"),
        ("siglip", "auto", {"hidden_act": "relu"}, "hidden_act 'relu' is not among gelu"),
        ("dinov2", "auto", {"use_swiglu_ffn": True}, "use_swiglu_ffn"),
    ],
)
def test_what_timm_has_no_equal_of(family, pooling, changes, message, tmp_path):
    saved_model(tmp_path / "model", family, pooling, **changes)
    with pytest.raises(InputError, match=message) as caught:
        export_timm(tmp_path / "model", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()
