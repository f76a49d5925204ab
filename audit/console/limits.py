"""How often one officer, and one address with wrong keys, may ask: token buckets in memory, bounded in number.

An officer's key that leaked, or a script gone wrong, must not read a trail out in minutes unseen; and guessing keys
must not fill the log.  A right key is never held back by somebody else's wrong ones: nobody can lock an officer out.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

OFFICER_BURST = 120
"""Requests at once: two minutes of a person who clicks fast."""

OFFICER_PER_S = 2.0
"""Requests a second after that; 1,000 rows a page are still 7 million rows an hour."""

FAILURE_BURST = 20
"""Wrong keys at once from one address: several people behind one proxy who paste badly."""

FAILURE_PER_S = 0.1
"""Wrong keys after that: one in ten seconds."""

MAX_NAMES = 4096
"""Buckets that are kept; the longest unused one makes room."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class Rate:
    """Buckets of one size, by name; used by many threads."""

    def __init__(self, *, burst: int, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the size of a bucket, how fast it fills, and a clock that never goes back."""
        self._burst = burst
        self._per_s = per_s
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()  # guards _buckets

    def take(self, name: str) -> int:
        """Count one request; return 0, or the whole seconds after which the next one will do."""
        with self._lock:
            now = self._clock()
            bucket = self._buckets.pop(name, None) or _Bucket(tokens=self._burst, at_s=now)
            bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at_s) * self._per_s)
            bucket.at_s = now
            self._buckets[name] = bucket
            if len(self._buckets) > MAX_NAMES:
                self._buckets.popitem(last=False)
            if bucket.tokens < 1:
                return math.ceil((1 - bucket.tokens) / self._per_s)
            bucket.tokens -= 1
            return 0
