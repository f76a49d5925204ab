"""What a record must be by itself and against the records before it: steps 3 to 7 of FORMAT.md section 12.

Pure, and shared with nobody but `verify`.  Each check looks at the row as it was stored, whatever its types.
"""

import hashlib
from collections.abc import Sequence

from audit.errors import FormatError
from audit.findings import Ledger
from audit.record import Kind, Leaf, read_facts

ID_PREFIX = "ev_"
"""An event id is this and 32 hex digits."""


ID_DIGITS = 32
"""Hex digits of an event id."""


class RowChecks:
    """The checks of one pass over all rows; owned by `verify.Verifier`."""

    def __init__(self, ledger: Ledger, *, origin: str) -> None:
        """Take the ledger to write to and the origin that the verifier keys name."""
        self._ledger = ledger
        self._origin = origin
        self._time_ms = 0
        self._ids: set[str | bytes] = set()
        self._latest: dict[str, str] = {}
        """Event id of the latest record, by exchange."""
        self.next_sequence = 0
        """Place of the next row; `verify` moves it over a gap."""

    def add(self, row: Sequence[object]) -> Leaf | None:
        """Check the row at the next place and return its leaf; None if it has none."""
        place = self.next_sequence
        self.next_sequence += 1
        _, time, exchange, task, event, _, leaf_bytes, facts, wrapped_key, ciphertext = row
        leaf = self._leaf(place, leaf_bytes)
        if leaf is None:
            return None
        self._check_order(place, leaf)
        self._check_copies(place, leaf, (time, exchange, task, event))
        self._check_facts(place, leaf, facts)
        self._check_seal(place, leaf, wrapped_key, ciphertext)
        self._check_previous(place, leaf)
        return leaf

    def _leaf(self, place: int, leaf_bytes: object) -> Leaf | None:
        self._ledger.check(3)
        try:
            return Leaf.from_bytes(leaf_bytes if isinstance(leaf_bytes, bytes) else b"")
        except FormatError as error:
            self._ledger.tampered(3, f"record {place} is no leaf ({error})", place)
            return None

    def _check_order(self, place: int, leaf: Leaf) -> None:
        """Step 3: it belongs here, and to this log."""
        event = _compact(leaf.event_id)
        checks = (
            (leaf.origin == self._origin, "belongs to another log"),
            (leaf.sequence == place, "says that it is another"),
            (leaf.time_ms >= self._time_ms, "is older than the one before"),
            ((leaf.kind is Kind.EPOCH) == (place == 0), "is an epoch out of place, or the first record is none"),
            (event not in self._ids, "has the event id of an earlier one"),
        )
        for holds, sentence in checks:
            if not holds:
                self._ledger.tampered(3, f"record {place} {sentence}", place)
        self._ids.add(event)
        self._time_ms = max(self._time_ms, leaf.time_ms)

    def _check_copies(self, place: int, leaf: Leaf, copies: tuple[object, ...]) -> None:
        """Step 4: what is searched is what the leaf says."""
        self._ledger.check(4)
        expected = (leaf.time_ms, leaf.exchange_id or None, leaf.task or None, leaf.event_id)
        if copies != expected:
            self._ledger.tampered(4, f"record {place} is filed under what its leaf does not say", place)

    def _check_facts(self, place: int, leaf: Leaf, facts: object) -> None:
        """Step 5: the readable facts are those that were bound."""
        self._ledger.check(5)
        if not isinstance(facts, bytes) or hashlib.sha256(facts).hexdigest() != leaf.facts_digest:
            self._ledger.tampered(5, f"the facts of record {place} have been changed", place)
            return
        try:
            read_facts(facts)
        except FormatError:
            self._ledger.tampered(5, f"the facts of record {place} are not canonical", place)

    def _check_seal(self, place: int, leaf: Leaf, wrapped_key: object, ciphertext: object) -> None:
        """Step 6: the sealed body is the one that was bound, and is there."""
        if not leaf.cipher_digest:
            if ciphertext is not None or wrapped_key is not None or leaf.plain_commitment:
                self._ledger.tampered(6, f"record {place} has a sealed body that its leaf does not know", place)
            return
        self._ledger.check(6)
        if ciphertext is None or wrapped_key is None:
            missing = "body" if ciphertext is None else "wrapped key"
            self._ledger.unverifiable(6, f"the {missing} of record {place} is missing", place)
        if ciphertext is not None and _digest(ciphertext) != leaf.cipher_digest:
            self._ledger.tampered(6, f"the sealed body of record {place} has been changed", place)

    def _check_previous(self, place: int, leaf: Leaf) -> None:
        """Step 7: the events of one exchange name each other in turn."""
        if not leaf.exchange_id:
            if leaf.previous:
                self._ledger.tampered(7, f"record {place} follows an event without an exchange", place)
            return
        self._ledger.check(7)
        if leaf.previous != self._latest.get(leaf.exchange_id, ""):
            self._ledger.tampered(7, f"record {place} does not follow the event before in its exchange", place)
        self._latest[leaf.exchange_id] = leaf.event_id


def _digest(data: object) -> str:
    return hashlib.sha256(data).hexdigest() if isinstance(data, bytes) else ""


def _compact(event_id: str) -> str | bytes:
    """Return the id in half the memory, which a million of them need."""
    digits = event_id.removeprefix(ID_PREFIX)
    if len(digits) != ID_DIGITS or len(event_id) == ID_DIGITS:
        return event_id
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return event_id
