"""Say whether a trail is whole: steps 2 to 12 of FORMAT.md section 12, over values that were read elsewhere.

Pure: no file, clock, network or randomness; what it is given may be hostile, and nothing but its report comes out.
Only hash and signature checks are shared with the writer.  The order is fixed and a call out of order raises
RuntimeError: first everything that makes a claim about the trail (index rows, checkpoints, witnesses, receipts),
then the records, once, in order, then `finish`.  The caller MUST read the claims before it takes the trail's size,
so that a trail which grows meanwhile is not accused, and MUST take the verifier keys from somewhere it trusts.

Example: a hospital's counsel holds one receipt.  Someone restores last week's backup: the receipt's place is beyond
the end, and step 11 names it, although every checkpoint of the restored copy still verifies.
"""

import hashlib
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from audit.checkpoint import Checkpoint, read_checkpoint, read_receipt
from audit.errors import FormatError, OpenError, VerificationError
from audit.findings import Ledger, Report
from audit.full_receipt import FullReceipt, read_full_receipt
from audit.keyring.signatures import VerifierKey
from audit.merkle import EMPTY_ROOT, Frontier, leaf_hash
from audit.record import Leaf
from audit.row_checks import RowChecks

RECORD_COLUMNS = ("time", "exchange", "task", "event", "nodes", "leaf", "facts", "wrapped_key", "ciphertext")
"""What a record row holds, after its sequence."""

COMPACT_PREFIX = "audit1."
"""Tells a compact receipt from a full one."""

FINGERPRINT_BYTES = 8
"""Keyed by the verifier's own random key, so that 64 bits cannot be aimed at."""

KNOWN_PEOPLE = 10_000
"""Fingerprints kept: a megabyte."""

_MODULUS = 2**64

BodyCheck = Callable[[Leaf, bytes, bytes], None]
"""Opens the body of a leaf from its wrapped key and ciphertext (step 12).  Raises VerificationError if what comes out
is not what the leaf says, and OpenError if nothing comes out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """Somebody's signed word that the first records had this root."""

    step: int
    source: str
    root: bytes


