import base64
import hashlib
import json
import pickle
from datetime import date

import pytest

from appliance.errors import PhiBlockedError
from appliance.phi.demographics import Address, Demographics
from appliance.phi.keyed import MAX_ISSUED_WORDS, KeyedIdentifiers
from appliance.phi.known_identifiers import KnownIdentifiers

SECRET = bytes(range(32))

PATIENT = Demographics(
    names=("Brady Kuhlman", "Will May"),
    birth_date=date(1961, 3, 14),
    record_numbers=("00123456",),
    other_ids=("79ef6ec3-e86a-441b-bb6b-c15936ee8be9",),
    ssn="123-45-6789",
    phones=("617-555-0123",),
    emails=("brady.kuhlman70@example.org",),
    addresses=(Address(lines=("856 Reichel Street",), city="Quincy", state="MA", postal_code="02169"),),
)

VALUES = ("Brady", "Kuhlman", "1961", "123456", "123-45-6789", "6789", "617-555-0123", "Reichel", "Quincy", "02169")

ISSUED = ("Mark Ellis", "2019-03-04T10:22:11-05:00", "+1 (312) 555-0142 x3", "12 Elm Street")


@pytest.fixture
def keyed() -> KeyedIdentifiers:
    made = KnownIdentifiers.from_demographics(PATIENT).keyed(SECRET, issued=ISSUED)
    return KeyedIdentifiers.from_wire(json.loads(json.dumps(made.to_wire())))


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("told Kuhlman to rest", "NAME", "Kuhlman"),
        ("KUHLMAN", "NAME", "KUHLMAN"),
        ("by Will May today", "NAME", "Will May"),
        ("SSN 123 45 6789", "SSN", "123 45 6789"),
        ("ssn123456789", "SSN", "123456789"),
        ("0123456", "MRN", ""),
        ("MRN123456", "MRN", "123456"),
        ('{"id":"79EF6EC3-E86A-441B-BB6B-C15936EE8BE9"}', "OTHER_ID", "79EF6EC3-E86A-441B-BB6B-C15936EE8BE9"),
        ("(617) 555-0123", "PHONE", "617) 555-0123"),
        ("Brady.Kuhlman70@EXAMPLE.org", "EMAIL", "Brady.Kuhlman70@EXAMPLE.org"),
        ("born 3/14/61", "DATE", "3/14/61"),
        ("born March 14th, 1961", "DATE", "March 14th, 1961"),
        ("856 reichel st", "LOCATION", "856 reichel st"),
        ("from Quincy", "LOCATION", "Quincy"),
        ("ZIP 02169", "LOCATION", "02169"),
    ],
)
def test_the_broker_finds_what_it_cannot_read(keyed: KeyedIdentifiers, text: str, kind: str, value: str) -> None:
    found = [(each.kind.value, text[each.start : each.end]) for each in keyed.find(text)]

    assert found == ([(kind, value)] if value else [])


@pytest.mark.parametrize(
    "text",
    [
        "He will come in May; quincy is a tree; 12.02169; 31461",
        "Seen 2019-03-04T10:22:11-05:00 by Mark Ellis, 12 Elm Street",
        '{"role":"user","content":"BP 120/80"}',
        "",
    ],
)
def test_what_the_guard_leaves_or_puts_in_does_not_stop_a_text(keyed: KeyedIdentifiers, text: str) -> None:
    assert keyed.find(text) == ()


def test_a_known_value_that_was_also_issued_may_leave() -> None:
    keyed = KnownIdentifiers.from_demographics(PATIENT).keyed(SECRET, issued=["1961-03-14T08:00"])

    assert keyed.find("1961-03-14") == ()
    assert len(keyed.find("3/14/1961")) == 1


@pytest.mark.parametrize("value", [*ISSUED, "ellis", "2019-03-04", "(312) 555-0142", "Elm", "MARK  ELLIS"])
def test_a_surrogate_and_its_words_are_issued(keyed: KeyedIdentifiers, value: str) -> None:
    assert keyed.is_issued(value)


@pytest.mark.parametrize("value", ["Ellis Mark", "Kuhlman", "2019-04", "", "--", "Mark Ellis 7", "555-0143"])
def test_what_was_not_issued_is_not(keyed: KeyedIdentifiers, value: str) -> None:
    assert not keyed.is_issued(value)


