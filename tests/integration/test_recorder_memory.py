"""The recorder's memory does not grow with the records that it has written; the bench shows a million of them."""

from pathlib import Path

from tests.bench.memory import samples

RECORDS = 60_000
"""More than the recorder remembers exchanges of (20,000 exchanges of two records): what grows for good shows then."""

BOUND_KIB = 8 * 1024
"""Generous: a leak of half a kilobyte a record over the last third would take 10 MiB."""


async def test_memory_stays_flat_once_what_is_remembered_is_full(tmp_path: Path) -> None:
    taken = [sample async for sample in samples(tmp_path / "home", records=RECORDS, batch=250, count=6)]

    assert taken[-1].records >= RECORDS
    assert taken[-1].own_kib - taken[3].own_kib < BOUND_KIB
