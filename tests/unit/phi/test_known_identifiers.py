import copy
import csv
import json
import pickle
import re
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from appliance.phi.demographics import Address, Demographics
from appliance.phi.known_identifiers import KnownIdentifiers

DATA = Path(__file__).parents[3].parent / "shared" / "data"

PATIENT = Demographics(
    names=("Brady Quinn Kuhlman",),
    birth_date=date(1961, 3, 14),
    record_numbers=("00123456",),
    health_plan_ids=("1EG4-TE5-MK73",),
    accounts=("AC-99-12345",),
    licenses=("S99948597",),
    other_ids=("79ef6ec3-e86a-441b-bb6b-c15936ee8be9",),
    ssn="123-45-6789",
    phones=("+1 (617) 555-0123", "+44 20 7946 0958"),
    faxes=("617-555-0199",),
    emails=("brady.kuhlman70@example.org",),
    urls=("https://people.example.org/bk?id=7",),
    addresses=(Address.parse("856 Reichel Street Apt 4, Quincy, MA 02169"),),
    relatives=(Demographics(names=("Kitty Emmerich",), phones=("617-555-0177",)),),
)


def found(text: str, *people: Demographics) -> list[tuple[str, str]]:
    known = KnownIdentifiers.from_demographics(*(people or (PATIENT,)))
    return [(each.kind.value, text[each.start : each.end]) for each in known.find(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("told Kuhlman to rest", "NAME", "Kuhlman"),
        ("KUHLMAN, BRADY Q. was seen", "NAME", "KUHLMAN, BRADY Q"),
        ("B. Kuhlman rests", "NAME", "B. Kuhlman"),
        ("Kuhlman's wound", "NAME", "Kuhlman"),
        ("Ms. Kuhlmann rests", "NAME", "Kuhlmann"),
        ("Patient B.K. rests", "NAME", "B.K"),
        ("initials: BQK", "NAME", "BQK"),
        ("user bkuhlman logged in", "NAME", "bkuhlman"),
        ("Kuhl\u00adman is here", "NAME", "Kuhl\u00adman"),
        ("mother Kitty Emmerich called", "NAME", "Kitty Emmerich"),
        ("born March 14th, 1961", "DATE", "March 14th, 1961"),
        ("birthday on March 14 each year", "DATE", "March 14"),
        ("born the fourteenth of March, nineteen sixty one", "DATE", "fourteenth of March, nineteen sixty one"),
        ("MRN123456 on file", "MRN", "123456"),
        ("chart 0000123456", "MRN", "0000123456"),
        ("id l23456 by the scanner", "MRN", "l23456"),
        ("plan 1eg4te5mk73", "HEALTH_PLAN", "1eg4te5mk73"),
        ("account AC 99 12345", "ACCOUNT", "AC 99 12345"),
        ("drives on s 99948597", "LICENSE", "s 99948597"),
        ("see 79EF6EC3E86A441BBB6BC15936EE8BE9", "OTHER_ID", "79EF6EC3E86A441BBB6BC15936EE8BE9"),
        ("123 45 6789 was given", "SSN", "123 45 6789"),
        ("the last four of his social are 6789", "SSN", "6789"),
        ("6789 (last 4)", "SSN", "6789"),
        ("call (617) 555-0123 ext. 9 now", "PHONE", "(617) 555-0123 ext. 9"),
        ("from abroad 020 7946 0958", "PHONE", "020 7946 0958"),
        ("fax 6175550199", "FAX", "6175550199"),
        ("b: Brady.Kuhlman70 (at) EXAMPLE [dot] org", "EMAIL", "Brady.Kuhlman70 (at) EXAMPLE [dot] org"),
        ("user brady.kuhlman70", "EMAIL", "brady.kuhlman70"),
        ("at people.example.org/bk?id=7", "URL", "people.example.org/bk?id=7"),
        ("856 REICHEL ST APT 4", "LOCATION", "856 REICHEL ST APT 4"),
        ("of Reichel Street", "LOCATION", "Reichel Street"),
        ("lives in Quincy.", "LOCATION", "Quincy"),
        ("02169-1234", "LOCATION", "02169-1234"),
        ("a 93-year-old man", "AGE", "93"),
        ("aged ninety-two", "AGE", "ninety-two"),
    ],
)
def test_a_known_value_is_found_in_every_form(text: str, kind: str, value: str) -> None:
    assert found(text) == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "platelets 31461, glucose 6789, dose 3.14 mg on 14 March",
        "pulse 92, saturation 94 %",
        "ratio 1.123456 and 12.02169",
        "12 34 56",
        "Bradycardia and a kulm",
        "host 3.14.61.22",
        "the fourteenth visit in March",
    ],
)
def test_what_only_resembles_a_known_value_is_left(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Will May", "He will come in May and may need a will."),
        ("Will May", "Will he come? May 5 is free. In May 2020 he did."),
        ("Rose Grace", "The pain rose; by the grace of rest it fell. Rose early."),
        ("An Li", "An infusion of Li was given; an increase of li."),
        ("Wilson Foley", "Wilson's disease was excluded; a Foley catheter was placed. Foley catheters are common."),
        ("Gleason Wells", "Gleason 7, Wells score 3, Glasgow coma scale 15"),
        ("Epstein Parkinson", "Epstein-Barr virus, Wolff-Parkinson-White syndrome"),
        ("Black White", "A White male and a black female. White count is low."),
        ("Rose Ann", "the temperature rose ann"),
        ("Anna Cross", "present across the skull"),
        ("Ann Day", "each day he walks; the day after, Day 3 of therapy"),
    ],
)
def test_an_ordinary_word_is_no_false_alarm(name: str, text: str) -> None:
    assert found(text, Demographics(names=(name,))) == []


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("Will May", "Seen by us: Will May, 45", "Will May"),
        ("Will May", "MAY, WILL", "MAY, WILL"),
        ("Will May", "Mr. May is well", "May"),
        ("Will May", "we saw Will again", "Will"),
        ("Rose Kuhlman", "pt rose kuhlman 45f", "rose kuhlman"),
        ("Rose Kuhlman", "kuhlman, rose, 45f", "kuhlman, rose"),
        ("An Li", "Dr. Li agrees", "Li"),
        ("Wilson Foley", "Mr. Wilson came; ", "Wilson"),
        ("Wilson Foley", "Wilson Foley catheter", "Wilson Foley"),
        ("Dawn Rush", "Rush was here", "Rush"),
        ("William Smith", "Bill Smith called", "Bill Smith"),
        ("Grace Hall", '"Grace"', "Grace"),
        ("Mary Ann de la Cruz", "Maryann Delacruz", "Maryann Delacruz"),
        ("Mary Ann de la Cruz", "de la Cruz", "de la Cruz"),
        ("Oscar van der Berg", "by van der Berg", "van der Berg"),
        ("William Bill Jones", "by Bill Jones", "Bill Jones"),
        ("Ronald McDonald", "Mc Donald", "Mc Donald"),
        ("J. R. R. Tolkien", "John R. R. Tolkien", "R. R. Tolkien"),
        ("John Smith", "John Q. R. Smith", "John Q. R. Smith"),
        ("Sumiko254 Larue605", "Sumiko254 Larue605 is", "Sumiko254 Larue605"),
        ("Stephen Strange", "Stephen, Strnage", "Stephen, Strnage"),
    ],
)
def test_an_ordinary_word_is_found_where_the_form_shows_a_name(name: str, text: str, value: str) -> None:
    assert found(text, Demographics(names=(name,))) == [("NAME", value)]


