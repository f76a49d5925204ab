"""Verifying a whole trail: which database, whose keys, which witnesses, and everything read in the order that counts.

Claims are read before the trail's size, so that a trail which grows meanwhile does not look as if its tail were cut;
dictionary and index after it, so that they hold at least what the records need (`audit.verify`).  Every statement takes
milliseconds: a recorder that writes meanwhile is never kept waiting.
"""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.cli.outside import Outside, read_keys
from audit.cli.progress import shown
from audit.cli.report import Verified
from audit.errors import StoreError
from audit.findings import Report
from audit.keyring import Trail, VerifierKey
from audit.places import Places, find_places
from audit.rows import Rows
from audit.store.address import Address, read_address, sqlite_address
from audit.verify import RECORD_COLUMNS, BodyCheck, Verifier
from audit.witness import read_witness, series

SALT_BYTES = 32
"""Fresh for each run, so that nobody can aim at the sums of fingerprints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One trail to verify."""

    address: Address
    keys: Trail
    """The folder whose verifier keys count when none are given from outside."""

    witnesses: tuple[Path, ...]
    """Witness files that belong to it, there or not."""


def live_target(places: Places) -> Target:
    """Return the trail of an appliance."""
    return Target(address=places.readers, keys=places.trail, witnesses=places.witness_files)


def copied_target(given: str, places: Places) -> Target:
    """Return a trail named by its folder, its database file or its address.  Raises StoreError for a wrong address."""
    if "://" in given:
        return Target(address=read_address(given), keys=places.trail, witnesses=())
    path = Path(given).absolute()
    if path.is_dir():
        return _folder_target(path)
    trail = Trail(folder=path.parent)
    return Target(address=sqlite_address(path), keys=trail, witnesses=(trail.witness,))


def verify_target(
    target: Target, *, public_key: str, outside: Outside, body_check: BodyCheck | None = None
) -> Verified:
    """Return the report on a trail.  Raises StoreError or FormatError if it cannot be read (step 1)."""
    began = time.monotonic()
    # 1. The verifier keys read, and the database opens.
    keys = read_keys(public_key) if public_key else target.keys.verifier_keys()
    with Rows.open(target.address) as rows:
        report = verify_rows(rows, keys, witnesses=target.witnesses, outside=outside, body_check=body_check)
    return Verified(
        report=report,
        keys=keys,
        keys_from_outside=bool(public_key),
        outside=outside.count,
        elapsed_s=time.monotonic() - began,
    )


def verify_rows(
    rows: Rows,
    keys: Sequence[VerifierKey],
    *,
    witnesses: Sequence[Path] = (),
    outside: Outside | None = None,
    body_check: BodyCheck | None = None,
) -> Report:
    """Return the report on an open database, by these keys, witness files and things from outside."""
    verifier = Verifier(keys, salt=secrets.token_bytes(SALT_BYTES), check_body=body_check)
    # 9 to 11. What others say of it.
    verifier.add_checkpoints(rows.checkpoints())
    for file in witnesses:
        _add_witness(verifier, file)
    if outside is not None:
        outside.tell(verifier)
    # 4. The copies that are searched.
    end, count = rows.size(), rows.count()
    with shown(count) as bar:
        verifier.add_terms(rows.terms())
        verifier.add_blocks(rows.term_blocks(), size=count)
        verifier.add_index(bar.passing(rows.index_pages(), "reading the index", total=None), size=count)
        # 2 to 8, 11 and 12. The records.
        pages = rows.record_pages(RECORD_COLUMNS, end=end)
        verifier.add_records(bar.passing(pages, "verifying records", total=count))
    return verifier.finish(size_now=rows.size())


def _folder_target(folder: Path) -> Target:
    """Return the trail in a folder: a home, the trail's folder in a home, or a copy of that folder alone."""
    places = find_places(folder.parent if folder.name == "audit" else folder)
    trail = Trail(folder=folder) if Trail(folder=folder).database.exists() else places.trail
    address = sqlite_address(trail.database) if trail.database.exists() else places.readers
    witnesses = dict.fromkeys((*places.witness_files, trail.witness))
    return Target(address=address, keys=trail, witnesses=tuple(witnesses))


def _add_witness(verifier: Verifier, file: Path) -> None:
    """Take what a series of witness files says; none of it may be there, in a copy of the database alone."""
    if not series(file):
        return
    try:
        verifier.add_witness(file.name, read_witness(file))
    except StoreError as error:
        verifier.add_unread(str(error))
