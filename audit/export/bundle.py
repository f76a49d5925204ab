"""Write an evidence bundle: what an outside auditor needs, offline, with the public key alone (FORMAT.md section 13).

The order is the promise.  A bundle is gathered into a file that nobody else can read and that has no name yet; the
export is recorded, with the digest of the manifest that binds every member; and only with that record's proof in it
does the file get its name.  No record, no bundle (45 CFR 164.312(b)).  Sealed bodies leave as they are: nothing here
can open them.

Example: records 100 to 199 leave with the hashes of the subtrees left and right of them; whoever has the signed head
can compute its root from both and so knows that none of the hundred is missing or changed.
"""

import base64
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from audit.canonical import Value, encode
from audit.checkpoint import Checkpoint, read_checkpoint
from audit.errors import QueryError, StoreError
from audit.export import verify_bundle
from audit.export.archive import ArchiveWriter
from audit.export.source import Source, Stored
from audit.export.verify_bundle import levels
from audit.keyring import VerifierKey
from audit.merkle import leaf_hash

VERSION = 1
"""Member ``v`` of the manifest."""

FILE_MODE = 0o600
"""A bundle names clients, tasks and policies: it is for who made it to hand on."""

Facts = dict[str, str | int | bool | list[str]]
"""Readable details of the export's own record."""

Seal = Callable[[Facts], tuple[int, str]]
"""Records the export and returns the record's place and a checkpoint over it.  Raises AppendError."""

README = """\
Evidence bundle of an audit trail.

  records.jsonl      the records: leaf and readable facts, with the hashes that lead to the signed tree
  bodies.jsonl       sealed bodies, only when asked for; nobody but the trail's custodian can open them
  checkpoints.jsonl  signed checkpoints over the records
  digests.json       the policies and models that the records name, with the first and last record of each
  keys.jsonl         the records about the trail's keys, with the hashes that lead to the same tree
  verifier.keys      the trail's public keys, for reference
  manifest.json      what was asked for, and size and digests of every member above
  export.json        the trail's own record of this export, which binds the manifest, with its proof

Check it anywhere with Python 3.11 or newer and the package 'cryptography' (50 or newer), offline:

  python verify_bundle.py BUNDLE.zip verifier.keys [CHECKPOINT ...]

Use the verifier.keys and the checkpoints that you were given earlier, not those in here: whoever makes up a whole
bundle makes up its keys too.  For the same reason take verify_bundle.py from a release that you trust.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for: a span of time, or one exchange."""

    made_ms: int
    """Now."""

    since_ms: int = 0
    until_ms: int = 0
    """First moment not asked for any more."""

    exchange_id: str = ""
    """When given, the span is not looked at."""

    with_bodies: bool = False

    def asked(self) -> dict[str, str | int]:
        """Return it as the manifest says it."""
        if self.exchange_id:
            return {"exchange": self.exchange_id}
        return {"since_ms": self.since_ms, "until_ms": self.until_ms}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A bundle that is there."""

    records: int
    first: int
    end: int
    """Place after the last record of the bundle."""

    size: int
    """Records of the signed tree that they lead to."""

    manifest: str
    """SHA-256 of the manifest, hex."""

    recorded: int
    """Place of the export's own record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """The places that an order means."""

    first: int
    end: int
    places: Sequence[int]
    """What is told: the range and its neighbours, or the events of the exchange."""