def test_two_people_beside_each_other_are_two_findings() -> None:
    couple = Demographics(names=("John Smith",)), Demographics(names=("Mary Jones",))

    assert found("John Smith, Mary Jones", *couple) == [("NAME", "John Smith"), ("NAME", "Mary Jones")]


def test_names_of_two_sentences_are_two_findings() -> None:
    assert found("We saw Kuhlman. Brady slept.") == [("NAME", "Kuhlman"), ("NAME", "Brady")]


@pytest.mark.parametrize(
    ("city", "text", "expected"),
    [
        ("Mobile", "firm, mobile and painless", []),
        ("Mobile", "lives in Mobile", ["Mobile"]),
        ("Bath", "a bath; Bath, ME", ["Bath"]),
        ("Reading", "Reading", ["Reading"]),
        ("Fort Lee", "a fort ; * ; lee", []),
        ("Reading", "Reading glasses; reading is hard", []),
        ("Reading", "moved to Reading last year; Reading, PA", ["Reading", "Reading, PA"]),
        ("Fort Lee", "of fort lee and Ft. Lee, New Jersey", ["fort lee", "Ft. Lee, New Jersey"]),
    ],
)
def test_a_city_is_found_where_the_text_shows_a_place(city: str, text: str, expected: list[str]) -> None:
    state = {"Reading": "PA", "Fort Lee": "NJ"}.get(city, "")
    person = Demographics(addresses=(Address(city=city, state=state),))

    assert [value for _, value in found(text, person)] == expected


