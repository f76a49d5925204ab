"""What must hold of a home's trail after anything that failed: verified, and every acknowledged record in its place."""

from collections.abc import Iterable
from pathlib import Path

from audit.cli.outside import Outside
from audit.cli.verify_trail import live_target, verify_target
from audit.compact import unpack
from audit.findings import Verdict
from audit.merkle import leaf_hash
from audit.places import find_places
from audit.record import Leaf, Receipt
from audit.rows import Rows


def check_whole(home: Path, acknowledged: Iterable[Receipt]) -> list[Leaf]:
    """Verify the trail, see that every acknowledged record is there, and return the leaves."""
    places = find_places(home)
    result = verify_target(live_target(places), public_key="", outside=Outside(checkpoints=(), receipts=()))
    assert result.report.verdict is Verdict.VERIFIED, result.report
    with Rows.open(places.readers) as rows:
        leaves = [unpack(row[1]) for row in rows.records(("leaf",), end=rows.size()) if isinstance(row[1], bytes)]
    for receipt in acknowledged:
        assert leaf_hash(leaves[receipt.sequence]) == receipt.leaf_hash
    return [Leaf.from_bytes(leaf) for leaf in leaves]
