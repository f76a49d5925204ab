"""What is a name and what is not, by lists and real models together."""

from collections.abc import Iterator

import pytest

from appliance.phi.findings import Kind
from appliance.phi.names.finder import NameFinder
from tests.support.guard_models import real_models


@pytest.fixture(scope="module")
def finder() -> Iterator[NameFinder]:
    finder = NameFinder(real_models())
    finder.use(frozenset())
    return finder


def found(finder: NameFinder, text: str) -> list[tuple[Kind, str]]:
    return [(each.kind, text[each.start : each.end]) for each in finder.find(text)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Case of Siobhan Okonkwo, a 54-year-old with sepsis.", "Siobhan Okonkwo"),
        ("Discussed with Mark Brown and his wife.", "Mark Brown"),
        ("The patient, Lily A., is improving.", "Lily A"),
        ("JANE KOWALCZYK PRESENTS WITH CHEST PAIN", "JANE KOWALCZYK"),
        ("Minnie Driver was admitted.", "Minnie Driver"),
        ("Maria de la Cruz was admitted.", "Maria de la Cruz"),
        ("patient 山田 太郎 was admitted", "山田 太郎"),
        ("Jack Thompson has a test tomorrow.", "Jack Thompson"),
        ("Follow-up with Umarov next week.", "Umarov"),
        ("f/u w/ Dr. JANOWSKI, HANK in 2 weeks", "JANOWSKI, HANK"),
        ("Nguyen denies chest pain and reports that Nguyen's wife agrees.", "Nguyen"),
    ],
)
def test_a_name_is_found_whole(finder: NameFinder, text: str, name: str) -> None:
    assert (Kind.NAME, name) in found(finder, text)


@pytest.mark.parametrize(
    "text",
    [
        "Parkinson's disease and Alzheimer's dementia are common.",
        "Wilson's disease was ruled out; a Foley catheter was placed.",
        "Gleason score 7, Apgar scores 8 and 9, Wells DVT score 2.",
        "Start lisinopril, amlodipine, Eliquis and adalimumab; stop warfarin.",
        "COPD, CHF and T2DM; HbA1c 8.1, LDL 130 mg/dL, BP 120/80.",
        "Isotretinoin, Diltiazem and zolpidem; pralidoxime and penicillin G were given.",
        "In ARISTOTLE and RE-LY, as the AHA/ASA guideline says; JAMA 2011.",
        "Culture grew Neisseria gonorrhoeae; Na+ 137 mEq/L, K+ 4.1 mEq/L.",
        "Clark level IV, Breslow depth 2 mm; Amsler grid and Tanner stage II.",
        "He returned from a trip to Brazil and Minnesota.",
        "Smith-Magenis syndrome; Stevens-Johnson syndrome; the RICE protocol.",
        "The Supreme Court and the Ministry of Defense agreed with Medtronic.",
        "Skin Examination: no rash. Assessment and Plan: continue metformin.",
        "Hodgkin's lymphoma, Crohn's and Graves' disease in the family.",
        "Chaddock sign and Babinski reflex absent, Romberg test negative.",
        "Current Medications, Past Medical History, Review of Systems",
        "alpha \u03b1 and beta \u03b2 receptors",
    ],
)
def test_clinical_words_are_left_alone(finder: NameFinder, text: str) -> None:
    assert found(finder, text) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("The patient lives in Albuquerque with two cats.", "Albuquerque"),
        ("Followed at UCSF for two years.", "UCSF"),
        ("She was last seen at Cedar Crest for this.", "Cedar Crest"),
        ("Seen at Riverbend Physician Group yesterday.", "Riverbend Physician Group"),
        ("He was at Quillfax Corporation yesterday.", "Quillfax Corporation"),
        ("They flew from Ghent, Belgium to Boston.", "Ghent, Belgium"),
        ("The Dallas clinic called.", "Dallas clinic"),
    ],
)
def test_a_place_is_found(finder: NameFinder, text: str, place: str) -> None:
    assert (Kind.LOCATION, place) in found(finder, text)


def test_a_site_can_say_that_a_word_is_ordinary(finder: NameFinder) -> None:
    text = "The Okonkwo protocol was followed."
    assert found(finder, text)

    finder.use(frozenset({"okonkwo"}))
    silenced = found(finder, text)
    finder.use(frozenset())

    assert silenced == []


def test_words_that_a_rule_found_are_not_found_again(finder: NameFinder) -> None:
    text = "Siobhan Okonkwo"
    first = finder.find(text)

    assert finder.find(text, first) == []


def test_a_name_deep_in_a_long_text_is_found_at_its_place(finder: NameFinder) -> None:
    text = "The lungs are clear and the heart sounds are regular. " * 200 + "Siobhan Okonkwo agrees."

    (name,) = finder.find(text)

    assert text[name.start : name.end] == "Siobhan Okonkwo"


@pytest.mark.parametrize("text", ["", " ", "\n\n", "....", "12345 67", "\x00\x01", "x" * 5000, "Ab" * 3000])
def test_text_without_words_or_of_one_endless_word_gives_no_error(finder: NameFinder, text: str) -> None:
    assert all(0 <= each.start < each.end <= len(text) for each in finder.find(text))
