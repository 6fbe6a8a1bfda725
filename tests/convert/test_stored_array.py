import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alignet_hf.convert.stored_array import check_name, check_size, to_tensor

TYPES = ["float16", "bfloat16", "float32", "float64", "int8", "uint8", "int16", "int32", "int64", "uint32", "bool"]


@given(st.sampled_from(TYPES), st.lists(st.integers(1, 4), max_size=4))
def test_bytes_become_a_tensor(dtype, shape):
    expected = torch.arange(int(np.prod(shape))).reshape(shape).to(getattr(torch, dtype))
    data = np.frombuffer(bytearray(expected.reshape(-1).view(torch.uint8).numpy()), np.uint8)
    check_size("a", dtype, shape, len(data))
    tensor = to_tensor(data, dtype, shape)
    assert tensor.dtype == expected.dtype
    assert torch.equal(tensor, expected)
    with pytest.raises(ValueError, match=r"variable a, .* takes \d+ bytes; there are \d+ for it"):
        check_size("a", dtype, shape, len(data) + 1)


@pytest.mark.parametrize("shape", [(0,), (3, 0), (-1,), (0, 2**63), (-2, -2)])
def test_no_values(shape):
    with pytest.raises(ValueError, match="which holds no values"):
        check_size("a", "float32", shape, 0)


def test_the_size_of_a_shape_is_exact():
    with pytest.raises(ValueError, match=f"takes {4 * 2**96} bytes; there are 0 for it"):
        check_size("a", "float32", (2**32, 2**32, 2**32), 0)  # 0 in 64 bits
    with pytest.raises(ValueError, match="has 33 dimensions"):
        check_size("a", "float32", (1,) * 33, 4)


@pytest.mark.parametrize("name", ["a\nb", "a\0", "\x1b[31m", "a\u2028b", "x" * 513, "\ud800"])
def test_names_that_cannot_stand_in_a_line(name):
    with pytest.raises(ValueError, match="cannot be printed, or is too long"):
        check_name(name)


@pytest.mark.parametrize("name", ["", "a/b", "encoder.blocks.0", "größe", "x" * 512])
def test_names_that_can(name):
    assert check_name(name) == name
