"""What others say about a trail, and whether the trail bears it out: steps 9, 10 and 11 of FORMAT.md section 12.

A *claim* is a signed checkpoint: the first records had this root.  A *promise* is a receipt: this leaf is at this
place.  Both are collected before the records are read, answered while the tree grows, and whatever no record answered
at the end is a cut tail or a restored old copy.
"""

import hashlib
from collections.abc import Iterable, Sequence

from audit.checkpoint import RECEIPT_PREFIX, Checkpoint, read_checkpoint, read_receipt
from audit.errors import FormatError, VerificationError
from audit.findings import Ledger
from audit.full_receipt import read_full_receipt
from audit.keyring.signatures import VerifierKey
from audit.merkle import Tree
from audit.tlog_proof import HEADER, verify_proof

COMPACT_PREFIX = RECEIPT_PREFIX
"""Tells a compact receipt from a full one."""

_Claim = tuple[int, str, bytes]
"""Step, source and root."""


class Claims:
    """Every claim and promise about one trail; owned by `Verifier`."""

    def __init__(self, ledger: Ledger, keys: Sequence[VerifierKey]) -> None:
        """Take the ledger to write to and the trusted public keys."""
        self._ledger = ledger
        self._keys = keys
        self._claims: dict[int, list[_Claim]] = {}
        """By tree size."""
        self._promises: dict[int, list[bytes]] = {}
        """Leaf hashes of receipts, by sequence."""
        self._known: dict[bytes, Checkpoint] = {}
        """Checkpoints already checked, by digest of their note: a witness repeats the database's."""
        self.signed = 0
        """Largest size at which a claim held."""

    def add_checkpoints(self, rows: Iterable[Sequence[object]]) -> None:
        """Take the rows (size, note) of the database's checkpoints (step 9)."""
        for size, note in rows:
            statement = self._claim(9, "the database's checkpoint", note)
            if statement is not None and statement.size != size:
                self._ledger.tampered(9, f"the checkpoint of {statement.size} records is filed under another size")
        if not self._ledger.checked(9):
            self._ledger.unverifiable(9, "the database holds no checkpoint, so nothing says what it should contain")

    def add_witness(self, name: str, notes: Iterable[str | None]) -> None:
        """Take the notes of one witness (step 10); None stands for a line that does not parse."""
        for note in notes:
            if note is None:
                self._ledger.note(10, "torn lines")
            elif not self._is_ours(note):
                self._ledger.note(10, "checkpoints of other logs")
            else:
                self._claim(10, f"the witness {name}", note)

    def add_outside(self, name: str, note: str) -> None:
        """Take a checkpoint that was kept outside (step 10)."""
        if self._is_ours(note):
            self._claim(10, f"the checkpoint {name}", note)
        else:
            self._ledger.check(10)
            self._ledger.unverifiable(10, f"the checkpoint {name} is of another log than the verifier keys")

    def add_receipt(self, receipt: str) -> None:
        """Take a compact or full receipt, or a tlog-proof, that was kept outside (step 11)."""
        self._ledger.check(11)
        try:
            if receipt.startswith(COMPACT_PREFIX):
                promise = read_receipt(receipt, self._keys)
                self._promise(promise.sequence, promise.leaf_hash)
            elif receipt.startswith(HEADER):
                self._add_proof(receipt)
            else:
                self._add_full(receipt)
        except (VerificationError, FormatError) as error:
            self._ledger.tampered(11, f"a receipt does not hold: {error}")

    def check_leaf(self, sequence: int, leaf: bytes) -> None:
        """Hold the leaf hash at a place against what receipts promise of it (step 11)."""
        for promised in self._promises.get(sequence, ()):
            if promised != leaf:
                self._ledger.tampered(11, f"record {sequence} is not the one that a receipt promises", sequence)

    def check_root(self, tree: Tree) -> None:
        """Hold the tree, as it is now, against what was signed at this size (steps 9, 10 and 11)."""
        claims = self._claims.pop(tree.size, None)
        if claims is None:
            return
        root, size = tree.root(), tree.size
        for step, source, claimed in claims:
            if claimed != root:
                sentence = f"{source} was signed over {size} records that are not these"
                self._ledger.tampered(step, sentence, self.signed, last=size - 1)
        if any(claimed == root for _, _, claimed in claims):
            self.signed = size

    def close(self, size: int, *, gap: int | None) -> None:
        """Report what no place of the trail could answer, given its size and the first missing record if one is."""
        for claimed in sorted(self._claims):
            for step, source, _ in self._claims[claimed]:
                self._unanswered(step, source, claimed=claimed, size=size, gap=gap)
        for sequence in sorted(place for place in self._promises if place >= size):
            self._ledger.tampered(11, f"a receipt promises record {sequence}, which is missing", size)

    def _is_ours(self, note: str) -> bool:
        """Say whether a note claims to be of this log; nothing else is believed before its signatures hold."""
        return any(note.startswith(f"{key.name}\n") for key in self._keys)

    def _unanswered(self, step: int, source: str, *, claimed: int, size: int, gap: int | None) -> None:
        if claimed > size:
            sentence = f"{source} was signed over {claimed} records, and there are {size}"
            self._ledger.tampered(step, f"{sentence}: a cut tail or a restored old copy", size)
        else:
            sentence = f"{source} was signed over {claimed} records, some of which are missing"
            self._ledger.tampered(step, sentence, gap)

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
        self._keep(step, source, statement)
        return statement

    def _keep(self, step: int, source: str, statement: Checkpoint) -> None:
        claims = self._claims.setdefault(statement.size, [])
        claim = (step, source, statement.root)
        if claim not in claims:
            claims.append(claim)

    def _promise(self, sequence: int, leaf: bytes) -> None:
        self._promises.setdefault(sequence, []).append(leaf)

    def _add_full(self, text: str) -> None:
        receipt = read_full_receipt(text, self._keys)
        for leaf, proven in zip(receipt.leaves, receipt.leaf_hashes, strict=True):
            self._promise(leaf.sequence, proven)
        self._keep(11, "a receipt's checkpoint", receipt.checkpoint)

    def _add_proof(self, text: str) -> None:
        proven = verify_proof(text, self._keys)
        self._promise(proven.index, proven.leaf_hash)
        self._keep(11, "a proof's checkpoint", proven.checkpoint)
