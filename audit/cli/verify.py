"""`audit verify`: is the trail whole?  Prints the numbered steps of FORMAT.md section 12 and one of three verdicts.

It needs no key but the public ones and no network.  Give it what was kept elsewhere: a checkpoint, a receipt, and the
verifier keys copied off the machine on the first day; with the trail's own folder alone, whoever restores or signs
anew the whole folder is not found out, and the report says so.  It verifies a live trail, a copy of its database, an
evidence bundle, a full receipt or a tlog-proof.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from audit.access import BODIES_CHECKED, looked
from audit.cli.frame import AsJson, Exit, Home, PassphraseFile, reported, say
from audit.cli.output import print_json
from audit.cli.outside import Outside, Sort, Subject, read_keys, subject_of
from audit.cli.passphrase import opened_custodian
from audit.cli.report import print_report, report_view
from audit.cli.trail import PROGRAM, operator, record_reading
from audit.cli.verify_file import verify_bundle_file, verify_proof_file, verify_receipt_file
from audit.cli.verify_trail import copied_target, live_target, verify_target
from audit.envelope import open_sealed
from audit.errors import FormatError, StoreError
from audit.findings import Verdict
from audit.keyring import Custodian, MonthSecrets, VerifierKey
from audit.places import Places, find_places
from audit.record import Leaf
from audit.verify import BodyCheck

EXITS = {Verdict.VERIFIED: Exit.DONE, Verdict.TAMPERED: Exit.TAMPERED, Verdict.UNVERIFIABLE: Exit.UNVERIFIABLE}
"""Exit code of each verdict."""


@reported
def verify(  # noqa: PLR0913 - one parameter for each thing that may be kept outside
    given: Annotated[
        str, typer.Argument(metavar="[FOLDER|FILE]", help="A trail's folder, or a file that 'audit' wrote.")
    ] = "",
    *,
    database: Annotated[
        str, typer.Option(help="Copied database: its folder, its file, or postgresql:// address.")
    ] = "",
    bundle: Annotated[Path | None, typer.Option(help="Evidence bundle of 'audit export'.")] = None,
    proof: Annotated[
        Path | None, typer.Option(help="Proof of one record, as 'audit receipt --proof' prints it.")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="Checkpoint or witness file kept outside; may be repeated.")
    ] = None,
    receipt: Annotated[
        list[str] | None, typer.Option(help="Receipt or proof kept outside: text or file; may be repeated.")
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
    """Verify a trail, a bundle, a receipt or a proof, offline: verified (exit 0), tampered (3) or unverifiable (4)."""
    subject = subject_of(given, database=database, bundle=bundle, proof=proof)
    outside = Outside.read(checkpoints=checkpoint or (), receipts=receipt or ())
    request = _Request(places=find_places(home), public_key=public_key, outside=outside, as_json=as_json)
    if subject.sort is not Sort.TRAIL:
        raise typer.Exit(EXITS[_verify_file(subject, request)])
    body_check = _body_check(request.places, passphrase_file) if open_bodies else None
    raise typer.Exit(EXITS[_verify_trail(subject, request, body_check)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What every sort of verification is asked with."""

    places: Places
    public_key: str
    outside: Outside
    as_json: bool

    def keys(self) -> tuple[VerifierKey, ...]:
        """Return the keys given from outside, or those of the appliance."""
        return read_keys(self.public_key) if self.public_key else self.places.trail.verifier_keys()


def _verify_file(subject: Subject, request: _Request) -> Verdict:
    file, as_json = Path(subject.name), request.as_json
    match subject.sort:
        case Sort.BUNDLE:
            trusted = request.keys() if request.public_key else None
            return verify_bundle_file(file, trusted, outside=request.outside, as_json=as_json)
        case Sort.PROOF:
            return verify_proof_file(file, request.keys, receipts=request.outside.receipts, as_json=as_json)
        case _:
            return verify_receipt_file(file, request.keys, as_json=as_json)


def _verify_trail(subject: Subject, request: _Request, body_check: BodyCheck | None) -> Verdict:
    try:
        places = request.places
        target = copied_target(subject.name, places) if subject.name else live_target(places)
        result = verify_target(target, public_key=request.public_key, outside=request.outside, body_check=body_check)
    except (StoreError, FormatError) as error:
        _print_unreadable(str(error), as_json=request.as_json)
        return Verdict.UNVERIFIABLE
    if request.as_json:
        print_json(report_view(result))
    else:
        print_report(result)
    return result.report.verdict


def _body_check(places: Places, passphrase_file: Path | None) -> BodyCheck:
    """Return a check that opens bodies with the custodian's keys, and shows none."""
    custodian = opened_custodian(places.custodian, passphrase_file)
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


def _print_unreadable(sentence: str, *, as_json: bool) -> None:
    """Tell that step 1 failed."""
    if as_json:
        print_json({"verdict": Verdict.UNVERIFIABLE.value, "first_bad": None, "reason": sentence})
        return
    print(" 1. the database opens and the verifier keys read: UNVERIFIABLE")
    print("UNVERIFIABLE: the trail cannot be read, so nothing can be said of it.")
    say(sentence)
