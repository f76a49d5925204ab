"""One approval of a policy bundle, as the full receipt of the record that names both officers (FORMAT.md section 9).

Untrusted until `read_approved` has returned: then the record is in the tree that this trail's keys have signed, it is
about approving a register, and two different people stand in it.  Hostile bytes become a reason, never an exception.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from audit.approvals import is_same_person
from audit.errors import FormatError, VerificationError
from audit.full_receipt import FullReceipt, read_full_receipt
from audit.places import VerifierKeys
from audit.record import Kind

REGISTER_APPROVED = "register_approved"
"""Code of the operation that says which bundle two officers approved."""

Fact = str | int | bool | list[str]
"""One value beside a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """What two officers approved."""

    digest: str
    """Of the policy bundle, 64 hex digits."""

    approval: str
    """The approval's id in the custodian's folder and in the trail."""

    case: str
    """The hospital's own number for the reason."""

    requested_by: str
    approved_by: str
    register: tuple[str, ...]
    """Each provider and each agreement in one line for people."""

    files: tuple[str, ...]
    """``HASH  NAME`` of every file of the bundle that decides anything."""

    sequence: int
    """Place of its record in the trail: the later one supersedes the earlier."""

    time_ms: int

    def facts(self) -> dict[str, Fact]:
        """Return what its record says."""
        return {
            "policy": self.digest,
            "approval": self.approval,
            "case": self.case,
            "requested_by": self.requested_by,
            "approved_by": self.approved_by,
            "register": list(self.register),
            "files": list(self.files),
        }


def read_approved(text: str, keys: VerifierKeys) -> Approved | str:
    """Return what a receipt approves, or why it approves nothing, in a clause without a full stop."""
    try:
        receipt = read_full_receipt(text, keys)
    except VerificationError:
        return "its receipt does not hold: it was altered, or is of another trail"
    except FormatError:
        return "its file is no receipt"
    return _read_record(receipt)


def _read_record(receipt: FullReceipt) -> Approved | str:
    leaf, document = receipt.leaves[0], receipt.facts[0]
    facts = document.get("facts")
    if len(receipt.leaves) != 1 or leaf.kind is not Kind.OPERATION or leaf.code != REGISTER_APPROVED:
        return "its receipt is of another record than an approval"
    if not isinstance(facts, Mapping):
        return "its record says nothing"
    approved = Approved(
        digest=_text(facts, "policy"),
        approval=_text(facts, "approval"),
        case=_text(facts, "case"),
        requested_by=_text(facts, "requested_by"),
        approved_by=_text(facts, "approved_by"),
        register=_lines(facts, "register"),
        files=_lines(facts, "files"),
        sequence=leaf.sequence,
        time_ms=leaf.time_ms,
    )
    if not approved.requested_by or not approved.approved_by:
        return "its record does not name two people"
    if is_same_person(approved.requested_by, approved.approved_by):
        return "one and the same person asked for it and approved it"
    return approved


def _text(facts: Mapping[str, object], name: str) -> str:
    value = facts.get(name)
    return value if isinstance(value, str) else ""


def _lines(facts: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = facts.get(name)
    return tuple(line for line in value if isinstance(line, str)) if isinstance(value, list) else ()
