"""The last look at the exact bytes that would leave, apart from the guard that wrote them.

1. Read every text that the bytes hold (`tripwire_text`).
2. Look for the identifiers of this exchange by their keyed digests: what the guard knew and left in place.
3. Look for anything of an identifier's shape (`tripwire_rules`, `tripwire_names`) that is no surrogate of this
   exchange.

One hit refuses, and so does anything that keeps the look from being complete: no errors are forgiven and no time is
given in addition.  It MUST share nothing with the guard's recognizers, normalisation and models, and it never logs,
keeps or tells a value (45 CFR 164.514(b); design section 2, promises 1 and 11).
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter

from appliance.broker.tripwire_names import names
from appliance.broker.tripwire_rules import REACH, SHAPES
from appliance.broker.tripwire_text import plain, readings_of
from appliance.phi.findings import Kind
from appliance.phi.keyed import KeyedIdentifiers

MAX_BYTES = 1024 * 1024
"""A quarter of a million tokens: more than any prompt of the tasks, and what can be read within the budget."""

BUDGET_S = 12.0
"""Seconds for one body; the largest takes about a third of it on one idle core (`tests/bench/phi_tripwire.py`)."""

PIECE = 8192
"""Characters that are searched before the clock is looked at and other threads get their turn: about 10 ms."""

_IDENTIFIED_BY_DIGITS = frozenset(Kind) - {Kind.NAME, Kind.LOCATION, Kind.DATE, Kind.EMAIL, Kind.URL}
"""Kinds of which the part from the first digit to the last is what identifies."""

_DIGITS = re.compile(r"\d(?:.*\d)?", re.DOTALL)

_TAG = re.compile(rf"\[(?:{'|'.join(Kind)})-\d{{1,4}}\]")
"""What the guard writes for an identifier where policy asks for a tag."""


class TripwireError(Exception):
    """Say that identifiers are left, by kind and count only."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        """Take how many of each kind."""
        self.counts = dict(sorted(counts.items()))
        super().__init__("identifiers are left in the outgoing bytes")


class TripwireFaultError(Exception):
    """Say that the look could not be completed, which refuses like a hit."""


class Tripwire:
    """Look at the outgoing bytes of one exchange."""

    def __init__(
        self, keyed: KeyedIdentifiers, *, budget_s: float = BUDGET_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the exchange's keyed identifiers and surrogates."""
        self._keyed = keyed
        self._budget_s = budget_s
        self._clock = clock

    def check(self, body: bytes) -> None:
        """Return only if nothing was found by a complete look.

        Raises TripwireError with the counts, TripwireFaultError when the body is too long, unreadable or the time
        is over.  Any other error that comes out of it MUST refuse too.
        """
        if len(body) > MAX_BYTES:
            raise TripwireFaultError("body_too_long")
        deadline_s = self._clock() + self._budget_s
        counts: Counter[str] = Counter()
        try:
            for found in self._everything(body):
                counts.update(found)
                if self._clock() > deadline_s:
                    raise TripwireFaultError("out_of_time")
        except (UnicodeDecodeError, RecursionError) as error:
            raise TripwireFaultError("body_unreadable") from error
        if counts:
            raise TripwireError(counts)

    def _everything(self, body: bytes) -> Iterator[Counter[str]]:
        """Yield what each piece of each text holds; an empty count for a clean one."""
        for reading in readings_of(body):
            cleaned = plain(reading.text)
            for text in dict.fromkeys([] if reading.repeats else [reading.text, cleaned]):
                yield from (self._known(piece) for piece in _pieces(_TAG.sub("[]", text)))
            untagged = _TAG.sub("[]", cleaned)
            yield from (self._shaped(untagged, start) for start in range(0, len(untagged), PIECE))

    def _known(self, piece: str) -> Counter[str]:
        return Counter(finding.kind.value for finding in self._keyed.find(piece))

    def _shaped(self, text: str, start: int) -> Counter[str]:
        """Count what has a shape and is no surrogate; of values that overlap, one."""
        counts: Counter[str] = Counter()
        reached = -1
        for first, last, kind in sorted(self._foreign(text, start, start + PIECE), key=itemgetter(0)):
            if first >= reached:
                counts[kind.value] += 1
                reached = last
        return counts

    def _foreign(self, text: str, start: int, end: int) -> Iterator[tuple[int, int, Kind]]:
        for shape in SHAPES:
            for first, last in shape.values(text, start, end):
                if not self._is_issued(shape.kind, text[first:last]):
                    yield first, last, shape.kind
        for first, last in names(text, start, end):
            if not self._keyed.is_issued(text[first:last]):
                yield first, last, Kind.NAME

    def _is_issued(self, kind: Kind, value: str) -> bool:
        """Say whether the guard made this value, or at least the digits that would identify."""
        if self._keyed.is_issued(value):
            return True
        digits = _DIGITS.search(value) if kind in _IDENTIFIED_BY_DIGITS else None
        return digits is not None and self._keyed.is_issued(digits[0])


def _pieces(text: str) -> Iterator[str]:
    """Yield parts that overlap by `REACH` and begin and end at a blank, so that no word is cut in every one."""
    for start in range(0, len(text), PIECE):
        first = text.find(" ", start, start + REACH) if start else 0
        end = start + PIECE + REACH
        last = text.rfind(" ", end - REACH // 2, end) if end < len(text) else len(text)
        yield text[max(first, start) : last if last > 0 else end]
