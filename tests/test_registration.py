"""The Auto classes know ours whatever is imported first, and what nobody asked for is not imported."""

import pickle
import subprocess
import sys

import pytest
from backbones import tiny_backbone

from alignet_hf.image_processing_alignet import AligNetImageProcessor
from alignet_hf.modeling_alignet import AligNetVisionModel

FIRST = {
    "the package": """
import sys
import alignet_hf
heavy = {"numpy", "torch", "transformers", "typer"} & set(sys.modules)
assert not heavy, heavy
from transformers import AutoModel
assert "transformers.modeling_utils" not in sys.modules, "nobody has asked for a model"
""",
    "the Auto classes": "from transformers import AutoConfig, AutoImageProcessor, AutoModel; import alignet_hf, sys",
    "a configuration that no constructor made": """
import pickle, sys
import alignet_hf
from transformers import AutoModel
with open(sys.argv[1] + "/config.pickle", "rb") as file:  # as a process gets one that is sent it
    assert type(AutoModel.from_config(pickle.load(file))).__name__ == "AligNetVisionModel"
""",
}
LOAD = """
from transformers import AutoConfig, AutoImageProcessor, AutoModel
assert AutoConfig.for_model("alignet_vision").pooling == "auto"
model, processor = (auto.from_pretrained(sys.argv[1]) for auto in (AutoModel, AutoImageProcessor))
assert type(model) is alignet_hf.AligNetVisionModel, type(model)
assert type(processor) is alignet_hf.AligNetImageProcessor, type(processor)
assert model.push_to_hub.__module__ == "alignet_hf.registration"
loader = alignet_hf.modeling_alignet.__loader__
assert loader is alignet_hf.modeling_alignet.__spec__.loader
assert "class AligNetVisionModel" in loader.get_source("alignet_hf.modeling_alignet")
heavy = {"faiss", "datasets", "matplotlib", "peft", "onnx"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("student")
    model = AligNetVisionModel.from_backbone(tiny_backbone("vit"))
    model.save_pretrained(folder)
    AligNetImageProcessor().save_pretrained(folder)
    (folder / "config.pickle").write_bytes(pickle.dumps(model.config))
    return folder


@pytest.mark.parametrize("first", FIRST)
def test_the_auto_classes_know_ours_whatever_comes_first(first, folder):
    command = [sys.executable, "-c", FIRST[first] + LOAD, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
