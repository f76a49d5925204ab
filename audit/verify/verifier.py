"""The order in which a trail is verified, and the one report that comes out (FORMAT.md section 12, steps 2 to 12).

The order is fixed and a call out of order raises RuntimeError: first everything that makes a claim about the trail
(checkpoints, witnesses, receipts, dictionary, index rows), then the records, once, in order, then `finish`.  The caller
MUST read checkpoints and witnesses before it takes the trail's size, and dictionary and index after, so that a trail
which grows meanwhile is not accused; and MUST take the verifier keys from somewhere it trusts.

Example: a hospital's counsel holds one receipt.  Someone restores last week's backup: the receipt's place is beyond
the end, and step 11 names it, although every checkpoint of the restored copy still verifies.
"""

from collections.abc import Callable, Iterable, Sequence

from audit.errors import FormatError, OpenError, VerificationError
from audit.findings import Ledger, Report
from audit.keyring.signatures import VerifierKey
from audit.merkle import Tree, leaf_hash
from audit.record import Leaf
from audit.terms import COLUMNS
from audit.verify.claims import Claims
from audit.verify.copies import Copies
from audit.verify.leaves import LeafChecks
from audit.verify.scan import LeafText

RECORD_COLUMNS = ("time", "exchange", "event", *COLUMNS, "nodes", "leaf", "facts", "wrapped_key", "ciphertext")
"""What a record row holds, after its sequence."""

MAX_SEQUENCE = 2**63 - 1
"""SQL's largest whole number."""

BodyCheck = Callable[[Leaf, bytes, bytes], None]
"""Opens the body of a leaf from its wrapped key and ciphertext (step 12).  Raises VerificationError if what comes out
is not what the leaf says, and OpenError if nothing comes out."""

_COPIES = slice(1, 4 + len(COLUMNS))
"""Where a row (sequence, *RECORD_COLUMNS) holds its copies."""


