"""On both stores: whatever is changed in the database is found, by which step and where (FORMAT.md section 12).

A thief who owns the database may write to every table, triggers or not.  Most changes need no key to be found; those of
a wrapped key do, because it stands outside the tree so that months can be destroyed: said here, step 12.
"""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Column, delete, insert, select, update

from audit.canonical import decode, encode
from audit.checkpoint import sign_checkpoint, sign_receipt
from audit.compact import pack, unpack
from audit.errors import FormatError
from audit.merkle import Frontier, leaf_hash
from audit.store.address import sqlite_address
from audit.store.schema import blind_index, checkpoint, record, term, term_block
from audit.terms import COLUMNS
from tests.support.postgres import READER, RECORDER, PostgresDatabase
from tests.support.store_trail import TABLES, Contents, Run, StoreTrail, failed_steps
from tests.support.trail_forger import another_key

EXCHANGES = 8
LAST = 4 * EXCHANGES
OTHERS = [*term.c, *term_block.c, *blind_index.c, checkpoint.c.size, checkpoint.c.note]
"""Columns beside those of records.  A checkpoint's `time` is for people only: the signed time stands in its note."""

FLIPS = 4
"""Rows of each column in which a byte is flipped: another sample for each column, always the same."""

STEPS_OF = {
    "time": {4},
    "exchange": {4},
    "event": {4},
    "nodes": {8},
    "leaf": {3, 8},
    "facts": {5},
    "ciphertext": {6},
    **{member: {4} for member in COLUMNS},
}
"""The step that each column of a record is found by, or several where it depends on the bit."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def untouched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> StoreTrail:
    """Return a trail of some exchanges on one of the stores."""
    home = tmp_path_factory.mktemp("tamper") / "home"
    if request.param == "sqlite":
        owner, settings = sqlite_address(home / "audit" / "trail.db"), ""
    else:
        made: PostgresDatabase = request.getfixturevalue("postgres").database()
        owner = made.address("postgres")
        settings = f"database: {made.text(RECORDER)}\nreaders: {made.text(READER)}\n"
    return StoreTrail.build(home, settings=settings, owner=owner, exchanges=EXCHANGES)


@pytest.fixture(scope="module")
def whole(untouched: StoreTrail) -> Contents:
    """Return every row as the recorder wrote it."""
    return untouched.contents()


@pytest.fixture
def trail(untouched: StoreTrail, whole: Contents) -> Iterator[StoreTrail]:
    """Return the trail to a test, and put back what the test has changed."""
    witness = untouched.places.witness
    lines, keys = witness.read_bytes(), (untouched.home / "audit" / "verifier.keys").read_bytes()
    yield untouched
    untouched.put_back(whole)
    witness.write_bytes(lines)
    (untouched.home / "audit" / "verifier.keys").write_bytes(keys)


FAR = 1 << 20
"""A number changes by one bit too, but one that meets no other row's key."""


def at(place: int) -> Any:
    """Return the condition of one record."""
    return record.c.sequence == place


def flipped(value: object, chance: random.Random) -> object:
    """Return a stored value with one bit, one character or one number changed."""
    if isinstance(value, bytes):
        place = chance.randrange(len(value))
        return value[:place] + bytes([value[place] ^ (1 << chance.randrange(8))]) + value[place + 1 :]
    if isinstance(value, str):
        place = chance.randrange(len(value))
        return value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
    assert isinstance(value, int)
    return value + FAR


def test_an_untouched_trail_is_verified_with_and_without_keys(trail: StoreTrail) -> None:
    assert failed_steps(trail.verify()) == {}
    assert failed_steps(trail.verify(with_keys=True)) == {}


@pytest.mark.parametrize("name", sorted(STEPS_OF))
@pytest.mark.parametrize("sample", range(FLIPS))
def test_a_flipped_bit_of_a_record_is_found_and_named(
    trail: StoreTrail, whole: Contents, name: str, sample: int
) -> None:
    chance = random.Random(f"{name} {sample}")  # noqa: S311 -- samples, not secrets
    rows = [row for row in whole["record"] if getattr(row, name) is not None]
    row = chance.choice(rows)
    with trail.thief() as run:
        run(update(record).where(at(row.sequence)).values({name: flipped(getattr(row, name), chance)}))

    verified = trail.verify()

    assert STEPS_OF[name] & set(failed_steps(verified)), failed_steps(verified)
    assert (verified.report.verdict, verified.report.first_bad) == ("tampered", row.sequence)


