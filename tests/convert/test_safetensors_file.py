import json
import os

import pytest
import torch
from safetensors.torch import save_file

from alignet_hf.convert.safetensors_file import open_safetensors
from alignet_hf.errors import InputError


def test_what_safetensors_saved(tmp_path):
    expected = {
        "encoder.blocks.0.norm1.weight": torch.randn(3),
        "encoder.pos_embed": torch.randn(1, 4, 2).half(),
        "i1k_head.bias": torch.randn(5).bfloat16(),
        "ids": torch.arange(3),
        "scalar": torch.tensor(2.0, dtype=torch.float64),
        "small": torch.ones(2).to(torch.float8_e4m3fn),
        "mask": torch.tensor([True, False]),
    }
    save_file(expected, tmp_path / "a.safetensors")
    variables = open_safetensors(tmp_path / "a.safetensors")
    assert variables.named
    assert {variable.name for variable in variables} == set(expected)
    for variable in variables:
        tensor = expected[variable.name]
        assert (variable.shape, variable.dtype) == (tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        assert torch.equal(variable.read().view(torch.uint8), tensor.view(torch.uint8)) if tensor.ndim else True
        assert torch.equal(variable.tensor(), tensor.float() if tensor.is_floating_point() else tensor)
    assert "1 in bfloat16, 1 in float16, 1 in float64, 1 in float8_e4m3fn" in variables.conversion


def test_a_tensor_is_the_callers_own(tmp_path):
    save_file({"a": torch.ones(3)}, tmp_path / "a.safetensors")
    (variable,) = open_safetensors(tmp_path / "a.safetensors")
    variable.tensor().zero_()
    assert variable.tensor().tolist() == [1, 1, 1]


def refused(path, said):
    with pytest.raises(InputError, match=said) as caught:
        open_safetensors(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")


def write(path, facts: dict, data: bytes = bytes(12), size: int | None = None):
    header = json.dumps({"a": facts}).encode()
    path.write_bytes((len(header) if size is None else size).to_bytes(8, "little") + header + data)
    return path


GOOD = {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [4]},
        {"shape": [2**63]},
        {"shape": [2**62, 2**62]},
        {"shape": [-3]},
        {"data_offsets": [0, 2**60]},
        {"data_offsets": [12, 0]},
        {"data_offsets": [0, 8]},
        {"dtype": "F31"},
    ],
)
def test_absurd_headers(tmp_path, change):
    assert open_safetensors(write(tmp_path / "a", GOOD))[0].tensor().tolist() == [0, 0, 0]
    refused(write(tmp_path / "a", GOOD | change), "its header cannot be read.*get it anew")


@pytest.mark.parametrize("size", [0, 2**62, 2**64 - 1])
def test_absurd_sizes_of_the_header(tmp_path, size):
    refused(write(tmp_path / "a", GOOD, size=size), "its header cannot be read")


def test_every_truncation_is_refused(tmp_path):
    whole = write(tmp_path / "a", GOOD).read_bytes()
    for size in range(len(whole)):
        (tmp_path / "a").write_bytes(whole[:size])
        refused(tmp_path / "a", "its header cannot be read|the file is empty")


def test_types_that_are_not_supported(tmp_path):
    facts = {"dtype": "C64", "shape": [1], "data_offsets": [0, 8]}
    refused(write(tmp_path / "a", facts, bytes(8)), "variable a is of the type C64, which is not supported")


def test_no_file(tmp_path):
    refused(tmp_path / "none", "cannot be opened")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "not a file")
