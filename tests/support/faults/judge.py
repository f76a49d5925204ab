"""What must hold of a trail after a schedule, however its recorders died and whatever the disk lost.

Nothing acknowledged is lost, nothing half-written is shown, and the whole of it verifies, bodies included.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from audit.checkpoint import read_checkpoint
from audit.cli.outside import Outside
from audit.cli.verify_trail import live_target, verify_target
from audit.compact import unpack
from audit.envelope import open_sealed
from audit.findings import Verdict
from audit.keyring import MonthSecrets
from audit.merkle import leaf_hash
from audit.places import Places
from audit.record import Leaf
from audit.rows import Rows
from audit.witness import read_witness

Acknowledged = Mapping[int, str]
"""Leaf hash in hex, or nothing where it is not known, by place."""


def problems_of(
    places: Places, *, acknowledged: Acknowledged, witnessed: int, secrets: Callable[[str], MonthSecrets]
) -> tuple[list[str], Counter[str]]:
    """Return what does not hold, and how many records of each batch are there."""
    nothing = Outside(checkpoints=(), receipts=())
    result = verify_target(live_target(places), public_key="", outside=nothing, body_check=_opener(secrets))
    problems = []
    if result.report.verdict is not Verdict.VERIFIED:
        findings = [finding.sentence for step in result.report.steps for finding in step.findings]
        problems.append(f"{result.report.verdict}: {'; '.join(findings)}")
    with Rows.open(places.readers) as rows:
        stored = [(unpack(leaf), unpack(facts)) for _, leaf, facts in _packed(rows)]
    problems.extend(_lost(acknowledged, [leaf for leaf, _ in stored]))
    found, wanted = _batches(facts for _, facts in stored)
    problems.extend(
        f"batch {batch} is shown by half: {count} of {wanted[batch]}"
        for batch, count in found.items()
        if count != wanted[batch]
    )
    if (size := _witnessed(places)) < witnessed:
        problems.append(f"the witness had {witnessed} records and has {size}")
    return problems, found


def _packed(rows: Rows) -> Iterator[tuple[int, bytes, bytes]]:
    for sequence, leaf, facts in rows.records(("leaf", "facts"), end=rows.size()):
        assert isinstance(sequence, int)
        assert isinstance(leaf, bytes)
        assert isinstance(facts, bytes)
        yield sequence, leaf, facts


def _witnessed(places: Places) -> int:
    keys = places.trail.verifier_keys()
    return max((read_checkpoint(note, keys).size for note in read_witness(places.witness) if note), default=0)


def _opener(secrets: Callable[[str], MonthSecrets]) -> Callable[[Leaf, bytes, bytes], None]:
    def check(leaf: Leaf, wrapped_key: bytes, ciphertext: bytes) -> None:
        open_sealed(leaf, wrapped_key=wrapped_key, ciphertext=ciphertext, keys=secrets(leaf.month))

    return check


def _lost(acknowledged: Acknowledged, leaves: Sequence[bytes]) -> Iterator[str]:
    for place, promised in acknowledged.items():
        if place >= len(leaves):
            yield f"record {place} was acknowledged and is lost"
        elif promised and leaf_hash(leaves[place]).hex() != promised:
            yield f"record {place} was acknowledged and is another now"


def _batches(documents: Iterable[bytes]) -> tuple[Counter[str], dict[str, int]]:
    """Return how many records of each batch there are, and how many it had."""
    found: Counter[str] = Counter()
    wanted: dict[str, int] = {}
    for document in documents:
        facts = json.loads(document).get("facts", {})
        if "batch" in facts:
            found[facts["batch"]] += 1
            wanted[facts["batch"]] = facts["of"]
    return found, wanted