def test_the_wire_holds_no_value_and_no_plain_hash_of_one(keyed: KeyedIdentifiers) -> None:
    wire = json.dumps(keyed.to_wire())
    packed = [base64.b64decode(each) for each in keyed.to_wire()["grams"].values()]  # type: ignore[attr-defined]
    everything = b"".join([wire.encode().lower(), *packed, repr(keyed).encode()])

    for value in (*VALUES, *ISSUED):
        for form in {value, value.lower(), "".join(filter(str.isalnum, value.lower()))}:
            assert form.encode().lower() not in everything
            assert base64.b64encode(form.encode())[:-4].lower() not in wire.encode().lower() or len(form) < 6
            for digest in (hashlib.sha256, hashlib.sha1, hashlib.md5, hashlib.blake2b):
                assert digest(form.encode()).digest()[:8] not in everything
                assert digest(form.encode()).hexdigest()[:16].encode() not in everything


def test_another_secret_gives_another_wire_and_the_secret_is_not_in_it(keyed: KeyedIdentifiers) -> None:
    other = KnownIdentifiers.from_demographics(PATIENT).keyed(SECRET[::-1], issued=ISSUED)

    assert set(map(str, other.to_wire()["issued"])).isdisjoint(map(str, keyed.to_wire()["issued"]))  # type: ignore[call-overload]
    assert base64.b64encode(SECRET).decode() not in json.dumps(keyed.to_wire())


def test_a_short_secret_is_a_mistake_of_the_program() -> None:
    with pytest.raises(RuntimeError):
        KnownIdentifiers.nothing().keyed(b"short", issued=())


def test_nobodys_values_are_nowhere() -> None:
    keyed = KnownIdentifiers.nothing().keyed(SECRET, issued=["Mark Ellis"])

    assert keyed.find("Brady Kuhlman 123-45-6789") == ()
    assert keyed.is_issued("Mark")


def test_an_ordinary_exchange_fits_the_wire() -> None:
    people = [Demographics(names=(f"Given{n} Family{n}",), birth_date=date(1950 + n, 3, 14)) for n in range(20)]
    keyed = KnownIdentifiers.from_demographics(*people).keyed(SECRET, issued=[f"2019-03-{n:02}" for n in range(500)])

    assert len(json.dumps(keyed.to_wire())) < 256 * 1024


def test_too_much_for_the_wire_is_refused() -> None:
    with pytest.raises(PhiBlockedError, match="fewer records"):
        KnownIdentifiers.nothing().keyed(SECRET, issued=[f"word{n}" for n in range(MAX_ISSUED_WORDS)])


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"key": "AAAA"},
        {"key": 7},
        {"key": "\u00e9"},
        {"grams": []},
        {"grams": {"NAME": "AAAA"}},
        {"grams": {"NAME": 7}},
        {"grams": {"NOTHING": ""}, "more": 1},
        {"grams": {"NOTHING": "AAAAAAAAAAAAAAAA"}},
        {"issued": {}},
        {"issued": [""]},
        {"issued": ["AAAA"]},
        {"issued": [None]},
        {"issued": ["AAAAAAAAAAA="] * (MAX_ISSUED_WORDS + 1)},
        {"more": 1},
    ],
)
def test_a_malformed_wire_is_refused_without_repeating_it(keyed: KeyedIdentifiers, change: dict[str, object]) -> None:
    with pytest.raises(PhiBlockedError) as refused:
        KeyedIdentifiers.from_wire({**keyed.to_wire(), **change})

    assert "AAAA" not in f"{refused.value.public} {refused.value.detail}"


def test_keyed_identifiers_travel_by_their_wire_only(keyed: KeyedIdentifiers) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(keyed)


def test_a_number_beyond_all_measure_costs_no_more_than_a_long_one() -> None:
    number = "12 34567890" * 40
    keyed = KnownIdentifiers.from_demographics(Demographics(record_numbers=(number,))).keyed(SECRET, issued=())

    assert keyed.find(number) == ()


def test_a_known_name_in_an_eponym_or_in_lower_case_is_judged_as_by_the_guard() -> None:
    person = Demographics(names=("Ann Wilson", "Rush Day"))
    keyed = KnownIdentifiers.from_demographics(person).keyed(SECRET, issued=())

    assert keyed.find("Wilson's disease; a rush, the day after; rush-day traffic") == ()
    assert [each.kind.value for each in keyed.find("wilson; Rush; Ann/Wilson")] == ["NAME"] * 3
