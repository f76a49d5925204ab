"""Whatever stands in a trail, a receipt or a question: our errors come out, or a report, and never a traceback."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import encode
from audit.errors import AuditError
from audit.findings import Verdict
from audit.full_receipt import read_full_receipt
from audit.verify import RECORD_COLUMNS, Verifier
from tests.support.trail_rows import KEY, SALT, finish, make_leaf, make_rows, note_of, verify_rows

VALUES = st.none() | st.integers() | st.floats() | st.text() | st.binary()
"""What an SQLite column may hold, whatever its declared type."""

ROWS, TREE = make_rows(make_leaf(place) for place in range(6))
NOTE = note_of(TREE)

JSON = st.recursive(
    st.text() | st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="ascii")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(st.tuples(st.integers(), *[VALUES] * len(RECORD_COLUMNS)), max_size=4))
def test_garbage_rows_never_verify_and_never_crash(rows: list[tuple[Any, ...]]) -> None:
    assert verify_rows(rows, [(6, NOTE)]).verdict is Verdict.TAMPERED


@given(st.integers(0, 5), st.integers(1, len(RECORD_COLUMNS)), VALUES)
def test_any_other_value_in_any_column_is_found(place: int, column: int, value: Any) -> None:
    rows = list(ROWS)
    is_same = type(rows[place][column]) is type(value) and rows[place][column] == value
    rows[place] = (*rows[place][:column], value, *rows[place][column + 1 :])

    report = verify_rows(rows, [(6, NOTE)])

    equal = rows[place] == ROWS[place]  # 1000.0 is 1000 in SQLite too
    assert report.verdict is (Verdict.VERIFIED if is_same or equal else Verdict.TAMPERED)
    assert report.first_bad in {None, place}


@given(st.lists(st.tuples(VALUES, VALUES), max_size=4), st.lists(st.tuples(VALUES, VALUES), max_size=4))
def test_garbage_checkpoints_and_index_rows_never_crash(notes: list[Any], index: list[Any]) -> None:
    report = verify_rows(ROWS, notes, index)

    assert report.verdict is not Verdict.VERIFIED


@given(st.lists(st.none() | st.text(), max_size=4), st.text(), st.binary())
def test_garbage_witnesses_and_receipts_never_crash(notes: list[str | None], receipt: str, tail: bytes) -> None:
    verifier = Verifier(KEY.verifier_keys(), salt=SALT)
    verifier.add_checkpoints([(6, NOTE)])
    verifier.add_witness("kept", notes)
    verifier.add_receipt(receipt)
    verifier.add_receipt(f"audit1.{receipt}.{tail.hex()}")

    assert finish(verifier, ROWS).verdict is Verdict.TAMPERED


@given(st.permutations(range(6)))
def test_any_other_order_is_found(order: list[int]) -> None:
    rows = [(place, *ROWS[index][1:]) for place, index in enumerate(order)]

    report = verify_rows(rows, [(6, NOTE)])

    moved = [place for place, index in enumerate(order) if place != index]
    assert report.first_bad == (min(moved) if moved else None)


@given(st.sets(st.integers(0, 5), min_size=1))
def test_any_missing_records_are_found(missing: set[int]) -> None:
    rows = [row for row in ROWS if row[0] not in missing]

    assert verify_rows(rows, [(6, NOTE)]).first_bad == min(missing)


def _encoded(members: dict[str, Any]) -> str:
    return encode(members).decode()


def _check_refused(text: str) -> None:
    with pytest.raises(AuditError):
        read_full_receipt(text, KEY.verifier_keys())


@given(st.text())
def test_garbage_is_no_receipt(text: str) -> None:
    _check_refused(text)


@given(st.dictionaries(st.sampled_from(["v", "checkpoint", "records", "origin"]), JSON))
def test_garbage_members_are_no_receipt(members: dict[str, Any]) -> None:
    _check_refused(_encoded(members))


@given(st.lists(JSON, max_size=3))
def test_garbage_records_under_a_real_checkpoint_are_no_receipt(records: list[Any]) -> None:
    _check_refused(_encoded({"v": 1, "checkpoint": NOTE, "records": records}))


@given(st.dictionaries(st.sampled_from(["leaf", "facts", "proof"]), st.text() | st.lists(st.text(), max_size=3)))
def test_a_garbage_record_under_a_real_checkpoint_is_no_receipt(record: dict[str, Any]) -> None:
    _check_refused(_encoded({"v": 1, "checkpoint": NOTE, "records": [record]}))
