"""Bounds what a provider may answer: the head, the size, the shape of an event stream.

An answer comes from outside and is hostile until it is read.  The SDKs gather an event line by line, and their work
grows with the square of its lines, so both its bytes and its lines are bounded here, before they see it.
"""

from collections.abc import Iterable, Mapping

from appliance.broker.outgoing import ProviderFaultError

MAX_HEAD_BYTES = 32 * 1024
"""Of all headers of an answer; vendors send two to four kilobytes."""

MAX_ERROR_BYTES = 64 * 1024
"""Of an error's body that is read; the rest is left unread."""

MAX_EVENT_BYTES = 1024 * 1024
"""Of one event.  OpenAI's last one repeats the whole answer: 32,768 tokens are about 200 KiB of JSON."""

MAX_EVENT_LINES = 64
"""Of one event.  The vendors write at most three: ``event``, ``data`` and perhaps ``id``."""

KEPT_HEADERS = frozenset(
    {"content-type", "content-length", "retry-after", "date", "x-should-retry", "x-amzn-errortype"}
)
"""Headers of an answer that an SDK may read; cookies, locations and whatever else is dropped."""

EVENT_STREAM = "text/event-stream"


def kept_headers(raw: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    """Return the headers that matter.  Raises ProviderFaultError for a head that is too large or compressed."""
    headers: dict[str, str] = {}
    size = 0
    for name, value in raw:
        size += len(name) + len(value)
        lower = name.decode("latin-1").lower()
        if lower == "content-encoding" and value.strip().lower() not in {b"", b"identity"}:
            raise ProviderFaultError("broken", "The provider compressed its answer although it was asked not to.")
        if lower in KEPT_HEADERS:
            headers[lower] = value.decode("latin-1")
    if size > MAX_HEAD_BYTES:
        raise ProviderFaultError("broken", "The head of the provider's answer is larger than it may be.")
    return headers


def content_type(headers: Mapping[str, str]) -> str:
    """Return the media type without its parameters."""
    return headers.get("content-type", "").split(";")[0].strip().lower()


class Meter:
    """Counts one answer's bytes and, of an event stream, each event's; call `count` with each piece in order."""

    def __init__(self, *, most: int, events: bool) -> None:
        """Take the most bytes of the whole answer and whether it is an event stream."""
        self._most = most
        self._events = events
        self._bytes = 0
        self._event_bytes = 0
        self._event_lines = 0
        self._line_bytes = 0
        self._ended_in_return = False

    def count(self, piece: bytes) -> None:
        """Raise ProviderFaultError if this piece makes the answer or an event too large."""
        self._bytes += len(piece)
        if self._bytes > self._most:
            raise ProviderFaultError("broken", "The provider's answer is larger than its register entry allows.")
        if self._events:
            self._count_lines(piece)

    def _count_lines(self, piece: bytes) -> None:
        if self._ended_in_return and piece.startswith(b"\n"):
            piece = piece[1:]
        if piece:
            self._ended_in_return = piece.endswith(b"\r")
        *lines, rest = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            self._end_line(len(line))
        self._line_bytes += len(rest)
        self._event_bytes += len(rest)
        self._check_event()

    def _end_line(self, size: int) -> None:
        if self._line_bytes + size == 0:
            self._event_bytes = self._event_lines = 0
            return
        self._line_bytes = 0
        self._event_bytes += size
        self._event_lines += 1
        self._check_event()

    def _check_event(self) -> None:
        if self._event_bytes > MAX_EVENT_BYTES or self._event_lines > MAX_EVENT_LINES:
            raise ProviderFaultError("broken", "An event of the provider's answer is larger than one may be.")
