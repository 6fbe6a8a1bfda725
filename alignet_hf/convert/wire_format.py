"""Protocol Buffers' wire format: varints, and a message as its numbered fields.

Two small messages are all that is read in it, so that neither TensorFlow nor protobuf need be there.
https://protobuf.dev/programming-guides/encoding
"""

from collections import defaultdict

_MOST_VARINT_BYTES = 10
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Read an unsigned number, 7 bits a byte, the low ones first -> the number, and the position after it.

    Raises:
        ValueError: it does not end, or takes more than 64 bits.
    """
    value = 0
    for index, byte in enumerate(data[position : position + _MOST_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            if value >> 64:
                break
            return value, position + index + 1
    raise ValueError("a number does not end")


class Message:
    """The fields of an encoded message.

    Raises:
        ValueError: the encoding is broken, or has groups, which are of another time.
    """

    def __init__(self, data: bytes):
        self._fields: dict[int, list[int | bytes]] = defaultdict(list)
        position = 0
        while position < len(data):
            tag, position = read_varint(data, position)
            value, position = _value(data, position, tag & 7)
            self._fields[tag >> 3].append(value)

    def __contains__(self, number: int) -> bool:
        return number in self._fields

    def integer(self, number: int) -> int:
        """A field of a signed number, an enum, a boolean or fixed32; 0 where it is not set."""
        value = self._fields[number][-1] if number in self else 0
        if not isinstance(value, int):
            raise ValueError(f"field {number} should be a number")
        return value - 2**64 if value >= 2**63 else value

    def messages(self, number: int) -> list["Message"]:
        """All messages that a field holds, none where it is not set."""
        values = self._fields[number] if number in self else []
        if not all(isinstance(value, bytes) for value in values):
            raise ValueError(f"field {number} should be a message")
        return [Message(value) for value in values]


def _value(data: bytes, position: int, kind: int) -> tuple[int | bytes, int]:
    if kind == _VARINT:
        return read_varint(data, position)
    if kind == _BYTES:
        size, position = read_varint(data, position)
    elif kind in (_FIXED32, _FIXED64):
        size = 4 if kind == _FIXED32 else 8
    else:
        raise ValueError(f"a field of kind {kind} is not known")
    value = data[position : position + size]
    if len(value) < size:
        raise ValueError("a field is cut off")
    return value if kind == _BYTES else int.from_bytes(value, "little"), position + size
