"""The output screen: how an answer was cut into pieces never matters, hostile text never slows it down."""

import itertools
import time

from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.clinical_text import ClinicalText
from appliance.phi.blocks import AROUND, block_spans
from appliance.phi.findings import Kind
from appliance.phi.normalise import fold
from appliance.phi.recognizers import LABELS
from appliance.phi.recognizers.ordinary import NOT_NAMES
from appliance.phi.rules import find
from appliance.phi.stream import COUNTED_ONLY, Screen
from tests.support.examples import FEW
from tests.support.whole_answers import screen

IDENTIFIERS = (
    "123-45-6789",
    "(617) 555-0123",
    "617.555.0123 ext. 7",
    "+44 20 7946 0958",
    "MRN: 00123456",
    "medical record number is 8841201",
    "jo.doe@example.org",
    "https://example.org/x?y=1",
    "10.20.30.40",
    "fe80::1ff:fe23:4567:890a",
    "Member ID: XYZ123456789",
    "driver's license no. S1234567",
    "fax number: 555-0199",
    "social security # 123456789",
    "Boston, MA 02139",
    "zip code 02139",
    "March 3rd, 2026",
    "92 years old",
    "serial number PJN123456",
    "phone is at 555-0123",
    "12 Main Street, Apt 4B",
    "Patient: John Smith",
    "Dr. John Q. Smith",
    "Medicare #1EG4-TE5-MK73",
    "passport number X1234567",
    "P.O. Box 1234",
)

PLAIN = (
    "The patient",
    "feels",
    "well",
    "140",
    "4.1",
    "mg",
    "\n",
    "  ",
    "\u00a0",
    "\u4e2d\u6587",
    "\U0001f600",
    "e\u0301",
    "-",
    "(",
    "7",
)

texts = st.lists(
    st.one_of(st.sampled_from(IDENTIFIERS), st.sampled_from(PLAIN), st.text(max_size=12)), max_size=12
).flatmap(lambda parts: st.sampled_from(["", " ", ", ", "\n"]).map(lambda glue: glue.join(parts)))


WORDS = sorted({*LABELS, *NOT_NAMES, *AROUND, "street", "doctor", "Ellis", "Hartford", "seen", "walks", "Kevin"})

sentences = st.lists(
    st.one_of(
        st.sampled_from(IDENTIFIERS),
        st.sampled_from(WORDS),
        st.sampled_from(WORDS).map(str.capitalize),
        st.sampled_from(("Smith", "1234567", "MA", "St", "Dear patient", "dear patient", "the account", "Mark Ellis")),
    ),
    min_size=1,
    max_size=3,
).map(" ".join)
"""Sentences of what rules read, so that many end beside an identifier."""


@given(text=texts, cuts=st.lists(st.integers(min_value=0, max_value=400), max_size=30))
def test_every_chunking_gives_the_same_as_the_whole(text: str, cuts: list[int]) -> None:
    whole, withheld = screen(ClinicalText(text), [])
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    window = Screen([])

    pieces = [window.feed(ClinicalText(text[a:b])) for a, b in itertools.pairwise(places)]
    chunked = ClinicalText.join([*pieces, window.finish()])

    assert chunked == whole
    assert window.withheld == withheld


@settings(max_examples=FEW)
@given(text=texts)
def test_one_character_at_a_time_gives_the_same_as_the_whole(text: str) -> None:
    whole, _ = screen(ClinicalText(text), [])
    window = Screen([])

    chunked = ClinicalText.join([*(window.feed(ClinicalText(each)) for each in text), window.finish()])

    assert chunked == whole


@given(
    words=st.lists(st.one_of(st.sampled_from(IDENTIFIERS), st.sampled_from(("The", "patient,", "well"))), max_size=8)
)
def test_cutting_into_blocks_loses_no_identifier(words: list[str]) -> None:
    """Holds only while `recognizers.LABELS` names every word that a rule reads beside an identifier."""
    text = " ; ".join(words)
    values = [text[found.start : found.end] for found in find(text) if found.kind not in COUNTED_ONLY]

    screened, _ = screen(ClinicalText(text), [])

    assert [value for value in values if value in screened.reveal()] == []


@given(parts=st.lists(sentences, min_size=2, max_size=8), sign=st.sampled_from((". ", "! ", "? ", ".  ", '." ')))
def test_no_identifier_reaches_over_the_end_of_a_block(parts: list[str], sign: str) -> None:
    """Streets in small letters excepted, which the rules find from a number over any words to a street's word."""
    text = sign.join(parts)
    spans = list(block_spans(text, at_end=True))

    whole = [found for found in find(text) if found.kind not in {*COUNTED_ONLY, Kind.LOCATION}]
    in_blocks = [(start + found.start, start + found.end) for start, end in spans for found in find(text[start:end])]

    for each in whole:
        value = text[each.start : each.end]
        assert "St" in value or any(start <= each.start and each.end <= end for start, end in in_blocks), value


@example(text="123-45-6789(617) 555-0123")
@settings(max_examples=FEW)
@given(text=texts)
def test_screening_twice_changes_nothing_more(text: str) -> None:
    once, _ = screen(ClinicalText(text), [])

    assert screen(once, [])[0] == once


@example(text="zip code 02139zip code 02139")
@example(text="Boston, MA 02139(617) 555-0123")
@settings(max_examples=FEW)
@given(text=texts)
def test_what_the_caller_sent_is_never_masked(text: str) -> None:
    _, withheld = screen(ClinicalText(text), [ClinicalText(text)])

    assert withheld == {}


@settings(max_examples=FEW)
@given(text=st.text())
def test_folding_keeps_every_place(text: str) -> None:
    assert len(fold(text)) == len(text)


@settings(max_examples=FEW // 2)
@given(
    seed=st.text(alphabet="0123456789-. ()@:/+#aAmrn\u0661\uff11", min_size=1, max_size=12),
    tail=st.text(alphabet="!x@9 ", max_size=3),
)
def test_hostile_repetition_takes_linear_time(seed: str, tail: str) -> None:
    """A generous bound: catastrophic backtracking takes minutes on text of this length, the rules milliseconds."""
    text = seed * (20_000 // len(seed)) + tail

    began = time.monotonic()
    find(text)

    assert time.monotonic() - began < 10
