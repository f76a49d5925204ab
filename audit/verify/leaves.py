"""What a record must be by itself and against the records before it: steps 3, 5, 6 and 7 of FORMAT.md section 12.

Each check looks at the row as it was stored, whatever its types.  Memory: 24 bytes a record for its event id and about
200 bytes an exchange for its newest event.  A whole verification took 150 MiB for 1,000,000 records of 200,000
exchanges (tests/bench/verify.py, 2026-11-23), so 10,000,000 take about 1 GB.
"""

import hashlib

from audit.compact import unpack
from audit.errors import FormatError
from audit.findings import Ledger
from audit.verify.scan import LeafText, read_client, read_leaf

EVENT_PREFIX, EXCHANGE_PREFIX = "ev_", "ex_"
"""What stands before the 32 hex digits of an event id and of an exchange id."""

ID_BYTES = 16
"""Bytes that the digits of an id stand for."""

PLACE_BYTES = 8
"""Bytes of a place beside an id: SQL's largest whole number."""

BUCKETS = 256
"""Event ids are looked through for repeats by their first byte, so that the look takes little memory."""

_ENTRY_BYTES = ID_BYTES + PLACE_BYTES


class LeafChecks:
    """The checks of one pass over all rows; owned by `Verifier`."""

    def __init__(self, ledger: Ledger, *, origin: str) -> None:
        """Take the ledger to write to and the origin that the verifier keys name."""
        self._ledger = ledger
        self._origin = origin
        self._time_ms = 0
        self._ids = [bytearray() for _ in range(BUCKETS)]
        """Event id and place of every record, by the id's first byte."""
        self._latest: dict[str | bytes, str | bytes] = {}
        """Event id of the latest record, by exchange."""
        self._sealed = 0
        self._chained = 0

    def unpack(self, place: int, packed: object) -> bytes:
        """Return a leaf's bytes as the tree hashes them (step 3); empty if there is none."""
        try:
            return unpack(packed) if isinstance(packed, bytes) else b""
        except FormatError as error:
            self._ledger.tampered(3, f"record {place} is no packed leaf ({error})", place)
            return b""

    def read(self, place: int, data: bytes) -> LeafText | None:
        """Return the leaf at a place if it is one, and check that it belongs there (step 3)."""
        try:
            leaf = read_leaf(data)
        except FormatError as error:
            self._ledger.tampered(3, f"record {place} is no leaf ({error})", place)
            return None
        time_ms = int(leaf.time)
        if leaf.origin != self._origin:
            self._ledger.tampered(3, f"record {place} belongs to another log", place)
        if int(leaf.sequence) != place:
            self._ledger.tampered(3, f"record {place} says that it is another", place)
        if time_ms < self._time_ms:
            self._ledger.tampered(3, f"record {place} is older than the one before", place)
        if (leaf.kind == "epoch") != (place == 0):
            self._ledger.tampered(3, f"record {place} is an epoch out of place, or the first record is none", place)
        self._time_ms = max(self._time_ms, time_ms)
        return leaf

    def check_facts(self, place: int, leaf: LeafText, packed: object) -> bytes | None:
        """Check that the readable facts are those that were bound (step 5), and return them unpacked."""
        try:
            facts = unpack(packed) if isinstance(packed, bytes) else b""
        except FormatError as error:
            self._ledger.tampered(5, f"the facts of record {place} are not packed as they should be ({error})", place)
            return None
        if hashlib.sha256(facts).hexdigest() != leaf.facts:
            self._ledger.tampered(5, f"the facts of record {place} have been changed", place)
            return None
        return facts

    def read_client(self, place: int, facts: bytes) -> str | None:
        """Return the client id of bound facts, which must be canonical (step 5); None if they are not."""
        try:
            return read_client(facts)
        except FormatError:
            self._ledger.tampered(5, f"the facts of record {place} are not canonical", place)
            return None

    def check_seal(self, place: int, leaf: LeafText, wrapped_key: object, ciphertext: object) -> None:
        """Check that the sealed body is the one that was bound, and is there (step 6)."""
        if not leaf.cipher:
            if ciphertext is not None or wrapped_key is not None or leaf.plain:
                self._ledger.tampered(6, f"record {place} has a sealed body that its leaf does not know", place)
            return
        self._sealed += 1
        if ciphertext is None or wrapped_key is None:
            missing = "body" if ciphertext is None else "wrapped key"
            self._ledger.unverifiable(6, f"the {missing} of record {place} is missing", place)
        if ciphertext is not None and _digest(ciphertext) != leaf.cipher:
            self._ledger.tampered(6, f"the sealed body of record {place} has been changed", place)

    def check_chain(self, place: int, leaf: LeafText) -> None:
        """Check that the event id is new (step 3), and that events of one exchange name each other in turn (step 7)."""
        event = _compact(leaf.event, EVENT_PREFIX)
        if isinstance(event, bytes):
            self._ids[event[0]] += event + place.to_bytes(PLACE_BYTES)
        else:
            self._ledger.tampered(3, f"record {place} has no event id", place)
        if not leaf.exchange:
            if leaf.previous:
                self._ledger.tampered(7, f"record {place} follows an event without an exchange", place)
            return
        self._chained += 1
        exchange = _compact(leaf.exchange, EXCHANGE_PREFIX)
        latest = self._latest.get(exchange, "")
        if leaf.previous != (latest if isinstance(latest, str) else EVENT_PREFIX + latest.hex()):
            self._ledger.tampered(7, f"record {place} does not follow the event before in its exchange", place)
        self._latest[exchange] = event

    def finish(self, records: int) -> None:
        """Look for event ids that occur twice (step 3), and tell the ledger how many records were looked at."""
        for bucket in self._ids:
            entries = bytes(bucket)
            ids = [entries[at : at + ID_BYTES] for at in range(0, len(entries), _ENTRY_BYTES)]
            if len(set(ids)) < len(ids):
                self._tell_repeats(ids, entries)
        for step, checked in ((3, records), (4, records), (5, records), (6, self._sealed), (7, self._chained)):
            self._ledger.check(step, checked)

    def _tell_repeats(self, ids: list[bytes], entries: bytes) -> None:
        seen: set[bytes] = set()
        for number, event in enumerate(ids):
            if event in seen:
                at = number * _ENTRY_BYTES + ID_BYTES
                place = int.from_bytes(entries[at : at + PLACE_BYTES])
                self._ledger.tampered(3, f"record {place} has the event id of an earlier one", place)
            seen.add(event)


def _digest(data: object) -> str:
    return hashlib.sha256(data).hexdigest() if isinstance(data, bytes) else ""


def _compact(name: str, prefix: str) -> str | bytes:
    """Return an id in half the memory; as it stands if it is not prefix and 32 lowercase hex digits."""
    digits = name[len(prefix) :]
    try:
        value = bytes.fromhex(digits)
    except ValueError:
        return name
    return value if len(value) == ID_BYTES and value.hex() == digits and name.startswith(prefix) else name
