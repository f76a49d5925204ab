"""The keys that people are found by: this month's from the recorder's side, past months' from the custodian.

At a site the recorder's side is another user's, and all of them are the custodian's.

The console holds the custodian's index keys for minutes, never longer: a month that was destroyed must be forgotten
here as well.  Where the root needs a person (no passphrase file on this machine), past months are not searched, and
every answer says which.
"""

import threading
import time
from collections.abc import Callable, Mapping

from audit.errors import OpenError, StoreError
from audit.index_keys import current_index_key, held_index_keys, search_keys
from audit.keyring import IndexKey
from audit.places import Places
from audit.question import Question

KEEP_S = 300.0
"""Opening a root takes a quarter of a second and 72 months some more: not at every click, and not for long."""


class PeopleKeys:
    """Index keys of one trail, kept for a while; used by many threads."""

    def __init__(self, places: Places, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the trail's places and a clock that never goes back; nothing is read yet."""
        self._places = places
        self._clock = clock
        self._kept: dict[str, IndexKey] = {}
        self._until_s = 0.0
        self._lock = threading.Lock()  # guards _kept and _until_s

    def keys_for(self, question: Question) -> Mapping[str, IndexKey]:
        """Return the keys that this question needs: past months' only where somebody is asked for."""
        held = held_index_keys(self._places.trail)
        if not question.patients and not question.user and current_index_key(held):
            return held
        return self.all()

    def all(self) -> Mapping[str, IndexKey]:
        """Return the keys of every month that can be searched here."""
        with self._lock:
            if self._clock() >= self._until_s:
                self._kept = self._read()
                self._until_s = self._clock() + KEEP_S
            return self._kept

    def _read(self) -> dict[str, IndexKey]:
        try:
            return search_keys(self._places)
        except (OpenError, StoreError):
            return held_index_keys(self._places.trail)
