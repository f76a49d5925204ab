"""Amazon's binary event stream: lengths, typed headers and two CRC-32 sums around each payload.

Layout as in the AWS SDKs' specification "Amazon event stream": total length, headers' length, CRC of these, headers,
payload, CRC of all before; numbers are big-endian.
"""

import struct
from collections.abc import Mapping
from zlib import crc32

KIND = "application/vnd.amazon.eventstream"
_STRING = 7
"""Type of a header's value."""

_FRAME_BYTES = 16
"""Two lengths and two sums."""


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one message."""
    packed = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", _FRAME_BYTES + len(packed) + len(payload), len(packed))
    whole = prelude + struct.pack(">I", crc32(prelude)) + packed + payload
    return whole + struct.pack(">I", crc32(whole))


def event(kind: str, payload: bytes) -> bytes:
    """Return a message that brings an event."""
    return message({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, payload)


def exception(kind: str, payload: bytes) -> bytes:
    """Return a message that ends a stream with a modelled exception."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return message(headers, payload)


def spoilt(whole: bytes) -> bytes:
    """Return a message whose payload no longer fits its sum."""
    return whole[:-6] + bytes([whole[-6] ^ 1]) + whole[-5:]


def _header(name: str, value: str) -> bytes:
    raw = value.encode()
    return bytes([len(name)]) + name.encode() + bytes([_STRING]) + struct.pack(">H", len(raw)) + raw
