"""`audit verify`: is the trail whole?  Prints the numbered steps of FORMAT.md section 12 and one of three verdicts.

It needs no key but the public ones and no network.  Give it what was kept elsewhere: a checkpoint, a receipt, and the
verifier keys copied off the machine on the first day; with the trail's own folder alone, whoever restores or signs anew
the whole folder is not found out, and the report says so.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from audit.access import BODIES_CHECKED, looked
from audit.cli.frame import AsJson, Exit, Home, PassphraseFile, reported, say
from audit.cli.output import print_json
from audit.cli.outside import Outside, read_keys, read_receipt_text, read_witnesses
from audit.cli.passphrase import ask_passphrase
from audit.cli.report import Verified, print_report, report_view
from audit.cli.trail import PROGRAM, operator, record_reading
from audit.envelope import open_sealed
from audit.errors import FormatError, StoreError
from audit.findings import Report, Verdict
from audit.full_receipt import read_full_receipt
from audit.keyring import Custodian, MonthSecrets, Trail, VerifierKey, open_custodian
from audit.places import Places, find_places
from audit.record import Leaf
from audit.rows import Rows
from audit.verify import RECORD_COLUMNS, BodyCheck, Verifier
from audit.view import to_time

SALT_BYTES = 32
"""Fresh for each run, so that nobody can aim at the index's fingerprints."""

BIG = 20_000
"""Records from which on a person wants to see progress: a second's work."""

PROGRESS_STEP = 1000
"""Records between two movements of the bar."""

Records = Iterator[Sequence[object]]
"""Rows on their way to the verifier."""

EXITS = {Verdict.VERIFIED: Exit.DONE, Verdict.TAMPERED: Exit.TAMPERED, Verdict.UNVERIFIABLE: Exit.UNVERIFIABLE}


@reported
def verify(  # noqa: PLR0913 - one parameter for each thing that may be kept outside
    folder: Annotated[
        Path | None, typer.Argument(metavar="[TRAIL-FOLDER|RECEIPT-FILE]", help="A trail's folder, or a full receipt.")
    ] = None,
    *,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="Checkpoint or witness file kept outside; may be repeated.")
    ] = None,
    receipt: Annotated[
        list[str] | None, typer.Option(help="Receipt kept outside: its text or its file; may be repeated.")
    ] = None,
    public_key: Annotated[
        str, typer.Option(help="Verifier keys kept outside: a file like verifier.keys, or one vkey line.")
    ] = "",
    open_bodies: Annotated[
        bool, typer.Option("--open-bodies", help="Also open every sealed body (step 12); asks for the passphrase.")
    ] = False,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Verify a trail, or one full receipt, offline: verified (exit 0), tampered (3) or unverifiable (4)."""
    places = find_places(home)
    if folder is not None and folder.is_file():
        _verify_receipt(folder, public_key, places=places, as_json=as_json)
        return
    trail = Trail(folder=folder) if folder else places.trail
    outside = Outside.read(checkpoints=checkpoint or (), receipts=receipt or ())
    body_check = _body_check(places, passphrase_file) if open_bodies else None
    try:
        result = verify_trail(trail, public_key=public_key, outside=outside, body_check=body_check)
    except (StoreError, FormatError) as error:
        _print_unreadable(str(error), as_json=as_json)
        raise typer.Exit(Exit.UNVERIFIABLE) from error
    if as_json:
        print_json(report_view(result))
    else:
        print_report(result)
    raise typer.Exit(EXITS[result.report.verdict])


def verify_trail(trail: Trail, *, public_key: str, outside: Outside, body_check: BodyCheck | None) -> Verified:
    """Return the report on a trail.  Raises StoreError or FormatError if it cannot be read (step 1)."""
    began = time.monotonic()
    # 1. The verifier keys read, and the database opens.
    keys = read_keys(public_key) if public_key else trail.verifier_keys()
    with Rows.open(trail.database) as rows:
        report = _run(rows, keys, trail=trail, outside=outside, body_check=body_check)
    return Verified(
        report=report,
        keys=keys,
        keys_from_outside=bool(public_key),
        outside=outside.count,
        elapsed_s=time.monotonic() - began,
    )


def _run(
    rows: Rows, keys: Sequence[VerifierKey], *, trail: Trail, outside: Outside, body_check: BodyCheck | None
) -> Report:
    # Claims before the size: a trail that grows meanwhile must not look as if its tail were cut.
    verifier = Verifier(keys, salt=secrets.token_bytes(SALT_BYTES), check_body=body_check)
    verifier.add_checkpoints(rows.checkpoints())
    verifier.add_witness(trail.witness.name, read_witnesses(trail.witness))
    outside.tell(verifier)
    end, count = rows.size(), rows.count()
    verifier.add_index(rows.index_rows(), size=count)
    with _progress(count) as moved:
        verifier.add_records(moved(rows.records(RECORD_COLUMNS, end=end)))
    return verifier.finish(size_now=rows.size())


def _body_check(places: Places, passphrase_file: Path | None) -> BodyCheck:
    """Return a check that opens bodies with the custodian's keys, and shows none."""
    custodian = open_custodian(places.custodian, passphrase=ask_passphrase(passphrase_file))
    event = looked(BODIES_CHECKED, operator=operator(), program=PROGRAM, name="all", sequences=())
    record_reading(places.socket, event)
    months = _Months(custodian)

    def check(leaf: Leaf, wrapped_key: bytes, ciphertext: bytes) -> None:
        open_sealed(leaf, wrapped_key=wrapped_key, ciphertext=ciphertext, keys=months.secrets(leaf.month))

    return check


