import pytest
import torch

from alignet_hf.convert.variables import Variable, Variables


def variable(name, tensor):
    return Variable(name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), tensor.clone)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_floats_are_read_as_float32(dtype):
    stored = torch.tensor([[1.5, -2.0], [0.25, 3.0]], dtype=dtype)
    read = variable("0", stored).tensor()
    assert read.dtype == torch.float32
    assert read.tolist() == [[1.5, -2.0], [0.25, 3.0]]


def test_integers_stay_integers():
    assert variable("ids", torch.arange(3)).tensor().dtype == torch.int64
    assert variable("mask", torch.ones(2, dtype=torch.bool)).tensor().dtype == torch.bool


def test_what_was_converted_is_said():
    floats = [variable(str(number), torch.zeros(2)) for number in range(3)]
    assert Variables("model", tuple(floats), named=False).conversion is None
    half = [variable("3", torch.zeros(1).half()), variable("4", torch.zeros(1).bfloat16())]
    whole = [variable("5", torch.zeros(1).int())]
    variables = Variables("model", (*floats, *half, *whole), named=False)
    expected = "model: of 6 variables 1 in bfloat16, 1 in float16; converted to float32"
    assert variables.conversion == expected


def test_a_list_of_variables():
    items = tuple(variable(name, torch.zeros(1)) for name in "abc")
    variables = Variables("model", items, named=True)
    assert len(variables) == 3
    assert [item.name for item in variables] == ["a", "b", "c"]
    assert variables[-1] is items[2]
