"""What passes between the gateway and the guard's own process: frames of JSON, and how findings and sites are written.

A frame is four bytes of length, most significant first, and JSON in ASCII.  A frame that is too long, cut short or not
of the expected form raises PhiGuardUnavailableError; no error holds a part of it.
"""

import asyncio
import json
import re
from collections.abc import Iterable, Mapping
from typing import BinaryIO

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from appliance.errors import PhiGuardUnavailableError
from appliance.phi.findings import Finding, Kind
from appliance.phi.settings import IdFormat, Site

_LENGTH_BYTES = 4

MAX_FRAME_BYTES = 64 * 1024 * 1024
"""Longest frame: ten megabytes of text, each character escaped."""


_FOUND: TypeAdapter[list[list[tuple[Kind, int, int, float, str]]]] = TypeAdapter(
    list[list[tuple[Kind, int, int, float, str]]]
)
"""Findings of each text: kind, start, end, score and recognizer."""


class _WireSite(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    facilities: tuple[str, ...]
    formats: tuple[tuple[str, Kind, str, int], ...]
    ordinary: frozenset[str]


def frame(message: Mapping[str, object]) -> bytes:
    """Return a message as a frame.  Raises PhiGuardUnavailableError for one that is too long."""
    content = json.dumps(message, separators=(",", ":")).encode("ascii")
    if len(content) > MAX_FRAME_BYTES:
        raise PhiGuardUnavailableError(detail="the texts are too long for the guard's process")
    return len(content).to_bytes(_LENGTH_BYTES, "big") + content


def write_frame(stream: BinaryIO, message: Mapping[str, object]) -> None:
    """Write one frame at once."""
    stream.write(frame(message))
    stream.flush()


def read_frame(stream: BinaryIO) -> Mapping[str, object] | None:
    """Read one frame; None where the stream ends between two.  Raises PhiGuardUnavailableError for a broken one."""
    head = stream.read(_LENGTH_BYTES)
    if not head:
        return None
    content = stream.read(_length(head))
    if len(content) < _length(head):
        raise PhiGuardUnavailableError(detail="a frame of the guard's process was cut short")
    return _message(content)


async def receive_frame(stream: asyncio.StreamReader) -> Mapping[str, object]:
    """Read one frame.  Raises PhiGuardUnavailableError for a broken one and for the end of the stream."""
    try:
        return _message(await stream.readexactly(_length(await stream.readexactly(_LENGTH_BYTES))))
    except (asyncio.IncompleteReadError, OSError) as error:
        raise PhiGuardUnavailableError(detail="the guard's process has ended") from error


def to_wire(findings: Iterable[Finding]) -> list[list[object]]:
    """Return findings as lists of plain values."""
    return [[each.kind.value, each.start, each.end, each.score, each.recognizer] for each in findings]


def from_wire(written: object) -> list[tuple[Finding, ...]]:
    """Return the findings of each text.  Raises PhiGuardUnavailableError for anything else."""
    try:
        texts = _FOUND.validate_python(written)
    except ValidationError as error:
        raise PhiGuardUnavailableError(detail="the guard's process answered in another form") from error
    return [
        tuple(
            Finding(kind=kind, start=start, end=end, score=score, recognizer=recognizer)
            for kind, start, end, score, recognizer in text
        )
        for text in texts
    ]


def site_to_wire(site: Site) -> Mapping[str, object]:
    """Return a site's list as plain values."""
    return {
        "facilities": list(site.facilities),
        "formats": [[each.name, each.kind.value, each.pattern.pattern, each.pattern.flags] for each in site.id_formats],
        "ordinary": sorted(site.ordinary),
    }


def site_from_wire(written: object) -> Site:
    """Return the site's list.  Raises PhiGuardUnavailableError for anything else."""
    try:
        site = _WireSite.model_validate(written)
        formats = tuple(
            IdFormat(name=name, kind=kind, pattern=re.compile(pattern, flags))
            for name, kind, pattern, flags in site.formats
        )
    except (ValidationError, re.error) as error:
        raise PhiGuardUnavailableError(detail="the site's list came in another form") from error
    return Site(facilities=site.facilities, id_formats=formats, ordinary=site.ordinary)


def _length(head: bytes) -> int:
    length = int.from_bytes(head, "big")
    if len(head) < _LENGTH_BYTES or length > MAX_FRAME_BYTES:
        raise PhiGuardUnavailableError(detail="a frame of the guard's process has no sensible length")
    return length


def _message(content: bytes) -> Mapping[str, object]:
    try:
        message = json.loads(content)
    except ValueError as error:
        raise PhiGuardUnavailableError(detail="a frame of the guard's process is no JSON") from error
    if not isinstance(message, dict):
        raise PhiGuardUnavailableError(detail="a frame of the guard's process is no object")
    return message