def test_a_short_record_number_needs_its_label() -> None:
    person = Demographics(record_numbers=("480",), licenses=("ABCDEFG",))

    assert found("dose 480 mg, NPI: 480, id abcdefg, abcdefg", person) == [("MRN", "480"), ("LICENSE", "abcdefg")]


def test_offsets_are_those_of_the_callers_text() -> None:
    text = "\u200bDr. \uff2b\uff55\uff48\uff4c\uff4d\uff41\uff4e \U0001f600 SSN \uff11\uff12\uff13-45-6789"

    assert [value for _, value in found(text)] == [text[5:12], text[19:]]


def test_nobody_is_known_of_nothing() -> None:
    nobody = KnownIdentifiers.nothing()

    assert nobody.find("Brady Kuhlman, 93 years old") == ()
    assert KnownIdentifiers.from_fhir([]).find("Brady") == ()


def test_known_values_cannot_be_printed_or_copied() -> None:
    known = KnownIdentifiers.from_demographics(PATIENT)

    for each in (known, PATIENT):
        with pytest.raises(TypeError):
            pickle.dumps(each)
        with pytest.raises(TypeError):
            copy.deepcopy(each)
    assert "Kuhlman" not in f"{known!r} {PATIENT!r} {PATIENT.addresses!r}"


@pytest.mark.parametrize("unit", ["J. ", "4a", "1-", "John ", "xxx-xx-", "last four 6789 ", "de la ", "March 14 "])
def test_repetitions_do_not_slow_the_search(unit: str) -> None:
    known = KnownIdentifiers.from_demographics(PATIENT, Demographics(names=("John de la Cruz",)))
    text = (unit * 20_000)[:20_000]

    begun = time.perf_counter()
    known.find(text)

    assert time.perf_counter() - begun < 5


def texts_of(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts_of(inner)


def own_values(patient: dict[str, object]) -> set[str]:
    """Return what identifies a patient of Synthea, read without the code under test."""
    wanted = {"family", "given", "value", "birthDate", "line", "city", "postalCode", "valueString", "id"}
    pairs = re.findall(r'"(\w+)": (\[[^\]]*\]|"[^"]*")', json.dumps({**patient, "text": None, "meta": None}))
    values = {each for name, raw in pairs if name in wanted for each in texts_of(json.loads(raw))}
    return {each for each in values if each not in {"White", "Black", "Asian"} and "Hispanic" not in each}


@pytest.mark.skipif(not DATA.is_dir(), reason="the Synthea bundles lie beside the checkout only")
def test_every_identifier_of_a_synthea_patient_is_found_in_its_own_bundle() -> None:
    bundle = json.loads(min((DATA / "fhir").glob("X*.json")).read_text())
    patient = next(each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == "Patient")
    known = KnownIdentifiers.from_fhir([patient])
    values = re.compile("|".join(rf"(?<!\w){re.escape(value)}(?!\w)" for value in own_values(patient)))

    places = 0
    for text in texts_of(bundle):
        covered = {place for each in known.find(text) for place in range(each.start, each.end)}
        for match in values.finditer(text):
            places += 1
            assert {place for place in range(*match.span()) if text[place].isalnum()} <= covered

    assert places > 100


@pytest.mark.skipif(not DATA.is_dir(), reason="the notes lie beside the checkout only")
def test_another_patients_note_raises_no_alarm() -> None:
    with (DATA / "clinical" / "aci-bench" / "valid.csv").open(newline="") as file:
        notes = [row["note"] for row in csv.DictReader(file)]
    stranger = Demographics(names=("Will Rose Kuhlman", "Grace May"), birth_date=PATIENT.birth_date, ssn=PATIENT.ssn)

    assert [value for note in notes for kind, value in found(note, stranger) if kind != "AGE"] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("John Smith", "sent to j s; J.T. came"),
        ("Jon Smyth", "the jonn smythe"),
        ("Rush Day", "rush day"),
        ("Will Kuhlman", "Kuhlman will"),
        ("Will Ann", "will ann"),
        ("Jhon Smtih", "John Smith"),
    ],
)
def test_neighbours_that_show_nothing_stay_apart(name: str, text: str) -> None:
    values = [value for _, value in found(text, Demographics(names=(name,)))]

    assert text not in values
