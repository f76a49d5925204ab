"""Surrogates: whatever is found, the text comes back as it was, and nothing of what was found leaves."""

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.phi.findings import Finding, Kind
from appliance.phi.settings import GuardSettings
from appliance.phi.surrogates import SurrogateMap
from appliance.phi.visible import visible
from tests.support.examples import FEW
from tests.support.phi_findings import SECRET, TODAY, restored

IDENTIFIERS = (
    (Kind.NAME, "John Smith"),
    (Kind.NAME, "SMITH, JOHN A."),
    (Kind.NAME, "J. Smith"),
    (Kind.NAME, "Smith"),
    (Kind.NAME, "Dr. María O'Brien-García"),
    (Kind.NAME, "jOhN"),
    (Kind.NAME, "\u5f20\u4f1f"),
    (Kind.NAME, "Jo\u0301se\u0301"),
    (Kind.DATE, "2024-03-05"),
    (Kind.DATE, "March 5th, 2024"),
    (Kind.DATE, "3/5/24"),
    (Kind.DATE, "05-Mar-1931"),
    (Kind.DATE, "Feb 29"),
    (Kind.DATE, "3/5"),
    (Kind.DATE, "the Ides of March"),
    (Kind.DATE, "10/12/2024"),
    (Kind.AGE, "93"),
    (Kind.AGE, "ninety-four"),
    (Kind.MRN, "0012345"),
    (Kind.MRN, "001-23-45"),
    (Kind.MRN, "AB-12"),
    (Kind.ACCOUNT, "7"),
    (Kind.SSN, "123-45-6789"),
    (Kind.SSN, "6789"),
    (Kind.PHONE, "(617) 555-0123 ext. 7"),
    (Kind.PHONE, "+1 312 555 0142"),
    (Kind.FAX, "+44 20 7946 0958"),
    (Kind.EMAIL, "john.smith@example.org"),
    (Kind.URL, "https://clinic.example/p?id=1"),
    (Kind.IP, "10.0.0.1"),
    (Kind.IP, "fe80::1"),
    (Kind.LOCATION, "12 Main Street, Apt 4B, Quincy, MA 02169"),
    (Kind.LOCATION, "General Hospital"),
    (Kind.LOCATION, "St. Mary's"),
    (Kind.VEHICLE, "1HGCM82633A004352"),
    (Kind.HEALTH_PLAN, "1EG4-TE5-MK73"),
    (Kind.BIOMETRIC, "fingerprint 88"),
)

FILLERS = (
    "seen",
    "by",
    "The",
    "140 mg",
    "5/5",
    ", ",
    "\n",
    " - ",
    "M.",
    "'s",
    "[NAME-1]",
    "x",
    "\u200b",
    "\u60a3",
    "(",
    "year",
)

words = st.one_of(st.sampled_from(IDENTIFIERS), st.sampled_from(FILLERS).map(lambda word: (None, word)))

parts = st.lists(words, min_size=1, max_size=14)

glues = st.sampled_from((" ", "", ", ", "\n"))


def made(parts: list[tuple[Kind | None, str]], glue: str) -> tuple[str, tuple[Finding, ...]]:
    """Return a text of the parts and the findings in it."""
    findings, text = [], ""
    for kind, word in parts:
        if kind is not None:
            findings.append(found(kind, len(text), len(text) + len(word)))
        text += word + glue
    return text, tuple(findings)


def found(kind: Kind, start: int, end: int) -> Finding:
    return Finding(kind=kind, start=start, end=end, score=0.9, recognizer="test")


@settings(max_examples=FEW)
@given(parts=parts, glue=glues)
def test_a_replaced_text_comes_back_as_it_was(parts: list[tuple[Kind | None, str]], glue: str) -> None:
    text, findings = made(parts, glue)
    surrogates = SurrogateMap(SECRET, GuardSettings(), today=TODAY)
    surrogates.prepare([text], [findings])

    replaced = surrogates.replace(text, findings)

    assert restored(surrogates, replaced) == visible(text)


@settings(max_examples=2 * FEW)
@given(
    text=st.text(st.one_of(st.sampled_from(string.printable), st.characters()), max_size=60),
    places=st.lists(st.tuples(st.sampled_from(list(Kind)), st.integers(0, 60), st.integers(0, 60)), max_size=6),
)
def test_any_findings_at_any_places_come_back(text: str, places: list[tuple[Kind, int, int]]) -> None:
    findings = [found(kind, min(a, b), max(a, b)) for kind, a, b in places]
    surrogates = SurrogateMap(SECRET, GuardSettings(), today=TODAY)
    surrogates.prepare([text], [findings])

    replaced = surrogates.replace(text, findings)

    assert restored(surrogates, replaced) == visible(text)


@settings(max_examples=FEW)
@given(parts=parts, glue=glues)
def test_several_texts_of_an_exchange_all_come_back(parts: list[tuple[Kind | None, str]], glue: str) -> None:
    pairs = [made(parts[:cut], glue) for cut in (len(parts), len(parts) // 2, 1)]
    surrogates = SurrogateMap(SECRET, GuardSettings(), today=TODAY)
    surrogates.prepare([text for text, _ in pairs], [findings for _, findings in pairs])

    replaced = [surrogates.replace(text, findings) for text, findings in pairs]

    assert [restored(surrogates, text) for text in replaced] == [visible(text) for text, _ in pairs]
