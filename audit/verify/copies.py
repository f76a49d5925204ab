"""Whether what is searched is what the leaves say: step 4 of FORMAT.md section 12.

Copied columns, the dictionary of terms and the blind index exist for speed only and are believed nowhere; a copy that
differs would hide a record from a question, so here each must be exactly what the leaf gives.  Index rows come in the
order of people, not of records: each record keeps the sum of keyed fingerprints of its rows, 8 bytes a record.
"""

from array import array
from collections.abc import Iterable, Sequence

from audit.findings import Ledger
from audit.record import Kind
from audit.terms import COLUMNS, KIND_IDS, fact_terms, is_term
from audit.verify.blocks import Blocks
from audit.verify.fingerprints import FINGERPRINT_BYTES, MASK, fingerprint_of
from audit.verify.scan import LeafText, facts_of

KNOWN = 10_000
"""Fingerprints, and combinations of terms, that are kept: some megabytes."""

Numbers = tuple[int | None, ...]
"""Numbers of terms; None where a record has none."""

UNKNOWN = -1
"""Number of a term that the dictionary lacks; no row has it."""

_WITH_FACT_TERMS = frozenset({Kind.DECISION.value, Kind.DISCLOSURE.value})
"""Kinds whose facts hold terms without a column."""


class Copies:
    """The copies of one trail; owned by `Verifier`."""

    def __init__(self, ledger: Ledger, *, salt: bytes) -> None:
        """Take the ledger to write to, and fresh random bytes that key the fingerprints."""
        self._ledger = ledger
        self._salt = salt
        self._terms: dict[str, dict[str, int | None]] = {member: {"": None} for member in COLUMNS}
        """By member the numbers of its values."""
        self._columns = [self._terms[member] for member in COLUMNS]
        self._numbers: set[int] = set()
        """Every number of the dictionary."""
        self._blocks = Blocks(ledger, salt=salt)
        self._index = array("Q")
        """For each record the sum of the fingerprints of its index rows."""
        self._people: dict[str, int] = {}
        """Fingerprints of the people met lately; the events of an exchange name the same ones."""
        self._known_numbers: dict[tuple[str, ...], Numbers] = {}
        """Numbers of the combinations of terms met lately: there are few."""
        self._stray = -1
        """Lowest sequence of an index row beyond the trail; -1 for none."""

    def add_terms(self, rows: Iterable[Sequence[object]]) -> None:
        """Take the rows (id, member, value) of the dictionary."""
        for number, member, value in rows:
            if type(number) is not int or not isinstance(member, str) or not isinstance(value, str):
                self._ledger.tampered(4, "a term of the dictionary has the wrong form")
                continue
            if not value or not is_term(value):
                self._ledger.tampered(4, f"the dictionary's term {number} is none")
            known = self._terms.setdefault(member, {"": None})
            if number in self._numbers or value in known:
                self._ledger.tampered(4, f"the dictionary's term {number} is there twice")
            if member == "kind" and KIND_IDS.get(value) != number:
                self._ledger.tampered(4, f"the dictionary's term {number} is no kind, or another one")
            self._numbers.add(number)
            known[value] = number

    def add_blocks(self, rows: Iterable[Sequence[object]], *, size: int) -> None:
        """Take the rows (term, block) that say in which blocks of records a term occurs."""
        self._blocks.add(rows, size=size)

    def add_index(self, rows: Iterable[Sequence[object]], *, size: int) -> None:
        """Take the rows (value, sequence) of the blind index, and the number of records that there are."""
        self._index = index = array("Q", bytes(FINGERPRINT_BYTES * size))
        last, fingerprint = b"", fingerprint_of(b"", self._salt)
        for value, sequence in rows:
            if not isinstance(value, bytes) or not isinstance(sequence, int) or sequence < 0:
                self._ledger.tampered(4, "an index row has the wrong form", 0)
                continue
            if value != last:
                last, fingerprint = value, fingerprint_of(value, self._salt)
            if sequence < size:
                index[sequence] = (index[sequence] + fingerprint) & MASK
            elif self._stray < 0 or sequence < self._stray:
                self._stray = sequence

    def check(self, place: int, leaf: LeafText, facts: bytes, *, client: str, row: Sequence[object]) -> None:
        """Hold the copies of one row, given as (time, exchange, event, *terms), against its leaf and facts."""
        values = (
            leaf.kind,
            leaf.outcome,
            leaf.code,
            client,
            leaf.tenant,
            leaf.task,
            leaf.purpose,
            leaf.route,
            leaf.model,
            leaf.policy,
        )
        numbers = self._known_numbers.get(values) or self._numbers_of(values)
        if tuple(row) != (int(leaf.time), leaf.exchange or None, leaf.event, *numbers):
            self._ledger.tampered(4, f"record {place} is filed under what its leaf does not say", place)
        if leaf.kind in _WITH_FACT_TERMS:
            terms = fact_terms(Kind(leaf.kind), leaf.route, facts_of(facts))
            numbers += tuple(self._terms.get(member, {}).get(value, UNKNOWN) for member, value in terms.items())
        self._blocks.take(place, numbers)
        self._check_people(place, leaf)

    def close(self, size: int, *, size_now: int) -> None:
        """Report copies of no record, given the trail's size and what it is after everything was read."""
        self._blocks.close(is_whole=size_now <= size)
        if self._stray >= max(size, size_now):
            self._ledger.tampered(4, "index rows name records that do not exist", self._stray)

    def _numbers_of(self, values: tuple[str, ...]) -> Numbers:
        """Return the numbers that a row with these terms must have; a text that is no term has none."""
        pairs = zip(self._columns, values, strict=True)
        numbers = tuple(known.get(value, UNKNOWN if is_term(value) else None) for known, value in pairs)
        if len(self._known_numbers) >= KNOWN:
            self._known_numbers.clear()
        self._known_numbers[values] = numbers
        return numbers

    def _check_people(self, place: int, leaf: LeafText) -> None:
        people = {leaf.user, *leaf.patients}
        people.discard("")
        expected = sum(map(self._person, people)) & MASK
        if place < len(self._index) and self._index[place] != expected:
            self._ledger.tampered(4, f"record {place} cannot be found by the people it names", place)

    def _person(self, commitment: str) -> int:
        """Return the fingerprint of a person's index value, from their commitment in a leaf."""
        known = self._people.get(commitment)
        if known is None:
            if len(self._people) >= KNOWN:
                self._people.clear()
            known = self._people[commitment] = fingerprint_of(_to_bytes(commitment), self._salt)
        return known


def _to_bytes(commitment: str) -> bytes:
    try:
        return bytes.fromhex(commitment)
    except ValueError:
        return commitment.encode("utf-8", "surrogatepass")