class Verifier:
    """The verification of one trail; owned by one caller, used once."""

    def __init__(self, keys: Sequence[VerifierKey], *, salt: bytes, check_body: BodyCheck | None = None) -> None:
        """Take the trusted public keys, fresh random bytes, and a way to open bodies if there is one."""
        self._check_body = check_body
        self._ledger = Ledger()
        self._claims = Claims(self._ledger, keys)
        self._copies = Copies(self._ledger, salt=salt)
        self._leaves = LeafChecks(self._ledger, origin=keys[0].name if keys else "")
        self._tree = Tree()
        self._next = 0
        """Place of the next row."""
        self._rows = self._read = 0
        """Rows, and those of them that are leaves."""
        self._gap: int | None = None
        """First sequence that is missing; from there on places, nodes and roots mean nothing."""
        self._state = "claims"

    def add_checkpoints(self, rows: Iterable[Sequence[object]]) -> None:
        """Take the rows (size, note) of the database's checkpoints (step 9)."""
        self._expect("claims")
        self._claims.add_checkpoints(rows)

    def add_witness(self, name: str, notes: Iterable[str | None]) -> None:
        """Take the notes of one witness file (step 10); None stands for a line that does not parse."""
        self._expect("claims")
        self._claims.add_witness(name, notes)

    def add_outside_checkpoint(self, name: str, note: str) -> None:
        """Take a checkpoint that was kept outside (step 10)."""
        self._expect("claims")
        self._claims.add_outside(name, note)

    def add_unread(self, sentence: str) -> None:
        """Take it that something which was kept outside cannot be read (step 10)."""
        self._expect("claims")
        self._ledger.check(10)
        self._ledger.unverifiable(10, sentence)

    def add_receipt(self, receipt: str) -> None:
        """Take a compact or a full receipt, or a tlog-proof, that was kept outside (step 11)."""
        self._expect("claims")
        self._claims.add_receipt(receipt)

    def add_terms(self, rows: Iterable[Sequence[object]]) -> None:
        """Take the rows (id, member, value) of the dictionary of terms (step 4)."""
        self._expect("claims")
        self._copies.add_terms(rows)

    def add_blocks(self, rows: Iterable[Sequence[object]], *, size: int) -> None:
        """Take the rows (term, block) that say where terms occur (step 4), and the number of records that there are."""
        self._expect("claims")
        self._copies.add_blocks(rows, size=size)

    def add_index(self, rows: Iterable[Sequence[object]], *, size: int) -> None:
        """Take the rows (value, sequence) of the blind index (step 4), and the number of records that there are."""
        self._expect("claims")
        self._copies.add_index(rows, size=size)

    def add_records(self, rows: Iterable[Sequence[object]]) -> None:
        """Take the rows (sequence, *RECORD_COLUMNS) of all records, in order (steps 2 to 8, 11 and 12)."""
        self._expect("claims")
        self._state = "records"
        self._claims.check_root(self._tree)
        for row in rows:
            self._add_record(row)

    def finish(self, *, size_now: int) -> Report:
        """Return the report, given the trail's size now that everything has been read."""
        self._expect("records")
        self._state = "finished"
        size = self._next
        self._ledger.check(2, self._rows)
        self._ledger.check(8, self._tree.size)
        self._leaves.finish(self._read)
        if not size:
            self._ledger.unverifiable(2, "there is no record")
        self._copies.close(size, size_now=size_now)
        self._claims.close(size, gap=self._gap)
        return self._ledger.report(size=size, signed=self._claims.signed)

    def _expect(self, state: str) -> None:
        if self._state != state:
            raise RuntimeError(f"verification steps out of order: {self._state}, not {state}")

    def _add_record(self, row: Sequence[object]) -> None:
        nodes, packed, facts, wrapped_key, ciphertext = row[-5:]
        # 2. It stands in its place.
        place = self._take_place(row[0])
        # 8 to 11. The tree grows by it as stored hashes, checkpoints and receipts say.
        data = self._leaves.unpack(place, packed)
        self._grow(place, data, nodes)
        # 3. It is a leaf of this log.
        leaf = self._leaves.read(place, data)
        if leaf is None:
            return
        self._read += 1
        # 5 and 4. Its readable facts are those that were bound, and it is found under what leaf and facts say.
        bound = self._leaves.check_facts(place, leaf, facts)
        if bound is not None:
            self._check_copies(place, leaf, bound, row)
        # 6. Its sealed body is the one that was bound.
        self._leaves.check_seal(place, leaf, wrapped_key, ciphertext)
        # 7. It follows the event before in its exchange.
        self._leaves.check_chain(place, leaf)
        # 12. What is sealed is what the leaf says.
        if self._check_body is not None:
            self._open(place, data, wrapped_key, ciphertext)

    def _check_copies(self, place: int, leaf: LeafText, facts: bytes, row: Sequence[object]) -> None:
        client = self._leaves.read_client(place, facts)
        if client is not None:
            self._copies.check(place, leaf, facts, client=client, row=row[_COPIES])

    def _take_place(self, sequence: object) -> int:
        place = expected = self._next
        self._rows += 1
        if sequence != expected:
            self._gap = expected if self._gap is None else self._gap
            if isinstance(sequence, int) and expected < sequence <= MAX_SEQUENCE:
                self._ledger.tampered(2, f"records {expected} to {sequence - 1} are missing", expected)
                place = sequence
            else:
                self._ledger.tampered(2, f"record {expected} stands out of order", expected)
        self._next = place + 1
        return place

    def _grow(self, place: int, data: bytes, nodes: object) -> None:
        """Append to the tree and check what is known about it at this place."""
        leaf = leaf_hash(data)
        self._claims.check_leaf(place, leaf)
        if self._gap is not None:
            return
        if nodes != self._tree.append(leaf):
            self._ledger.tampered(8, f"record {place} carries hashes that the records do not give", place)
        self._claims.check_root(self._tree)

    def _open(self, place: int, data: bytes, wrapped_key: object, ciphertext: object) -> None:
        if self._check_body is None or not isinstance(wrapped_key, bytes) or not isinstance(ciphertext, bytes):
            return
        self._ledger.check(12)
        try:
            self._check_body(Leaf.from_bytes(data), wrapped_key, ciphertext)
        except VerificationError as error:
            self._ledger.tampered(12, f"record {place}: {error}", place)
        except (OpenError, FormatError) as error:
            self._ledger.unverifiable(12, f"record {place}: {error}", place)
