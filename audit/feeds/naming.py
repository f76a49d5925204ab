"""Name the people of events with the custodian's keys: from the sealed header of the event or of its exchange's intent.

The body that is sealed with the header is let go at once and never leaves this module.  A month whose keys are gone
names nobody; a header that is not what its leaf binds is evidence of tampering and raises VerificationError.
"""

from collections.abc import Callable

from audit.envelope import open_sealed
from audit.errors import OpenError
from audit.feeds.people import NOBODY, People
from audit.keyring import MonthSecrets
from audit.query import Entry, Reader

KEPT = 4096
"""Exchanges whose people are remembered: those in flight at one time, many times over."""


class HeaderNaming:
    """Names people for one feed (`people.Naming`); used by one thread, holds PHI, and is dropped with the feed."""

    def __init__(self, reader: Reader, secrets: Callable[[str], MonthSecrets]) -> None:
        """Take the open trail and what gives a month's secrets, or raises OpenError when they are gone."""
        self._reader, self._secrets = reader, secrets
        self._months: dict[str, MonthSecrets | None] = {}
        self._exchanges: dict[str, People] = {}

    def __call__(self, entry: Entry) -> People:
        """Return the people whom the event commits to, as far as they can be named.  Raises VerificationError."""
        leaf = entry.leaf
        secrets = self._month(leaf.month) if leaf.user or leaf.patients else None
        if secrets is None:
            return NOBODY
        known, key = self._known(entry), secrets.index_key()
        return People(
            user=known.user if known.user and key.user(known.user) == leaf.user else "",
            patients=tuple(patient for patient in known.patients if key.patient(patient) in leaf.patients),
        )

    def _known(self, entry: Entry) -> People:
        """Return whom the sealed header of the event, or of its exchange's first sealed event, names."""
        exchange_id = entry.leaf.exchange_id
        if not exchange_id:
            return self._opened(entry)
        if exchange_id not in self._exchanges:
            if len(self._exchanges) >= KEPT:
                self._exchanges.clear()
            sealed = [event for event in self._reader.exchange(exchange_id) if event.has_body]
            self._exchanges[exchange_id] = self._opened(sealed[0]) if sealed else NOBODY
        return self._exchanges[exchange_id]

    def _opened(self, entry: Entry) -> People:
        secrets = self._month(entry.leaf.month)
        sealed = self._reader.sealed(entry.leaf.sequence)
        if secrets is None or sealed is None:
            return NOBODY
        try:
            opened = open_sealed(entry.leaf, wrapped_key=sealed.wrapped_key, ciphertext=sealed.ciphertext, keys=secrets)
        except OpenError:
            return NOBODY
        return People(user=opened.user, patients=opened.patients)

    def _month(self, month: str) -> MonthSecrets | None:
        if month not in self._months:
            try:
                self._months[month] = self._secrets(month)
            except OpenError:
                self._months[month] = None
        return self._months[month]