def test_another_packing_of_the_same_leaf_is_the_same_leaf(trail: StoreTrail, whole: Contents) -> None:
    """What is hashed and bound is the unpacked document: the unused bits of a packing's last byte say nothing."""
    packed = whole["record"][9].leaf
    others = [packed[:-1] + bytes([packed[-1] ^ (1 << bit)]) for bit in range(8)]
    same = [other for other in others if _reads_as(other, unpack(packed))]
    for other in same:
        with trail.thief() as run:
            run(update(record).where(at(9)).values(leaf=other))

        assert failed_steps(trail.verify()) == {}


def _reads_as(packed: bytes, document: bytes) -> bool:
    try:
        return unpack(packed) == document
    except FormatError:
        return False


@pytest.mark.parametrize("sample", range(FLIPS))
def test_a_flipped_bit_of_a_wrapped_key_is_found_with_the_keys_only(
    trail: StoreTrail, whole: Contents, sample: int
) -> None:
    chance = random.Random(sample)  # noqa: S311 -- samples, not secrets
    row = chance.choice([row for row in whole["record"] if row.wrapped_key is not None])
    with trail.thief() as run:
        run(update(record).where(at(row.sequence)).values(wrapped_key=flipped(row.wrapped_key, chance)))

    assert failed_steps(trail.verify()) == {}, "a wrapped key stands outside the tree"
    verified = trail.verify(with_keys=True)

    assert failed_steps(verified) == {12: "unverifiable"}
    assert verified.report.first_bad == row.sequence


@pytest.mark.parametrize(
    "column", [*term.c, *term_block.c, *blind_index.c, checkpoint.c.size, checkpoint.c.note], ids=str
)
@pytest.mark.parametrize("sample", range(FLIPS))
def test_a_flipped_bit_of_any_other_table_is_found(
    trail: StoreTrail, whole: Contents, column: Column[Any], sample: int
) -> None:
    chance = random.Random(f"{column} {sample}")  # noqa: S311 -- samples, not secrets
    table = column.table
    row = chance.choice(whole[table.name])
    same = [other == getattr(row, other.name) for other in table.primary_key.columns]
    with trail.thief() as run:
        run(update(table).where(*same).values({column.name: flipped(getattr(row, column.name), chance)}))

    assert set(failed_steps(trail.verify())) & {4, 9}


@pytest.mark.parametrize("place", [0, 1, 14, LAST - 1, LAST])
def test_a_deleted_record_is_found_and_named(trail: StoreTrail, place: int) -> None:
    with trail.thief() as run:
        run(delete(record).where(at(place)))

    verified = trail.verify()

    assert verified.report.verdict == "tampered"
    assert verified.report.first_bad == place
    assert set(failed_steps(verified)) & {2, 9}


@pytest.mark.parametrize("table", [term, term_block, blind_index], ids=str)
def test_any_deleted_row_of_the_copies_is_found(trail: StoreTrail, whole: Contents, table: Any) -> None:
    for row in whole[table.name]:
        same = [column == getattr(row, column.name) for column in table.primary_key.columns]
        if table is term and row.member == "kind" and not _is_used(whole, row.id):
            continue  # a kind that no record has is nobody's copy
        with trail.thief() as run:
            run(delete(table).where(*same))
        assert 4 in failed_steps(trail.verify()), row
        with trail.thief() as run:
            run(insert(table).values(dict(row._mapping)))  # noqa: SLF001 -- the public name of a row's mapping


def _is_used(whole: Contents, number: int) -> bool:
    return any(row.kind == number for row in whole["record"])


def test_a_deleted_checkpoint_takes_nothing_from_what_the_others_vouch_for(trail: StoreTrail) -> None:
    with trail.thief() as run:
        run(delete(checkpoint).where(checkpoint.c.size == select(checkpoint.c.size).limit(1).scalar_subquery()))

    assert failed_steps(trail.verify()) == {}


def test_without_any_checkpoint_nothing_is_vouched_for(trail: StoreTrail) -> None:
    with trail.thief() as run:
        run(delete(checkpoint))

    assert failed_steps(trail.verify()) == {9: "unverifiable"}


def test_a_duplicate_at_the_end_is_found(trail: StoreTrail, whole: Contents) -> None:
    with trail.thief() as run:
        run(insert(record).values({**whole["record"][LAST]._mapping, "sequence": LAST + 1}))  # noqa: SLF001

    verified = trail.verify()

    assert (verified.report.verdict, verified.report.first_bad) == ("tampered", LAST + 1)
    assert 3 in failed_steps(verified)