class _Months:
    """The months' secrets, each unwrapped once."""

    def __init__(self, custodian: Custodian) -> None:
        self._custodian = custodian
        self._secrets: dict[str, MonthSecrets] = {}

    def secrets(self, month: str) -> MonthSecrets:
        """Return a month's secrets.  Raises OpenError if they were destroyed."""
        if month not in self._secrets:
            self._secrets[month] = self._custodian.secrets(month)
        return self._secrets[month]


def _verify_receipt(file: Path, public_key: str, *, places: Places, as_json: bool) -> None:
    """Verify a full receipt on its own, without a trail."""
    keys = read_keys(public_key) if public_key else places.trail.verifier_keys()
    receipt = read_full_receipt(read_receipt_text(str(file)), keys)
    records = [
        {
            "sequence": leaf.sequence,
            "event": leaf.event_id,
            "kind": leaf.kind.value,
            "time": to_time(leaf.time_ms),
            "outcome": leaf.outcome,
        }
        for leaf in receipt.leaves
    ]
    checkpoint = receipt.checkpoint
    if as_json:
        print_json({"verdict": "verified", "origin": checkpoint.origin, "size": checkpoint.size, "records": records})
        return
    for record in records:
        print("  ".join(str(value) for value in record.values() if value != ""))
    signed = to_time(checkpoint.time_s * 1000)
    print(f"VERIFIED: these records are in the tree of {checkpoint.size} that {checkpoint.origin} signed at {signed}.")


def _print_unreadable(sentence: str, *, as_json: bool) -> None:
    """Tell that step 1 failed."""
    if as_json:
        print_json({"verdict": Verdict.UNVERIFIABLE.value, "first_bad": None, "reason": sentence})
        return
    print(" 1. the database opens and the verifier keys read: UNVERIFIABLE")
    print("UNVERIFIABLE: the trail cannot be read, so nothing can be said of it.")
    say(sentence)


@contextmanager
def _progress(count: int) -> Iterator[Callable[[Records], Records]]:
    """Show a bar on standard error while records pass, if there are many and somebody looks."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=count < BIG or not console.is_terminal) as progress:
        task = progress.add_task("verifying", total=count)

        def moved(records: Records) -> Records:
            for number, record in enumerate(records, start=1):
                yield record
                if number % PROGRESS_STEP == 0:
                    progress.advance(task, PROGRESS_STEP)

        yield moved