class Verifier:
    """The verification of one trail; owned by one caller, used once."""

    def __init__(self, keys: Sequence[VerifierKey], *, salt: bytes, check_body: BodyCheck | None = None) -> None:
        """Take the trusted public keys, fresh random bytes, and a way to open bodies if there is one."""
        self._keys = keys
        self._salt = salt
        self._check_body = check_body
        self._ledger = Ledger()
        self._index = array("Q")
        """For each record the sum of the fingerprints of its index rows."""
        self._fingerprints: dict[bytes, int] = {}
        """Of the people met lately; the events of an exchange name the same ones."""
        self._stray = -1
        """Lowest sequence of an index row beyond the trail; -1 for none."""
        self._claims: dict[int, list[_Claim]] = {}
        """By tree size."""
        self._promises: dict[int, list[bytes]] = {}
        """Leaf hashes of receipts, by sequence."""
        self._known: dict[bytes, Checkpoint] = {}
        """Checkpoints already checked, by digest of their note: a witness repeats the database's."""
        self._records = RowChecks(self._ledger, origin=keys[0].name if keys else "")
        self._frontier = Frontier()
        self._signed = 0
        """Largest size at which a claim held."""
        self._gap = -1
        """First sequence that is missing; from there on places, nodes and roots mean nothing."""
        self._state = "claims"

    def add_index(self, rows: Iterable[Sequence[object]], *, size: int) -> None:
        """Take the rows (value, sequence) of the blind index (step 4), and the number of records that there are."""
        self._expect("claims")
        self._index = array("Q", bytes(FINGERPRINT_BYTES * size))
        for value, sequence in rows:
            if not isinstance(value, bytes) or not isinstance(sequence, int) or sequence < 0:
                self._ledger.tampered(4, "an index row has the wrong form", 0)
            elif sequence < size:
                self._index[sequence] = (self._index[sequence] + self._fingerprint(value)) % _MODULUS
            elif self._stray < 0 or sequence < self._stray:
                self._stray = sequence

    def add_checkpoints(self, rows: Iterable[Sequence[object]]) -> None:
        """Take the rows (size, note) of the database's checkpoints (step 9)."""
        self._expect("claims")
        for size, note in rows:
            statement = self._claim(9, "the database's checkpoint", note)
            if statement is not None and statement.size != size:
                self._ledger.tampered(9, f"the checkpoint of {statement.size} records is filed under another size")
        if not self._ledger.checked(9):
            self._ledger.unverifiable(9, "the database holds no checkpoint, so nothing says what it should contain")

    def add_witness(self, name: str, notes: Iterable[str | None]) -> None:
        """Take the notes of one witness file (step 10); None stands for a line that a crash has torn."""
        self._expect("claims")
        for note in notes:
            if note is None:
                self._ledger.note(10, "torn lines")
            else:
                self._claim(10, f"the witness {name}", note)

    def add_outside_checkpoint(self, name: str, note: str) -> None:
        """Take a checkpoint that was kept outside (step 10)."""
        self._expect("claims")
        self._claim(10, f"the checkpoint {name}", note)

    def add_receipt(self, receipt: str) -> None:
        """Take a compact or a full receipt that was kept outside (step 11)."""
        self._expect("claims")
        self._ledger.check(11)
        try:
            if receipt.startswith(COMPACT_PREFIX):
                promise = read_receipt(receipt, self._keys)
                self._promises.setdefault(promise.sequence, []).append(promise.leaf_hash)
            else:
                self._add_full(read_full_receipt(receipt, self._keys))
        except (VerificationError, FormatError) as error:
            self._ledger.tampered(11, f"a receipt does not hold: {error}")

    def add_records(self, rows: Iterable[Sequence[object]]) -> None:
        """Take the rows (sequence, *RECORD_COLUMNS) of all records, in order (steps 2 to 8, 11 and 12)."""
        self._expect("claims")
        self._state = "records"
        self._check_roots()
        for row in rows:
            self._add_record(row)

    def finish(self, *, size_now: int) -> Report:
        """Return the report, given the trail's size now that everything has been read."""
        self._expect("records")
        self._state = "finished"
        size = self._records.next_sequence
        if not size:
            self._ledger.unverifiable(2, "there is no record")
        if self._stray >= max(size, size_now):
            self._ledger.tampered(4, "index rows name records that do not exist", self._stray)
        self._close_claims(size)
        for sequence in sorted(place for place in self._promises if place >= size):
            self._ledger.tampered(11, f"a receipt promises record {sequence}, which is missing", size)
        return self._ledger.report(size=size, signed=self._signed)

    def _expect(self, state: str) -> None:
        if self._state != state:
            raise RuntimeError(f"verification steps out of order: {self._state}, not {state}")

    def _claim(self, step: int, source: str, note: object) -> Checkpoint | None:
        """Check a signed note and keep what it claims."""
        self._ledger.check(step)
        if not isinstance(note, str):
            self._ledger.tampered(step, f"{source} is no text")
            return None
        digest = hashlib.sha256(note.encode("utf-8", "surrogatepass")).digest()
        try:
            statement = self._known.get(digest) or read_checkpoint(note, self._keys)
        except (VerificationError, FormatError) as error:
            self._ledger.tampered(step, f"{source} does not hold: {error}")
            return None
        self._known[digest] = statement
        claims = self._claims.setdefault(statement.size, [])
        claim = _Claim(step=step, source=source, root=statement.root)
        if claim not in claims:
            claims.append(claim)
        return statement

    def _add_full(self, receipt: FullReceipt) -> None:
        for leaf, proven in zip(receipt.leaves, receipt.leaf_hashes, strict=True):
            self._promises.setdefault(leaf.sequence, []).append(proven)
        checkpoint = receipt.checkpoint
        self._claims.setdefault(checkpoint.size, []).append(
            _Claim(step=11, source="a receipt's checkpoint", root=checkpoint.root)
        )

    def _add_record(self, row: Sequence[object]) -> None:
        sequence, *_, nodes, leaf_bytes, _, wrapped_key, ciphertext = row
        self._check_place(sequence)
        place = self._records.next_sequence
        self._grow(place, leaf_bytes if isinstance(leaf_bytes, bytes) else b"", nodes)
        leaf = self._records.add(row)
        if leaf is not None:
            self._check_index(place, leaf)
            self._check_opened(place, leaf, wrapped_key, ciphertext)

    def _check_place(self, sequence: object) -> None:
        expected = self._records.next_sequence
        self._ledger.check(2)
        if sequence != expected:
            if self._gap < 0:
                self._gap = expected
            if isinstance(sequence, int) and sequence > expected:
                self._ledger.tampered(2, f"records {expected} to {sequence - 1} are missing", expected)
                self._records.next_sequence = sequence
            else:
                self._ledger.tampered(2, f"record {expected} stands out of order", expected)

    def _grow(self, sequence: int, leaf_bytes: bytes, nodes: object) -> None:
        """Append to the tree and check what is known about it at this place (steps 8, 9, 10 and 11)."""
        leaf = leaf_hash(leaf_bytes)
        for promised in self._promises.get(sequence, ()):
            if promised != leaf:
                self._ledger.tampered(11, f"record {sequence} is not the one that a receipt promises", sequence)
        if self._gap >= 0:
            return
        self._frontier, completed = self._frontier.append(leaf)
        self._ledger.check(8)
        if nodes != b"".join(completed):
            self._ledger.tampered(8, f"record {sequence} carries hashes that the records do not give", sequence)
        self._check_roots()

    def _check_roots(self) -> None:
        size = self._frontier.size
        claims = self._claims.pop(size, None)
        if claims is None:
            return
        root = self._frontier.root() if size else EMPTY_ROOT
        for claim in claims:
            if claim.root != root:
                sentence = f"{claim.source} was signed over {size} records that are not these"
                self._ledger.tampered(claim.step, sentence, self._signed, last=size - 1)
        if any(claim.root == root for claim in claims):
            self._signed = size

    def _close_claims(self, size: int) -> None:
        """Report the claims that no place of the trail could answer."""
        for claimed in sorted(self._claims):
            for claim in self._claims[claimed]:
                if claimed > size:
                    sentence = f"{claim.source} was signed over {claimed} records, and there are {size}"
                    self._ledger.tampered(claim.step, f"{sentence}: a cut tail or a restored old copy", size)
                else:
                    sentence = f"{claim.source} was signed over {claimed} records, some of which are missing"
                    self._ledger.tampered(claim.step, sentence, self._gap)

    def _fingerprint(self, value: bytes) -> int:
        known = self._fingerprints.get(value)
        if known is None:
            if len(self._fingerprints) >= KNOWN_PEOPLE:
                self._fingerprints.clear()
            digest = hashlib.blake2b(value, digest_size=FINGERPRINT_BYTES, key=self._salt).digest()
            known = self._fingerprints[value] = int.from_bytes(digest)
        return known

    def _check_index(self, sequence: int, leaf: Leaf) -> None:
        values = {*leaf.patients, leaf.user} - {""}
        expected = sum(self._fingerprint(_to_bytes(value)) for value in values) % _MODULUS
        found = self._index[sequence] if sequence < len(self._index) else expected
        if found != expected:
            self._ledger.tampered(4, f"record {sequence} cannot be found by the people it names", sequence)

    def _check_opened(self, sequence: int, leaf: Leaf, wrapped_key: object, ciphertext: object) -> None:
        if self._check_body is None or not isinstance(wrapped_key, bytes) or not isinstance(ciphertext, bytes):
            return
        self._ledger.check(12)
        try:
            self._check_body(leaf, wrapped_key, ciphertext)
        except VerificationError as error:
            self._ledger.tampered(12, f"record {sequence}: {error}", sequence)
        except (OpenError, FormatError) as error:
            self._ledger.unverifiable(12, f"record {sequence}: {error}", sequence)


def _to_bytes(commitment: str) -> bytes:
    try:
        return bytes.fromhex(commitment)
    except ValueError:
        return commitment.encode("utf-8", "surrogatepass")