def test_a_forged_record_at_the_end_is_not_yet_signed_and_its_copies_are_missing(
    trail: StoreTrail, whole: Contents
) -> None:
    frontier = Frontier()
    for row in whole["record"]:
        frontier, _ = frontier.append(leaf_hash(unpack(row.leaf)))
    last = whole["record"][LAST]
    members = decode(unpack(last.leaf)) | {"seq": LAST + 1, "id": "ev_" + "e" * 32, "prev": last.event}
    leaf = encode(members)
    _, nodes = frontier.append(leaf_hash(leaf))
    changes = {"sequence": LAST + 1, "event": members["id"], "leaf": pack(leaf), "nodes": b"".join(nodes)}
    with trail.thief() as run:
        run(insert(record).values({**last._mapping, **changes}))  # noqa: SLF001

    verified = trail.verify()

    assert 4 in failed_steps(verified)
    assert (verified.report.first_bad, verified.report.signed) == (LAST + 1, LAST + 1)


@pytest.mark.parametrize("columns", [("ciphertext",), ("ciphertext", "wrapped_key")])
def test_swapped_bodies_are_found(trail: StoreTrail, whole: Contents, columns: tuple[str, ...]) -> None:
    _swap(trail, whole, columns, 5, 9)

    verified = trail.verify()

    assert (failed_steps(verified), verified.report.first_bad) == ({6: "tampered"}, 5)


def test_swapped_wrapped_keys_are_found_with_the_keys_only(trail: StoreTrail, whole: Contents) -> None:
    _swap(trail, whole, ("wrapped_key",), 5, 9)

    assert failed_steps(trail.verify()) == {}, "a wrapped key stands outside the tree"
    verified = trail.verify(with_keys=True)

    assert (failed_steps(verified), verified.report.first_bad) == ({12: "unverifiable"}, 5)


def _swap(trail: StoreTrail, whole: Contents, columns: tuple[str, ...], one: int, other: int) -> None:
    rows = whole["record"]
    with trail.thief() as run:
        for place, source in ((one, rows[other]), (other, rows[one])):
            run(update(record).where(at(place)).values({name: getattr(source, name) for name in columns}))


def test_two_records_that_changed_places_are_found(trail: StoreTrail) -> None:
    with trail.thief() as run:
        for old, new in ((6, -6), (7, 6), (-6, 7)):
            run(update(record).where(at(old)).values(sequence=new))

    verified = trail.verify()

    assert (verified.report.verdict, verified.report.first_bad) == ("tampered", 6)
    assert {3, 8} <= set(failed_steps(verified))


def test_a_record_taken_out_and_the_rest_renumbered_is_found(trail: StoreTrail) -> None:
    with trail.thief() as run:
        run(delete(record).where(at(10)))
        for place in range(11, LAST + 1):
            run(update(record).where(at(place)).values(sequence=place - 1))

    verified = trail.verify()

    assert (verified.report.verdict, verified.report.first_bad) == ("tampered", 10)


def test_a_cut_tail_is_found_against_the_databases_own_checkpoints(trail: StoreTrail) -> None:
    with trail.thief() as run:
        run(delete(record).where(record.c.sequence >= 20))

    verified = trail.verify()

    assert verified.report.first_bad == 20
    assert {4, 9, 10} <= set(failed_steps(verified))


def test_yesterdays_database_is_found_against_the_witness(trail: StoreTrail, whole: Contents) -> None:
    _restore_yesterday(trail, whole, size=17)

    verified = trail.verify()

    assert (failed_steps(verified), verified.report.first_bad) == ({10: "tampered"}, 17)


def test_yesterdays_database_and_witness_are_found_against_a_callers_receipt(
    trail: StoreTrail, whole: Contents
) -> None:
    leaf = unpack(whole["record"][LAST].leaf)
    key = trail.places.trail.signing_key()
    receipt = sign_receipt(key, sequence=LAST, leaf_hash=leaf_hash(leaf), time_ms=1).compact
    _restore_yesterday(trail, whole, size=17)
    trail.places.witness.unlink()
    assert failed_steps(trail.verify()) == {}, "an old copy of everything is whole by itself"

    verified = trail.verify(receipts=(receipt,))

    assert (failed_steps(verified), verified.report.first_bad) == ({11: "tampered"}, 17)


