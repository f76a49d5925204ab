import pytest

from audit.canonical import decode, encode
from audit.errors import FormatError
from audit.record import Event, Kind, Leaf, facts_document, metadata, month_of, read_facts

GOLDEN = (
    b'{"facts":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","id":"ev_00000000000000000000000000000001",'
    b'"kind":"epoch","month":"2026-11","origin":"hospital.example/a1","seq":0,"time":1795417200000,"v":1}'
)
"""A leaf as FORMAT.md section 3 spells it; it never changes."""


def small_leaf() -> Leaf:
    return Leaf(
        origin="hospital.example/a1",
        sequence=0,
        event_id="ev_" + "0" * 31 + "1",
        kind=Kind.EPOCH,
        time_ms=1795417200000,
        month="2026-11",
        facts_digest="44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    )


def test_a_leaf_has_the_bytes_that_the_format_fixes() -> None:
    assert small_leaf().to_bytes() == GOLDEN
    assert Leaf.from_bytes(GOLDEN) == small_leaf()


def test_a_newer_member_of_a_leaf_is_ignored() -> None:
    newer = encode({**decode(GOLDEN), "zone": "cardiology"})

    assert Leaf.from_bytes(newer) == small_leaf()


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("v", 2),
        ("seq", "0"),
        ("seq", True),
        ("time", -1),
        ("kind", "gossip"),
        ("kind", 7),
        ("month", 11),
        ("patients", "4711"),
        ("patients", [4711]),
        ("facts", None),
        ("origin", None),
    ],
)
def test_a_leaf_with_a_wrong_member_is_refused(member: str, value: object) -> None:
    fields = {**decode(GOLDEN), member: value}
    changed = encode({name: kept for name, kept in fields.items() if kept is not None})

    with pytest.raises(FormatError):
        Leaf.from_bytes(changed)


def test_a_full_leaf_reads_back_as_written() -> None:
    leaf = Leaf(
        **{name: getattr(small_leaf(), name) for name in ("origin", "event_id", "time_ms", "month", "facts_digest")},
        sequence=12,
        kind=Kind.OUTCOME,
        exchange_id="ex_1",
        patients=("aa", "bb"),
        outcome="answered",
        skew_ms=5,
    )

    assert Leaf.from_bytes(leaf.to_bytes()) == leaf


def test_the_facts_document_holds_what_is_readable_and_nothing_empty() -> None:
    event = Event(
        kind=Kind.INTENT, client="client_1", user="ito", patients=("4711",), facts={"tokens": 3}, body=b"note"
    )

    assert facts_document(event) == b'{"client":"client_1","facts":{"tokens":3}}'
    assert read_facts(facts_document(event)) == {"client": "client_1", "facts": {"tokens": 3}}


def test_metadata_shows_readable_members_and_no_commitment() -> None:
    shown = metadata(small_leaf(), b'{"client":"client_1"}')

    assert shown["client"] == "client_1"
    assert (shown["facts"], shown["sealed"]) == ({}, False)
    assert not {"user", "patients"} & set(shown)


def test_a_moment_belongs_to_its_month_in_utc() -> None:
    assert month_of(1795417200000) == "2026-11"
    assert month_of(1796083199999) == "2026-11"
    assert month_of(1796083200000) == "2026-12"
