"""Bytes of Amazon's event stream encoding, with real sums, made apart from the code that reads them."""

import binascii
import json
import struct
from typing import Any

Said = tuple[str, dict[str, Any]]
"""Name and fields of an event."""

START: Said = ("messageStart", {"role": "assistant"})
END: Said = ("messageStop", {"stopReason": "end_turn"})
USAGE: Said = (
    "metadata",
    {"usage": {"inputTokens": 12, "outputTokens": 7, "totalTokens": 19}, "metrics": {"latencyMs": 5}},
)


def piece(text: str, index: int = 0) -> Said:
    """Return a piece of text."""
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": {"text": text}}


def over(index: int = 0) -> Said:
    """Return the end of a block."""
    return "contentBlockStop", {"contentBlockIndex": index}


def tool(name: str, index: int = 0, *, key: str = "tooluse_1", **more: str) -> Said:
    """Return the start of a tool's call."""
    start = {"toolUse": {"toolUseId": key, "name": name, **more}}
    return "contentBlockStart", {"contentBlockIndex": index, "start": start}


def argument(part: str, index: int = 0) -> Said:
    """Return a piece of a tool call's arguments."""
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": {"toolUse": {"input": part}}}


def stopped(reason: str) -> Said:
    """Return the end of the answer for this reason."""
    return "messageStop", {"stopReason": reason}


def frame(payload: bytes, **headers: str) -> bytes:
    """Return one message (Amazon Event Stream specification: prelude, headers, payload, sum)."""
    named = b"".join(_header(f":{name.replace('_', '-')}", value) for name, value in headers.items())
    prelude = struct.pack(">II", 12 + len(named) + len(payload) + 4, len(named))
    prelude += struct.pack(">I", binascii.crc32(prelude))
    whole = prelude + named + payload
    return whole + struct.pack(">I", binascii.crc32(whole))


def event(said: Said) -> bytes:
    """Return the message of one event."""
    name, fields = said
    return frame(json.dumps(fields).encode(), event_type=name, content_type="application/json", message_type="event")


def exception(name: str, message: str = "scripted") -> bytes:
    """Return the message of an exception in mid-stream."""
    return frame(json.dumps({"message": message}).encode(), exception_type=name, message_type="exception")


def stream(*said: Said) -> bytes:
    """Return the messages of these events."""
    return b"".join(map(event, said))


def _header(name: str, value: str) -> bytes:
    return struct.pack(">B", len(name)) + name.encode() + struct.pack(">BH", 7, len(value)) + value.encode()
