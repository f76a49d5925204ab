"""The JSON form of keyed identifiers, strict in what it reads.

A malformed one means that the two processes do not understand each other, so nothing may leave: it raises the guard's
own error and never `ValueError`, and the message holds nothing of what was read.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping

from appliance.errors import PhiBlockedError
from appliance.phi.findings import Kind

_VERSION = 1
_KEY_BYTES = 32
"""The whole of an HMAC-SHA256."""

_MALFORMED = "The list of known identifiers that goes with this request cannot be read, so nothing was sent."


def write_wire(key: bytes, grams: Mapping[bytes, Kind], issued: Iterable[bytes]) -> dict[str, object]:
    """Return the JSON object."""
    by_kind: dict[str, list[bytes]] = {}
    for gram, kind in sorted(grams.items()):
        by_kind.setdefault(kind.value, []).append(gram)
    return {
        "version": _VERSION,
        "key": b64encode(key).decode(),
        "grams": {kind: b64encode(b"".join(each)).decode() for kind, each in sorted(by_kind.items())},
        "issued": [b64encode(each).decode() for each in sorted(issued)],
    }


def read_wire(
    wire: object, *, gram_bytes: int, word_bytes: int, most_grams: int, most_words: int
) -> tuple[bytes, dict[bytes, Kind], tuple[bytes, ...]]:
    """Return key, grams and surrogates.  Raises PhiBlockedError for what `write_wire` did not write."""
    match wire:
        case {"version": 1, "key": str(key), "grams": dict(grams), "issued": list(issued), **rest} if not rest:
            secret = _bytes(key)
            words = tuple(_bytes(each) for each in issued)
            by_gram = {
                gram: _kind(kind) for kind, packed in grams.items() for gram in _pieces(_bytes(packed), gram_bytes)
            }
        case _:
            raise PhiBlockedError(_MALFORMED, detail="keyed identifiers: not the expected object")
    if len(secret) != _KEY_BYTES or len(by_gram) > most_grams:
        raise PhiBlockedError(_MALFORMED, detail="keyed identifiers: wrong key or too many forms")
    if (
        not all(each and len(each) % word_bytes == 0 for each in words)
        or len(b"".join(words)) > most_words * word_bytes
    ):
        raise PhiBlockedError(_MALFORMED, detail="keyed identifiers: wrong or too many surrogates")
    return secret, by_gram, words


def _bytes(value: object) -> bytes:
    try:
        return b64decode(value, validate=True) if isinstance(value, str) else _refused()
    except ValueError as error:
        raise PhiBlockedError(_MALFORMED, detail="keyed identifiers: not base64") from error


def _refused() -> bytes:
    raise PhiBlockedError(_MALFORMED, detail="keyed identifiers: not a string")


def _kind(value: object) -> Kind:
    try:
        return Kind(str(value))
    except ValueError as error:
        raise PhiBlockedError(_MALFORMED, detail="keyed identifiers: unknown kind") from error


def _pieces(packed: bytes, size: int) -> list[bytes]:
    if len(packed) % size:
        raise PhiBlockedError(_MALFORMED, detail="keyed identifiers: a form of the wrong length")
    return [packed[start : start + size] for start in range(0, len(packed), size)]
