"""Reads sets of texts, one JSON object a line, and refuses what would be scored wrongly or not at all.

An error names file, line and what to do, and never quotes the line: it may hold a patient.  A whole file is read before
anything is analysed, so that a mistake on its last line costs seconds and not an hour.
"""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from appliance.clinical_text import ClinicalText
from appliance.errors import InvalidRequestError
from appliance.evaluation.records import Labelled, Record, Span

MAX_SET_BYTES = 512 * 1024 * 1024
"""A million notes of half a page; more is read in parts."""

_SURROGATES = range(0xD800, 0xE000)


def read_file(file: Path, *, most_bytes: int) -> bytes:
    """Return a plain file's bytes.  Raises InvalidRequestError for a folder, a device, an empty or too large file."""
    if file.is_dir():
        raise InvalidRequestError(f"{file} is a folder; name a file in it.")
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        message = f"{file} cannot be read ({error.strerror}); check its name and that you may read it."
        raise InvalidRequestError(message) from error
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InvalidRequestError(f"{file} is no plain file; give '-' and send its text to standard input.")
        return checked(opened.read(most_bytes + 1), name=str(file), most_bytes=most_bytes)


def checked(content: bytes, *, name: str, most_bytes: int) -> bytes:
    """Return what was read.  Raises InvalidRequestError if it is nothing or more than allowed."""
    if not content:
        raise InvalidRequestError(f"{name} is empty, so there is nothing to look at.")
    if len(content) > most_bytes:
        raise InvalidRequestError(f"{name} is larger than {most_bytes // 1024**2} MiB; split it.")
    return content


def to_text(content: bytes, *, name: str) -> ClinicalText:
    """Return bytes as text.  Raises InvalidRequestError for what is no UTF-8 or no text at all."""
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise InvalidRequestError(f"{name}:{line}: a NUL character, so this is a binary file; take the text out of it.")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"{name}:{line}: this is no UTF-8; save it as UTF-8, for example with 'iconv -f latin1 -t utf-8'."
        raise InvalidRequestError(message) from error
    return ClinicalText(text)


def read_records(content: bytes, *, name: str) -> list[Record]:
    """Return the texts of a set.  Raises InvalidRequestError naming the line."""
    return [record for record, _line in _records(content, name)]


def read_labelled(content: bytes, *, name: str) -> list[Labelled]:
    """Return the texts of a set with their labels.  Raises InvalidRequestError naming the line."""
    return [_labelled(record, line, f"{name}:{record.line}") for record, line in _records(content, name)]


def _records(content: bytes, name: str) -> Iterator[tuple[Record, dict[str, object]]]:
    """Yield each line's record and its JSON object; lines end at LF only, as other characters may stand in a text."""
    seen: dict[str | int, int] = {}
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        value = _object(line, f"{name}:{number}")
        record = _record(value, f"{name}:{number}", number)
        first = seen.setdefault(record.id, number)
        if first != number:
            raise InvalidRequestError(f"{name}:{number}: 'id' is that of line {first}; give each record its own.")
        yield record, value
    if not seen:
        raise InvalidRequestError(f"{name} holds no record; write one JSON object a line, with 'id' and 'text'.")


def _object(line: bytes, at: str) -> dict[str, object]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(
            f"{at}: this is no JSON; write one object with 'id' and 'text' on the line."
        ) from error
    if not isinstance(value, dict):
        raise InvalidRequestError(f"{at}: this is no JSON object; write one with 'id' and 'text'.")
    return value


def _record(value: dict[str, object], at: str, number: int) -> Record:
    identity, text, meta = value.get("id"), value.get("text"), value.get("meta", {})
    if isinstance(identity, bool) or not isinstance(identity, str | int) or identity == "":
        raise InvalidRequestError(f"{at}: 'id' is missing or neither text nor a whole number; add it.")
    if not isinstance(text, str):
        raise InvalidRequestError(f"{at}: 'text' is missing or no text; add it, if need be as \"\".")
    if any(ord(each) in _SURROGATES for each in (*text, *str(identity))):
        raise InvalidRequestError(f"{at}: half a character (a lone surrogate, \\ud800 to \\udfff); mend what wrote it.")
    if not isinstance(meta, dict | None):
        raise InvalidRequestError(f"{at}: 'meta' is no JSON object; mend or remove it.")
    return Record(id=identity, text=ClinicalText(text), patient=(meta or {}).get("patient"), line=number)


def _labelled(record: Record, value: dict[str, object], at: str) -> Labelled:
    spans, meta = value.get("spans"), value.get("meta")
    if not isinstance(spans, list):
        raise InvalidRequestError(f"{at}: 'spans' is missing or no list; a text without identifiers has [].")
    is_partial = bool(meta.get("labels_partial")) if isinstance(meta, dict) else False
    made = tuple(_span(span, len(record.text), f"{at}: 'spans[{index}]'") for index, span in enumerate(spans))
    return Labelled(record=record, spans=made, labels_partial=is_partial)


def _span(value: object, length: int, at: str) -> Span:
    if not isinstance(value, dict):
        raise InvalidRequestError(f"{at} is no JSON object; write start, end and type.")
    start, end, kind = value.get("start"), value.get("end"), value.get("type")
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= length:
        raise InvalidRequestError(f"{at} has no start and end within the text; they count characters, end exclusive.")
    if not isinstance(kind, str) or not kind:
        raise InvalidRequestError(f"{at} has no type; add one, such as NAME.")
    return Span(start=start, end=end, type=kind)
