"""Whether every term is noted in every block of records that holds it, and in no other (FORMAT.md section 12, step 4).

A pair too few hides a rare record from a question.  Pairs come in any order: each block keeps the sum of the
fingerprints of its terms, 8 bytes for 256 records.
"""

from array import array
from collections.abc import Iterable, Sequence

from audit.findings import Ledger
from audit.verify.fingerprints import FINGERPRINT_BYTES, MASK, fingerprint_of

BLOCK_RECORDS = 256
"""Records of one block (FORMAT.md section 11)."""

MAX_TERM = 2**63 - 1
"""SQL's largest whole number."""


class Blocks:
    """The pairs of term and block of one trail; owned by `Copies`."""

    def __init__(self, ledger: Ledger, *, salt: bytes) -> None:
        """Take the ledger to write to, and fresh random bytes that key the fingerprints."""
        self._ledger = ledger
        self._salt = salt
        self._sums = array("Q")
        """By block the sum of the fingerprints of its terms, as stored."""
        self._last: set[int] = set()
        """Terms that are stored for the last block, which may be growing."""
        self._stray = False
        """Whether pairs name a block beyond the last."""
        self._block = 0
        self._found: set[tuple[int | None, ...]] = set()
        """Combinations of terms that the records of this block hold."""
        self._fingerprints: dict[int, int] = {}

    def add(self, rows: Iterable[Sequence[object]], *, size: int) -> None:
        """Take the rows (term, block), and the number of records that there are."""
        blocks = -(-size // BLOCK_RECORDS)
        self._sums = array("Q", bytes(FINGERPRINT_BYTES * blocks))
        for term, block in rows:
            if type(term) is not int or type(block) is not int or block < 0 or not 0 <= term <= MAX_TERM:
                self._ledger.tampered(4, "a row of the blocks of terms has the wrong form", 0)
            elif block < blocks:
                self._sums[block] = (self._sums[block] + self._fingerprint(term)) & MASK
                if block == blocks - 1:
                    self._last.add(term)
            else:
                self._stray = True

    def take(self, place: int, terms: tuple[int | None, ...]) -> None:
        """Take the terms of one record, in the order of records."""
        block = place // BLOCK_RECORDS
        if block != self._block:
            self._check()
            self._block = block
        self._found.add(terms)

    def close(self, *, is_whole: bool) -> None:
        """Check the last block, exactly if the trail did not grow meanwhile."""
        if is_whole or self._block < len(self._sums) - 1:
            self._check()
            if self._stray:
                self._ledger.tampered(4, "terms are noted in blocks that have no record")
        elif not self._held() <= self._last:
            self._tell()

    def _check(self) -> None:
        expected = sum(map(self._fingerprint, self._held())) & MASK
        if self._block < len(self._sums) and self._sums[self._block] != expected:
            self._tell()
        self._found.clear()

    def _held(self) -> set[int]:
        """Return the terms that the records of this block hold."""
        return {term for terms in self._found for term in terms if term is not None and term >= 0}

    def _tell(self) -> None:
        first = self._block * BLOCK_RECORDS
        sentence = f"records {first} to {first + BLOCK_RECORDS - 1} are not found by the terms that they hold"
        self._ledger.tampered(4, sentence, first, last=first + BLOCK_RECORDS - 1)

    def _fingerprint(self, term: int) -> int:
        known = self._fingerprints.get(term)
        if known is None:
            known = self._fingerprints[term] = fingerprint_of(term.to_bytes(8), self._salt)
        return known
