"""``appliance policy propose | approve``: what may leave the building is changed by two officers, never by one file.

One officer proposes the policy folder as it is; another one reads what changes and approves exactly these bytes.  The
record of it, with its proof, becomes ``HOME/approvals/<digest>.json``, which the gateway and the broker each check.
A folder that changed in between is another policy and needs its own approval.  Nothing is in force before.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from appliance.approval import REGISTER_APPROVED, Approvals, Approved, ClosingList
from appliance.approval.approvals import receipt_files
from appliance.approval.closed import FILE_NAME
from appliance.auth.private_file import locked, write_shared
from appliance.cli.officers import agree, operation, places_of, register_officer, request, spend, told, waiting
from appliance.cli.options import AsJson, Home, settings
from appliance.cli.policy_words import Stated, changes, state
from appliance.cli.show import console, print_json
from appliance.clock import Clock
from appliance.config import Config
from appliance.durable_file import make_folder
from appliance.policy.agreements import check_expiry
from appliance.policy.bundle import Bundle
from appliance.policy.cases import check_cases
from appliance.policy.load import load_bundle
from audit.approvals import WAIT_MS, Act, Approval, approval_view
from audit.cli.duty import now_ms
from audit.cli.frame import OfficerKeyFile
from audit.cli.proven import record_and_prove
from audit.errors import ApprovalError

FOLDER_MODE = 0o755
"""The gateway's and the broker's users read what stands in it, and nothing in it is secret."""

DAY_MS = 24 * 3600 * 1000

Case = Annotated[str, typer.Option("--case", help="The hospital's case number for the change; no name of a patient.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proposal:
    """The policy folder as it is, whole and good to be put in force."""

    bundle: Bundle
    stated: Stated
    words: tuple[str, ...]
    """What changes against what was approved last."""

    @property
    def digest(self) -> str:
        """The bundle's digest."""
        return self.bundle.digest


@told
def propose(*, case: Case, officer_key_file: OfficerKeyFile = None, home: Home = None, as_json: AsJson = False) -> None:
    """Check the policy folder, say what changes about what may leave, and ask a second officer to approve it."""
    config = settings(home)
    places = places_of(config)
    officer = register_officer(officer_key_file, places)
    proposal = _proposal(config)
    made = request(places, Act.CHANGE_REGISTER, proposal.digest, case=case, officer=officer)
    if as_json:
        print_json({**_view(made), "changes": list(proposal.words)})
        return
    _show(proposal)
    out = console()
    out.print(f"\n  {made.id}\n", style="bold", soft_wrap=True)
    out.print(
        f"Another officer approves it within {WAIT_MS // DAY_MS} days: 'appliance policy approve {made.id}'.\n"
        "Nothing changes before, and the folder must stay as it is.",
        soft_wrap=True,
    )


@told
def approve(
    approval: Annotated[str, typer.Argument(metavar="APPROVAL", help="The id that 'policy propose' printed.")],
    *,
    look: Annotated[bool, typer.Option("--look", help="Show what would be approved, and approve nothing.")] = False,
    officer_key_file: OfficerKeyFile = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Approve, as another officer, exactly the policy that was proposed."""
    config = settings(home)
    places = places_of(config)
    asked = waiting(places, approval, Act.CHANGE_REGISTER)
    proposal = _proposal(config)
    if asked.subject != proposal.digest:
        raise ApprovalError(
            f"Approval {asked.id} is for {asked.subject}, and the policy folder is now {proposal.digest}; "
            "put the folder back as it was, or propose it as it is."
        )
    if not as_json:
        _show(proposal)
    if look:
        _answer({"digest": proposal.digest, "approved": False, "changes": list(proposal.words)}, as_json=as_json)
        return
    officer = register_officer(officer_key_file, places)
    # Before anything is used up: where the receipt cannot be put, nothing is approved.
    folder = _folder(config)
    given = agree(places, asked, officer)
    facts = _facts(given, proposal)
    receipt = record_and_prove(places, operation(REGISTER_APPROVED, officer=officer, facts=facts))
    spend(places, given)
    publish(folder, proposal.digest, receipt)
    _answer({**_view(given), "approved": True, "changes": list(proposal.words)}, as_json=as_json)


def _proposal(config: Config) -> _Proposal:
    """Return the policy folder, checked as a change must be.  Raises PolicyInvalidError."""
    bundle = load_bundle(config.policies)
    check_cases(bundle, config.policies)
    check_expiry(bundle.providers, Clock().now())
    stated = state(bundle, config.policies)
    return _Proposal(bundle=bundle, stated=stated, words=changes(Approvals.of(config).newest(), stated))


def _facts(given: Approval, proposal: _Proposal) -> dict[str, str | int | bool | list[str]]:
    approved = Approved(
        digest=proposal.digest,
        approval=given.id,
        case=given.case,
        requested_by=given.requested_by,
        approved_by=given.approved_by,
        register=proposal.stated.register,
        files=proposal.stated.files,
        sequence=0,
        time_ms=0,
    )
    providers = proposal.bundle.providers.values()
    agreements = sorted(each.id for provider in providers for each in provider.agreements)
    return {**approved.facts(), "providers": sorted(proposal.bundle.providers), "agreements": agreements}


def _folder(config: Config) -> Path:
    """Return the folder in which gateway and broker look, made so that they can."""
    make_folder(config.approvals, mode=FOLDER_MODE)
    return config.approvals


def publish(folder: Path, digest: str, receipt: str) -> None:
    """Put the receipt where gateway and broker look, and take away those that it supersedes.

    A crash before it leaves a spent approval and nothing approved: propose again.  A crash before the last line leaves
    receipts that the new one supersedes by its place in the trail.
    """
    closed = folder / FILE_NAME
    with locked(closed):  # somebody may close a provider at this very moment
        if not closed.exists():
            write_shared(closed, ClosingList().to_bytes())
    path = folder / f"{digest}.json"
    write_shared(path, receipt.encode())
    for other in receipt_files(folder):
        if other != path:
            other.unlink()


def _show(proposal: _Proposal) -> None:
    out = console()
    out.print(f"Policy {proposal.digest}", soft_wrap=True)
    for line in proposal.words:
        out.print(f"  {line}", soft_wrap=True)


def _answer(members: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print_json(members)
    elif members["approved"]:
        console().print(
            "Approved by two officers. Run 'appliance policy reload' now: until then the policy in force is an earlier "
            "one, and nothing leaves.",
            soft_wrap=True,
        )


def _view(approval: Approval) -> dict[str, object]:
    return {**approval_view(approval, now_ms=now_ms()), "digest": approval.subject}
