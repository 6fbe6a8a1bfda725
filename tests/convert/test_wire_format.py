import pytest
from bundle_writer import field, fixed32, varint
from hypothesis import given
from hypothesis import strategies as st

from alignet_hf.convert.wire_format import Message, read_varint


@given(st.integers(0, 2**64 - 1), st.binary(max_size=3))
def test_varints(number, before):
    encoded = before + varint(number)
    assert read_varint(encoded + b"\x80", len(before)) == (number, len(encoded))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 9, b"\xff" * 9 + b"\x02", b"\xff" * 11])
def test_numbers_without_end_or_beyond_64_bits(data):
    with pytest.raises(ValueError, match="a number does not end"):
        read_varint(data, 0)


@given(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=9), st.integers(0, 2**32 - 1))
def test_fields(number, text, fixed):
    inner = field(9, number)
    message = Message(field(1, number) + fixed32(300, fixed) + field(2, inner) + field(5, text) + field(2, b""))
    assert message.integer(1) == number
    assert message.integer(300) == fixed
    assert message.integer(4) == 0
    assert [part.integer(9) for part in message.messages(2)] == [number, 0]
    assert 5 in message
    assert 6 not in message
    assert message.messages(6) == []


def test_the_last_of_a_number_holds():
    assert Message(field(1, 3) + field(1, 4)).integer(1) == 4


@pytest.mark.parametrize("data", [b"\x0a\x05abc", b"\x0d\x01\x02", b"\x09\x01", b"\x0b", b"\x0e", b"\x08"])
def test_broken_messages(data):
    with pytest.raises(ValueError, match=r"cut off|is not known|does not end"):
        Message(data)


def test_fields_of_another_kind():
    message = Message(field(1, 5) + field(2, b"x"))
    with pytest.raises(ValueError, match="field 1 should be a message"):
        message.messages(1)
    with pytest.raises(ValueError, match="field 2 should be a number"):
        message.integer(2)
