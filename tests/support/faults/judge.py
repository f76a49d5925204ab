"""What must hold of a trail after a schedule, however its recorders died and whatever the disk lost.

Nothing acknowledged is lost, nothing half-written is shown, and the whole of it verifies, bodies included.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from audit.cli.outside import read_witnesses
from audit.envelope import open_sealed
from audit.findings import Verdict
from audit.keyring import MonthSecrets, Trail
from audit.merkle import leaf_hash
from audit.record import Leaf
from audit.rows import Rows
from audit.verify import RECORD_COLUMNS, Verifier

SALT = b"\x07" * 32

Acknowledged = Mapping[int, str]
"""Leaf hash in hex, or nothing where it is not known, by place."""


def problems_of(
    trail: Trail, *, acknowledged: Acknowledged, secrets: Callable[[str], MonthSecrets]
) -> tuple[list[str], Counter[str]]:
    """Return what does not hold, and how many records of each batch are there."""
    verifier = Verifier(trail.verifier_keys(), salt=SALT, check_body=_opener(secrets))
    with Rows.open(trail.database) as rows:
        verifier.add_checkpoints(rows.checkpoints())
        verifier.add_witness(trail.witness.name, read_witnesses(trail.witness))
        verifier.add_index(rows.index_rows(), size=rows.count())
        records = list(rows.records(RECORD_COLUMNS, end=rows.size()))
        verifier.add_records(records)
        report = verifier.finish(size_now=rows.size())
    problems = []
    if report.verdict is not Verdict.VERIFIED:
        findings = [finding.sentence for step in report.steps for finding in step.findings]
        problems.append(f"{report.verdict}: {'; '.join(findings)}")
    columns = dict(zip(RECORD_COLUMNS, zip(*(row[1:] for row in records), strict=True), strict=True))
    problems.extend(_lost(acknowledged, columns["leaf"]))
    found, wanted = _batches(columns["facts"])
    problems.extend(
        f"batch {batch} is shown by half: {count} of {wanted[batch]}"
        for batch, count in found.items()
        if count != wanted[batch]
    )
    return problems, found


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