def write_bundle(  # noqa: PLR0913 - the trail, the order, and what only the recorder can do
    out: Path, source: Source, *, order: Order, head: str, keys: Sequence[VerifierKey], seal: Seal,
    moved: Callable[[int], None] = lambda _count: None,
) -> Written:  # fmt: skip
    """Write a bundle under a new name; `head` is the newest checkpoint.  Raises QueryError, StoreError, AppendError."""
    # 1. The newest checkpoint holds; nothing beyond it leaves, because nothing could prove it.
    checkpoint = read_checkpoint(head, keys)
    chosen = _choose(source, order, checkpoint.size)
    with _unnamed(out) as file:
        archive = ArchiveWriter(file)
        # 2. Everything that the manifest will bind.
        manifest = _gather(archive, source, order=order, chosen=chosen, head=head, keys=keys, moved=moved)
        digest = archive.add("manifest.json", [encode({**manifest, "members": archive.listed()})])
        # 3. The export is a record, durable and signed, before the bundle exists.
        told = {"first": chosen.first, "end": chosen.end, "bodies": order.with_bodies}
        recorded, note = seal({"manifest": digest, **order.asked(), **told})
        archive.add("export.json", [encode(_proof_of(source, recorded, note=note, keys=keys, size=checkpoint.size))])
        archive.finish()
    records = manifest["records"]
    return Written(
        records=records if isinstance(records, int) else 0,
        first=chosen.first,
        end=chosen.end,
        size=checkpoint.size,
        manifest=digest,
        recorded=recorded,
    )


def _choose(source: Source, order: Order, size: int) -> _Range:
    """Return what an order means in a tree of this size.  Raises QueryError if that is nothing."""
    if order.exchange_id:
        places = source.of_exchange(order.exchange_id, size)
        if not places:
            raise QueryError("No signed record belongs to this exchange; 'audit query' lists exchanges and their ids.")
        return _Range(first=places[0], end=places[-1] + 1, places=places)
    first = source.first_at(order.since_ms, size)
    end = source.first_at(order.until_ms, size)
    # The neighbours prove by their times that the range begins and ends where it was asked to.
    return _Range(first=first, end=end, places=range(max(first - 1, 0), min(end + 1, size)))


def _gather(  # noqa: PLR0913 - each is one part of the bundle
    archive: ArchiveWriter, source: Source, *, order: Order, chosen: _Range, head: str, keys: Sequence[VerifierKey],
    moved: Callable[[int], None],
) -> dict[str, Value]:  # fmt: skip
    """Write every member that the manifest binds, and return the manifest but for their digests."""
    checkpoint = read_checkpoint(head, keys)
    met = _Met(chosen, source=source, moved=moved)
    archive.add("README.txt", [README.encode()])
    archive.add("verify_bundle.py", [Path(verify_bundle.__file__).read_bytes()])
    archive.add("verifier.keys", ["".join(f"{key.to_vkey()}\n" for key in keys).encode()])
    archive.add("records.jsonl", met.lines(exchange_id=order.exchange_id))
    if order.with_bodies:
        archive.add("bodies.jsonl", _body_lines(source, chosen, exchange_id=order.exchange_id))
    notes = () if order.exchange_id else source.notes(max(chosen.first, 1), min(chosen.end + 1, checkpoint.size))
    archive.add("checkpoints.jsonl", _note_lines(notes, head))
    archive.add("digests.json", [encode({"v": VERSION, **met.digests})])
    history = source.key_history(checkpoint.size)
    archive.add("keys.jsonl", _lines(source.each(history), source))
    return {
        "v": VERSION,
        "origin": checkpoint.origin,
        "asked": order.asked(),
        "made_ms": order.made_ms,
        "first": chosen.first,
        "end": chosen.end,
        "size": checkpoint.size,
        "records": met.count,
        "bodies": order.with_bodies,
        "tail": _gap(source, chosen.places[-1] + 1 if chosen.places else 0, checkpoint.size),
        "history_tail": _gap(source, history[-1] + 1, checkpoint.size),
    }