def _restore_yesterday(trail: StoreTrail, whole: Contents, *, size: int) -> None:
    """Make the tables hold what they held when there were so many records."""
    kept: Contents = {
        "record": [row for row in whole["record"] if row.sequence < size],
        "blind_index": [row for row in whole["blind_index"] if row.sequence < size],
        "checkpoint": [row for row in whole["checkpoint"] if row.size <= size],
        "term": whole["term"],
        "term_block": whole["term_block"],
    }
    trail.put_back(kept)


def test_an_edited_leaf_with_a_tree_that_fits_it_is_found_by_the_signatures(trail: StoreTrail) -> None:
    with trail.thief() as run:
        _rebuild(run, place=18, code="harmless")

    verified = trail.verify()

    report = verified.report
    assert {9, 10} <= set(failed_steps(verified))
    assert report.first_bad is not None
    assert report.first_bad <= 18 <= (report.first_bad_last or report.first_bad)


def test_a_trail_signed_anew_with_another_key_is_found_with_the_real_ones(trail: StoreTrail) -> None:
    real = trail.home / "real.keys"
    real.write_bytes((trail.home / "audit" / "verifier.keys").read_bytes())
    key = another_key()
    with trail.thief() as run:
        frontier = _rebuild(run, place=LAST, outcome="refused")
        run(delete(checkpoint))
        note = sign_checkpoint(key, size=frontier.size, root=frontier.root(), time_s=1)
        run(insert(checkpoint).values(size=frontier.size, time=1, note=note))
    trail.places.witness.unlink()
    lines = "".join(f"{verifier.to_vkey()}\n" for verifier in key.verifier_keys())
    (trail.home / "audit" / "verifier.keys").write_text(lines)
    assert 9 not in failed_steps(trail.verify()), "with the thief's own keys the signature holds"

    verified = trail.verify(public_key=str(real))

    assert failed_steps(verified)[9] == "tampered"


def test_a_change_signed_anew_with_the_stolen_key_is_found_against_an_older_receipt(
    trail: StoreTrail, whole: Contents
) -> None:
    key = trail.places.trail.signing_key()
    kept = leaf_hash(unpack(whole["record"][LAST].leaf))
    receipt = sign_receipt(key, sequence=LAST, leaf_hash=kept, time_ms=1).compact
    with trail.thief() as run:
        frontier = _rebuild(run, place=LAST, code="harmless")
        run(delete(checkpoint))
        note = sign_checkpoint(key, size=frontier.size, root=frontier.root(), time_s=1)
        run(insert(checkpoint).values(size=frontier.size, time=1, note=note))
    trail.places.witness.unlink()

    verified = trail.verify(receipts=(receipt,))

    assert failed_steps(verified)[11] == "tampered"
    assert verified.report.first_bad == LAST


def _rebuild(run: Run, *, place: int, **members: str) -> Frontier:
    """Edit one leaf and make every stored tree hash fit; only the signatures cannot be made to fit."""
    frontier = Frontier()
    rows = run(select(record.c.sequence, record.c.leaf).order_by(record.c.sequence)).all()
    for sequence, packed in rows:
        data = unpack(packed)
        if sequence == place:
            data = encode({**decode(data), **members})
        frontier, nodes = frontier.append(leaf_hash(data))
        run(update(record).where(at(sequence)).values(leaf=pack(data), nodes=b"".join(nodes)))
    return frontier


@pytest.mark.parametrize(
    ("table", "values", "found"),
    [
        (blind_index, {"value": bytes(16), "sequence": 9}, {4: "tampered"}),
        (blind_index, {"value": bytes(16), "sequence": 5000}, {4: "tampered"}),
        (term_block, {"term": 1, "block": 77}, {4: "tampered"}),
        (checkpoint, {"size": 6, "time": 1, "note": "a note"}, {9: "tampered"}),
        # A word more in the dictionary that no record uses hides nothing and finds nothing.
        (term, {"id": 900, "member": "task", "value": "another"}, {}),
    ],
    ids=str,
)
def test_an_inserted_row_is_found(
    trail: StoreTrail, table: Any, values: dict[str, object], found: dict[int, str]
) -> None:
    with trail.thief() as run:
        run(insert(table).values(values))

    assert failed_steps(trail.verify()) == found


def test_every_table_is_judged() -> None:
    assert {table.name for table in TABLES} == {"record", "term", "term_block", "blind_index", "checkpoint"}
    assert set(STEPS_OF) | {"sequence", "wrapped_key"} == set(record.c.keys())
