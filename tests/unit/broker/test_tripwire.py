"""The last look is complete or it refuses: what is known, what has a shape, and every way in which it can fail."""

import json
from itertools import chain, repeat

import pytest

from appliance.broker.tripwire import MAX_BYTES, PIECE, Tripwire, TripwireError, TripwireFaultError
from appliance.broker.tripwire_rules import REACH
from appliance.phi.demographics import Demographics
from appliance.phi.keyed import KeyedIdentifiers
from tests.support.tripwires import PATIENT, BrokenIdentifiers, keyed

CLEAN = "The patient takes metoprolol 25 mg twice a day. "


def test_clean_text_passes() -> None:
    Tripwire(keyed(PATIENT)).check((CLEAN * 400).encode())


@pytest.mark.parametrize(
    "text",
    [
        "then Wilhelmina Vanterpool slept",
        "then WILHELMINA VANTERPOOL slept",
        "then V\u0430nterpool slept",
        json.dumps({"notes": ["then Vanterpool slept"]}),
        "V2lsaGVsbWluYSBWYW50ZXJwb29s",
    ],
    ids=["plain", "capitals", "look-alikes", "json", "base64"],
)
def test_a_known_name_without_any_shape_stops_the_text(text: str) -> None:
    Tripwire(keyed()).check(text.encode())

    with pytest.raises(TripwireError):
        Tripwire(keyed(PATIENT)).check(text.encode())


@pytest.mark.parametrize("before", [0, PIECE - 30, PIECE - 12, PIECE - 1, PIECE, PIECE + 200, 3 * PIECE - 8])
def test_an_identifier_at_the_edge_of_a_piece_is_seen(before: int) -> None:
    filler = (CLEAN * (before // len(CLEAN) + 1))[:before]

    for left in ("Wilhelmina Vanterpool", "call (312) 867-5309", "MRN: 77120"):
        with pytest.raises(TripwireError):
            Tripwire(keyed(PATIENT)).check(f"{filler} {left} {CLEAN * 20}".encode())


def test_a_text_without_blanks_is_read_whole() -> None:
    with pytest.raises(TripwireError):
        Tripwire(keyed()).check(b"x" * PIECE + b"(wv@clinic.example.com)" + b"y" * PIECE)


def test_the_error_tells_kinds_and_counts_and_never_a_value() -> None:
    with pytest.raises(TripwireError) as found:
        Tripwire(keyed()).check(b"Dr. Vanterpool, phone 312-867-5309 or 312-867-5310")

    assert found.value.counts == {"NAME": 1, "PHONE": 2}
    assert "Vanterpool" not in repr(found.value)
    assert "867" not in str(found.value)


@pytest.mark.parametrize(
    "body",
    [b"x" * (MAX_BYTES + 1), b"\xff\xfe\x00", b"[" * 100_000],
    ids=["too long", "no UTF-8", "too deep"],
)
def test_a_body_that_cannot_be_read_whole_refuses(body: bytes) -> None:
    with pytest.raises(TripwireFaultError):
        Tripwire(keyed()).check(body)


def test_a_look_that_takes_too_long_refuses() -> None:
    ticks = chain([0.0, 0.1], repeat(60.0))

    with pytest.raises(TripwireFaultError, match="out_of_time"):
        Tripwire(keyed(), clock=lambda: next(ticks)).check((CLEAN * 300).encode())


def test_what_was_found_before_the_time_was_over_still_refuses() -> None:
    ticks = chain([0.0], repeat(60.0))

    with pytest.raises(TripwireFaultError):
        Tripwire(keyed(), clock=lambda: next(ticks)).check(b"Dr. Vanterpool")


@pytest.mark.parametrize("call", ["find", "is_issued"])
@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), MemoryError(), UnicodeError("x")], ids=repr)
def test_an_error_of_the_keyed_identifiers_is_never_a_pass(call: str, error: Exception) -> None:
    broken = BrokenIdentifiers(call, error)

    with pytest.raises(type(error)):
        Tripwire(broken).check(b"Dr. Ellis")  # type: ignore[arg-type]  # stands in for keyed identifiers

    assert broken.reached == [call]


def test_nothing_known_and_nothing_issued_is_no_excuse() -> None:
    nothing = KeyedIdentifiers.from_wire(keyed().to_wire())

    with pytest.raises(TripwireError):
        Tripwire(nothing).check(b"SSN 219-09-9999")


def test_what_begins_in_the_next_piece_is_counted_there_and_once() -> None:
    filler = (CLEAN * 200)[: PIECE - 10]

    with pytest.raises(TripwireError) as found:
        Tripwire(keyed()).check(f"{filler} then it was Dr. Vanterpool, phone 312-867-5309, who came".encode())

    assert found.value.counts == {"NAME": 1, "PHONE": 1}


@pytest.mark.parametrize("before", [PIECE - 5, PIECE - 4, PIECE - 1, PIECE + REACH - 5, PIECE + REACH - 2])
def test_a_name_of_everyday_words_is_seen_though_a_piece_ends_inside_it(before: int) -> None:
    flower = keyed(Demographics(names=("May Rose",)))
    filler = (CLEAN * 200)[: before - 1].ljust(before)

    Tripwire(flower).check(f"{filler}in May a rose".encode())
    with pytest.raises(TripwireError):
        Tripwire(flower).check(f"{filler}May Rose {CLEAN * 20}".encode())
