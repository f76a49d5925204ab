"""Approvals of a policy bundle as two officers give them, signed with a trail's own keys and without a recorder."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from appliance.approval import REGISTER_APPROVED, ClosingList
from appliance.config import load_config
from appliance.policy.load import load_bundle
from audit.checkpoint import sign_checkpoint
from audit.full_receipt import write_full_receipt
from audit.keyring import Trail
from audit.merkle import Frontier, leaf_hash
from audit.record import Event, Kind, Leaf, facts_document, month_of
from tests.support.trails import START_MS

DIGEST = "a" * 64
"""A bundle's digest."""


def approve(home: Path, digest: str = DIGEST, *, sequence: int = 3, **facts: str | list[str]) -> Path:
    """Put a receipt into a home whose trail has keys, beside an empty list of what is closed; return its file."""
    folder = home / "approvals"
    folder.mkdir(mode=0o755, exist_ok=True)
    closed = folder / "closed.json"
    if not closed.exists():
        closed.write_bytes(ClosingList().to_bytes())
    path = folder / f"{digest}.json"
    path.write_text(receipt(Trail(folder=home / "audit"), digest, sequence=sequence, **facts))
    return path


def approve_policies(home: Path) -> str:
    """Approve the policy folder of a home as it is now, and return its digest."""
    digest = load_bundle(load_config(home).policies).digest
    approve(home, digest)
    return digest


def receipt(
    trail: Trail, digest: str, *, sequence: int = 3, code: str = REGISTER_APPROVED, **facts: str | list[str]
) -> str:
    """Return the full receipt of one record, alone among leaves of no meaning."""
    told: dict[str, str | int | bool | list[str]] = {
        "policy": digest,
        "approval": "ap_" + "1" * 32,
        "case": "CHG-7",
        "requested_by": "p.first",
        "approved_by": "p.second",
        "register": ["example-cloud: anthropic-messages in us-east-1"],
        "files": [],
        **facts,
    }
    document = facts_document(Event(kind=Kind.OPERATION, code=code, client="appliance-command", facts=told))
    leaf = Leaf(
        origin=trail.origin(),
        sequence=sequence,
        event_id=f"ev_{sequence:032x}",
        kind=Kind.OPERATION,
        time_ms=START_MS + sequence,
        month=month_of(START_MS),
        code=code,
        facts_digest=hashlib.sha256(document).hexdigest(),
    )
    return full_receipt(trail, [(leaf, document)])


def full_receipt(trail: Trail, records: Sequence[tuple[Leaf, bytes]]) -> str:
    """Return the receipt of these records under a checkpoint that signs them."""
    told = {leaf.sequence: leaf_hash(leaf.to_bytes()) for leaf, _ in records}
    nodes: dict[tuple[int, int], bytes] = {}
    frontier = Frontier()
    for place in range(max(told) + 1):
        frontier, made = frontier.append(told.get(place, leaf_hash(b"another record")))
        nodes.update({(level, place >> level): node for level, node in enumerate(made)})
    key = trail.signing_key()
    note = sign_checkpoint(key, size=frontier.size, root=frontier.root(), time_s=START_MS // 1000)
    return write_full_receipt(records, note=note, keys=key.verifier_keys(), node=lambda level, at: nodes[level, at])
