"""Evidence bundles of small built trails, written in one process: the log itself takes the export's record."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from audit.access import EXPORT
from audit.canonical import encode
from audit.export import Order, Source, Written, write_bundle
from audit.export.archive import ArchiveWriter
from audit.export.bundle import _proof_of
from audit.export.verify_bundle import MEMBERS, Archive
from audit.query import Reader
from audit.record import Event, Kind
from audit.rows import Rows
from audit.store.address import sqlite_address
from tests.support.trail_builder import TrailBuilder

ALWAYS = Order(made_ms=1, since_ms=0, until_ms=2**53 - 1)
"""The whole trail."""


def newest_note(trail: TrailBuilder) -> str:
    """Return the newest checkpoint of a built trail."""
    with Rows.open(sqlite_address(trail.trail.database)) as rows:
        note = Reader(rows).latest_checkpoint()
    assert note is not None
    return note


def export(trail: TrailBuilder, out: Path, order: Order = ALWAYS, *, facts: dict[str, Any] | None = None) -> Written:
    """Write a bundle of a built trail, as `audit export` does with a recorder."""

    def seal(told: dict[str, Any]) -> tuple[int, str]:
        event = Event(
            kind=Kind.ACCESS, code=EXPORT, client="audit-command", user="auditor", facts={**told, **(facts or {})}
        )
        with trail.opened() as log:
            place = trail.append(log, [event])[0]
        return place, newest_note(trail)

    head, keys = newest_note(trail), trail.trail.verifier_keys()
    with Rows.open(sqlite_address(trail.trail.database)) as rows:
        return write_bundle(out, Source(Reader(rows)), order=order, head=head, keys=keys, seal=seal)


def vkeys(trail: TrailBuilder) -> str:
    """Return the text of the trail's verifier.keys."""
    return (trail.trail.folder / "verifier.keys").read_text()


def read_members(path: Path) -> dict[str, bytes]:
    """Return the content of every member."""
    with path.open("rb") as file:
        archive = Archive(file, lambda _count: None)
        return {name: b"".join(archive.chunks(name)) for name in archive.entries}


def forge(path: Path, to: Path, change: Callable[[dict[str, bytes]], None], *, binds: bool = True) -> Path:
    """Write a changed bundle with whole digests and a whole archive, as somebody with this release would."""
    members = read_members(path)
    change(members)
    with to.open("w+b") as file:
        archive = ArchiveWriter(file)
        for name in (name for name in MEMBERS if name in members):
            if name == "manifest.json" and binds:
                manifest = {**json.loads(members[name]), "members": archive.listed()}
                members[name] = json.dumps(manifest, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
            archive.add(name, [members[name]])
        archive.finish()
    return to


def forge_recorded(trail: TrailBuilder, path: Path, to: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Write a changed bundle and have the trail record it as an export: what the custodian's own people could do."""
    forged = forge(path, to.with_suffix(".forged"), change)
    manifest = read_members(forged)["manifest.json"]
    facts = {"manifest": hashlib.sha256(manifest).hexdigest()}
    with trail.opened() as log:
        place = trail.append(log, [Event(kind=Kind.ACCESS, code=EXPORT, client="audit-command", facts=facts)])[0]
    note, keys, size = newest_note(trail), trail.trail.verifier_keys(), json.loads(manifest)["size"]
    with Rows.open(sqlite_address(trail.trail.database)) as rows:
        proof = encode(_proof_of(Source(Reader(rows)), place, note=note, keys=keys, size=size))
    return forge(forged, to, lambda members: members.update({"export.json": proof}), binds=False)
