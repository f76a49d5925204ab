"""Reading what an auditor kept outside the machine: verifier keys, checkpoints, receipts, proofs and bundles.

Files are named by a person, so a wrong one is the person's slip (QueryError) and no evidence against the trail; what is
inside a right one is judged by `verify`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from audit.errors import FormatError, QueryError
from audit.full_receipt import MAX_BYTES
from audit.keyring import VerifierKey
from audit.keyring.trail import read_verifier_keys
from audit.tlog_proof import HEADER
from audit.verify import COMPACT_PREFIX, Verifier
from audit.witness import is_witness, read_witness

_SQLITE = b"SQLite format 3\x00"
_START_BYTES = 32
"""Enough to tell every sort of file by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Everything from outside that speaks about one trail."""

    checkpoints: tuple[Path, ...]
    """Files with a signed note, or with witness lines."""

    receipts: tuple[str, ...]
    """Compact or full receipts, or tlog-proofs, as text."""

    @classmethod
    def read(cls, *, checkpoints: Sequence[Path], receipts: Iterable[str]) -> "Outside":
        """Read the receipts and see that the checkpoint files are there.  Raises QueryError that names a wrong one."""
        for file in checkpoints:
            if not file.is_file():
                raise QueryError(f"{file} is no file; name a checkpoint or a witness file that was kept outside.")
        return cls(checkpoints=tuple(checkpoints), receipts=tuple(read_receipt_text(given) for given in receipts))

    @property
    def count(self) -> int:
        """Return how many things from outside there are."""
        return len(self.checkpoints) + len(self.receipts)

    def tell(self, verifier: Verifier) -> None:
        """Give everything to a verifier."""
        for file in self.checkpoints:
            if is_witness(file):
                verifier.add_witness(str(file), read_witness(file))
            else:
                verifier.add_outside_checkpoint(str(file), _read_text(file))
        for receipt in self.receipts:
            verifier.add_receipt(receipt)


def notes_in(file: Path) -> Iterator[str | None]:
    """Yield the notes of a witness file, or the one of a checkpoint file; None for a torn line."""
    if not file.is_file():
        raise QueryError(f"{file} is no file; name a checkpoint or a witness file that was kept outside.")
    if is_witness(file):
        yield from read_witness(file)
    else:
        yield _read_text(file)


def read_keys(given: str) -> tuple[VerifierKey, ...]:
    """Return the verifier keys in a file, or of one vkey line.  Raises QueryError if it is neither."""
    file = Path(given)
    try:
        if file.is_file():
            return read_verifier_keys(file)
        return (VerifierKey.from_vkey(given.strip()),)
    except (FormatError, OSError, ValueError) as error:
        raise QueryError("--public-key is a file like verifier.keys, or one line name+id+key of it.") from error


def read_receipt_text(given: str) -> str:
    """Return a receipt or proof given as text or as the name of its file.  Raises QueryError if it is neither."""
    text = given if given.startswith(COMPACT_PREFIX) else _read_text(Path(given))
    if text.startswith(HEADER):
        return text
    receipt = text.strip()
    if not receipt.startswith((COMPACT_PREFIX, "{")):
        raise QueryError(f"{given[:80]} holds no receipt; give the header's text, or a file of 'audit receipt'.")
    return receipt


def read_proof_text(file: Path) -> str:
    """Return the text of a proof's file.  Raises QueryError if it is no text."""
    return _read_text(file)


class Sort(StrEnum):
    """What can be verified."""

    TRAIL = "trail"
    BUNDLE = "bundle"
    PROOF = "proof"
    RECEIPT = "receipt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is to be verified."""

    sort: Sort
    name: str
    """Folder, file or address; empty for the appliance's own trail."""


def subject_of(given: str, *, database: str, bundle: Path | None, proof: Path | None) -> Subject:
    """Return the one thing that was named.  Raises QueryError if several were."""
    named = [
        Subject(sort=sort, name=str(name))
        for sort, name in ((Sort.TRAIL, database), (Sort.BUNDLE, bundle), (Sort.PROOF, proof))
        if name
    ]
    if given:
        named.append(Subject(sort=_sort_of(Path(given)), name=given))
    if len(named) > 1:
        raise QueryError("Name one thing to verify: a trail, a bundle, a proof or a receipt.")
    return named[0] if named else Subject(sort=Sort.TRAIL, name="")


def _sort_of(path: Path) -> Sort:
    """Tell what a path is by how it begins; a folder, or what is not there, is a trail."""
    if not path.is_file():
        return Sort.TRAIL
    with path.open("rb") as stream:
        start = stream.read(_START_BYTES)
    sorts = {b"PK": Sort.BUNDLE, HEADER.encode(): Sort.PROOF, _SQLITE: Sort.TRAIL}
    return next((sort for magic, sort in sorts.items() if start.startswith(magic)), Sort.RECEIPT)


def _read_text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise QueryError(f"{file} is too large; name a checkpoint or a receipt.")
        return content.decode()
    except (OSError, ValueError) as error:
        raise QueryError(f"{str(file)[:200]} cannot be read as text; name a checkpoint or a receipt.") from error
