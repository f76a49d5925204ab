"""Frames on the recorder's socket: two lengths, a JSON header, and bytes that JSON would only inflate.

``u32be header length || u32be body length || header || body``.  Both ends bound both lengths before they keep a
byte, so a broken or hostile peer cannot make the other grow.  Hostile bytes raise FormatError.
"""

import json
import struct
from collections.abc import Iterator, Mapping

from audit.errors import FormatError

MAX_HEADER_BYTES = 4 * 1024 * 1024
"""A batch of a few hundred events, or the full receipt of an exchange, with room to spare."""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""A batch of bodies; the gateway's own limit on one request is 2 MiB."""

_LENGTHS = struct.Struct(">II")

_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
"""Made once, not for each frame."""


def encode_frame(header: Mapping[str, object], *bodies: bytes) -> bytes:
    """Return one frame.  Raises FormatError if it is larger than the other end would take."""
    head = _ENCODE(header).encode()
    size = sum(len(body) for body in bodies)
    _check_lengths(len(head), size)
    return b"".join((_LENGTHS.pack(len(head), size), head, *bodies))


def decode_header(head: bytes) -> dict[str, object]:
    """Return the header as an object.  Raises FormatError if it is none."""
    try:
        header = json.loads(head)
    except (ValueError, RecursionError) as error:
        raise FormatError("recorder socket: a header is not JSON") from error
    if not isinstance(header, dict):
        raise FormatError("recorder socket: a header is not an object")
    return header


class FrameReader:
    """Cut a stream of bytes into frames.  Owned by one connection."""

    def __init__(self) -> None:
        """Start at the beginning of a stream."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Take bytes and yield every frame that is now whole.  Raises FormatError on absurd lengths."""
        self._buffer += data
        offset = 0
        while frame_end := self._frame_end(offset):
            begin = offset + _LENGTHS.size
            head_length, _ = _LENGTHS.unpack_from(self._buffer, offset)
            offset = frame_end
            yield bytes(self._buffer[begin : begin + head_length]), bytes(self._buffer[begin + head_length : frame_end])
        del self._buffer[:offset]

    def _frame_end(self, offset: int) -> int:
        """Return where the frame at an offset ends; 0 while it is not whole."""
        if len(self._buffer) - offset < _LENGTHS.size:
            return 0
        head_length, body_length = _LENGTHS.unpack_from(self._buffer, offset)
        _check_lengths(head_length, body_length)
        end: int = offset + _LENGTHS.size + head_length + body_length
        return end if end <= len(self._buffer) else 0


def _check_lengths(head: int, body: int) -> None:
    if head > MAX_HEADER_BYTES or body > MAX_BODY_BYTES:
        raise FormatError(
            f"recorder socket: a frame of {head} + {body} bytes is above {MAX_HEADER_BYTES} + {MAX_BODY_BYTES}"
        )
