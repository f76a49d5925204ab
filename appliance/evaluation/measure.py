"""Runs a detector over the texts of a set and takes its time, text by text.

Latency is told for 1,000 characters: a longer text is divided by its length, and a shorter one counts as it is, because
a caller waits for it whole.  The clock runs around the detector alone, never around reading or scoring.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from appliance.evaluation.records import Predictions, Record, Span

PER_CHARACTERS = 1000
"""Length that latencies are told for: about half a page."""

Detect = Callable[[Record], tuple[Span, ...]]
"""Says what is found in the text of a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long a detector took over the texts of one set."""

    texts: int
    characters: int
    seconds: float
    p50_ms: float
    """Median over the texts, for 1,000 characters."""

    p99_ms: float
    """99 of 100 texts took at most this, for 1,000 characters."""

    def per_second(self) -> float:
        """Return characters a second."""
        return self.characters / self.seconds if self.seconds else 0.0


def measure(
    detect: Detect, records: Iterable[Record], *, tell: Callable[[], None] = lambda: None
) -> tuple[Predictions, Timing]:
    """Return what a detector says of each record, and how long it took; `tell` is called after each text."""
    found: dict[str | int, tuple[Span, ...]] = {}
    latencies: list[float] = []
    characters, seconds = 0, 0.0
    for record in records:
        begin = time.perf_counter()
        found[record.id] = detect(record)
        took = time.perf_counter() - begin
        characters += len(record.text)
        seconds += took
        latencies.append(1000 * took / max(1.0, len(record.text) / PER_CHARACTERS))
        tell()
    return found, Timing(
        texts=len(latencies),
        characters=characters,
        seconds=seconds,
        p50_ms=percentile(latencies, 0.50),
        p99_ms=percentile(latencies, 0.99),
    )


def percentile(values: list[float], share: float) -> float:
    """Return the value that a share of all values does not exceed; 0 when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