class _Met:
    """The records on their way out, and what they name."""

    def __init__(self, chosen: _Range, *, source: Source, moved: Callable[[int], None]) -> None:
        self._chosen, self._source, self._moved = chosen, source, moved
        self.count = 0
        self.digests: dict[str, dict[str, list[int]]] = {"models": {}, "policies": {}}

    def lines(self, *, exchange_id: str) -> Iterator[bytes]:
        """Yield the line of each record; the neighbours of a range without their facts."""
        places = self._chosen.places
        if exchange_id or not places:
            records: Iterable[Stored] = self._source.each(places)
        else:
            records = self._source.span(places[0], places[-1] + 1)
        return _lines(records, self._source, told=self._meet)

    def _meet(self, stored: Stored) -> bool:
        """Note what a record names, and say whether it is one that was asked for."""
        place = stored.leaf.sequence
        self._moved(1)
        if not self._chosen.first <= place < self._chosen.end:
            return False
        self.count += 1
        for kind, value in (("models", stored.leaf.model), ("policies", stored.leaf.policy_digest)):
            if value:
                self.digests[kind].setdefault(value, [place, place])[1] = place
        return True


def _lines(
    records: Iterable[Stored], source: Source, *, told: Callable[[Stored], bool] = lambda _: True
) -> Iterator[bytes]:
    """Yield records as lines, each with the hashes over the gap before it."""
    place = 0
    for stored in records:
        sequence = stored.leaf.sequence
        document = {**_document(stored), "gap": _gap(source, place, sequence)}
        if not told(stored):
            del document["facts"]
        yield encode(document) + b"\n"
        place = sequence + 1


def _document(stored: Stored) -> dict[str, Value]:
    digest = leaf_hash(stored.data).hex()
    return {"leaf": stored.data.decode(), "facts": stored.facts.decode("utf-8", "replace"), "hash": digest}


def _gap(source: Source, begin: int, end: int) -> list[Value]:
    """Return the hashes of the fewest subtrees over the places from begin to below end."""
    hashes: list[Value] = []
    place = begin
    for level in levels(begin, end):
        hashes.append(source.node(level, place >> level).hex())
        place += 1 << level
    return hashes


def _body_lines(source: Source, chosen: _Range, *, exchange_id: str) -> Iterator[bytes]:
    for body in source.bodies(chosen.first, chosen.end, exchange_id=exchange_id):
        cipher, wrapped = (base64.b64encode(data).decode() for data in (body.ciphertext, body.wrapped_key))
        yield encode({"cipher": cipher, "seq": body.sequence, "wrapped": wrapped}) + b"\n"


def _note_lines(notes: Iterable[str], head: str) -> Iterator[bytes]:
    for note in (*notes, head):
        yield encode({"note": note}) + b"\n"


def _proof_of(source: Source, place: int, *, note: str, keys: Sequence[VerifierKey], size: int) -> dict[str, Value]:
    """Return the export's record with the hashes that lead through the tree of `size` to its own checkpoint."""
    checkpoint = read_checkpoint(note, keys)
    stored = next(source.span(place, place + 1), None)
    if stored is None or not size <= place < checkpoint.size:
        raise StoreError("the export's own record cannot be read back; run 'audit verify', and export again")
    return {
        **_document(stored),
        "v": VERSION,
        "note": _own_lines(note, checkpoint),
        "head": _gap(source, 0, size),
        "gap": _gap(source, size, place),
        "tail": _gap(source, place + 1, checkpoint.size),
    }


def _own_lines(note: str, checkpoint: Checkpoint) -> str:
    """Return a note without the lines of witnesses, whose keys an auditor of the bundle may not have."""
    text, _, lines = note.partition("\n\n")
    own = [line for line in lines.splitlines(keepends=True) if line.split(" ")[1:2] == [checkpoint.origin]]
    return f"{text}\n\n{''.join(own)}"


@contextmanager
def _unnamed(out: Path) -> Iterator[BinaryIO]:
    """Yield a private file that gets its name when everything went well, and is gone if not."""
    partial = out.with_name(f".{out.name}.{secrets.token_hex(8)}.partial")
    try:
        if out.exists():
            raise FileExistsError(out)
        with open(partial, "xb", opener=_private) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, out)
    except OSError as error:
        raise QueryError(
            f"{out} cannot be written, or is there already; name a new file on a disk with space."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)
