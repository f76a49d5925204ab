"""Read and write the little of protobuf's wire format that changing a model graph needs.

An ONNX file is one protobuf message; the `onnx` package that could edit it is no dependency of a machine that only
runs models.  Fields are copied byte by byte unless they are replaced, so nothing else of a model can change.
Wire format: protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator
from dataclasses import dataclass

_VARINT, _BYTES = 0, 2
"""Wire types that are written; fixed ones are only copied."""

_LOW_BITS, _MORE = 0x7F, 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a message, as it lies in the file."""

    number: int
    whole: bytes
    """Tag, length and payload: what is copied when the field stays."""

    payload: bytes
    """Content of a length-delimited field; empty for the others."""

    value: int
    """Value of a varint field; zero for the others."""


def fields(message: bytes) -> Iterator[Field]:
    """Yield the fields of a message in order.  Raises ValueError for bytes that are no message."""
    position = 0
    while position < len(message):
        start = position
        tag, position = _read_varint(message, position)
        value = size = 0
        match tag & 7:
            case 0:
                value, position = _read_varint(message, position)
            case 1:
                position += 8
            case 2:
                size, position = _read_varint(message, position)
                position += size
            case 5:
                position += 4
            case _:
                raise ValueError("a wire type that protobuf does not have")
        if position > len(message):
            raise ValueError("a field that ends after its message")
        whole = message[start:position]
        yield Field(number=tag >> 3, whole=whole, payload=whole[len(whole) - size :] if size else b"", value=value)


def bytes_field(number: int, payload: bytes) -> bytes:
    """Return a length-delimited field."""
    return _varint(number << 3 | _BYTES) + _varint(len(payload)) + payload


def int_field(number: int, value: int) -> bytes:
    """Return a varint field of a value that is not negative."""
    return _varint(number << 3 | _VARINT) + _varint(value)


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(message):
            raise ValueError("a number that ends after its message")
        byte = message[position]
        position += 1
        value |= (byte & _LOW_BITS) << shift
        if byte < _MORE:
            return value, position
        shift += 7


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > _LOW_BITS:
        out.append(value & _LOW_BITS | _MORE)
        value >>= 7
    return bytes([*out, value])
