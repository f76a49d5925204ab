# ruff: noqa: E501 - tables of short cases
"""All rules: linear time on hostile text, findings inside the text, nothing kept."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.phi.decode import decoded
from appliance.phi.normalise import normalise
from appliance.phi.recognizers import ALL

SIZE = 20_000

HOSTILE = (
    "1", "1 ", "1-", "12/", "1.", "(1", "+1 ", "a1", "A", "A ", "Aa ", "Aa, ", "A.", "a.", "a@", "@a", "@a.", "x*", "*1", ":", ": ",
    "::", "a:", "1:", "/a.com", "http://", "%41", "\\u0041", "&#65;", "=41", "=\n", "QUJD", "4a", "one ", "a b ", "MRN ",
    "MRN: ", "Dr. ", "Dr. A", "Patient: ", "St. ", "Mt Sinai ", "Aa Hospital ", "Aa, TX ", "1 Aa ", "1 Aa Apt ", "Apt 1, ",
    "PO Box ", "Jan ", "Jan 1", "1 Jan ", "the third ", "1/2-", "1/2/", "address: ", "values('", "A^A", "|1", "|A^", "(01)",
    "number ", "id is ", "phone ", "phone: 1", "x1", "ext 1", "90 ", "ninety ", "M", "ab12", "\n", " ", "'s ", "-", "_", ".jpg", "a.b.",
    "\u202e", "\u200b", "\u0430", "\u4e00", "\u00e9", "[at] ", " at a dot ", "US", "USS A", "1234 5678 ", "AB12 3456 ",
)  # fmt: skip
"""Beginnings of every form: repeated, each drives a rule into its repetitions."""


def read_all(text: str) -> float:
    began = time.process_time()
    plain = normalise(text)
    for rule in ALL:
        for _ in rule.find(plain.text):
            pass
    for _ in decoded(text):
        pass
    return time.process_time() - began


@pytest.mark.parametrize("seed", HOSTILE)
def test_hostile_repetition_takes_linear_time(seed: str) -> None:
    """A generous bound: quadratic work on a text of this length takes minutes, linear work well under a second."""
    assert read_all(seed * (SIZE // len(seed)) + "!") < 5


@settings(max_examples=25, deadline=None)
@given(parts=st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=4), tail=st.text(alphabet="!x@9 \n", max_size=3))
def test_hostile_mixtures_take_linear_time(parts: list[str], tail: str) -> None:
    seed = "".join(parts)

    assert read_all(seed * (SIZE // 4 // len(seed)) + tail) < 5


@settings(deadline=None)
@given(text=st.one_of(st.text(), st.lists(st.sampled_from(HOSTILE), max_size=30).map("".join)))
def test_every_finding_lies_in_the_text_and_holds_something(text: str) -> None:
    plain = normalise(text).text

    for rule in ALL:
        for finding in rule.find(plain):
            assert 0 <= finding.start < finding.end <= len(plain)
            assert 0 < finding.score <= 1
            assert plain[finding.start : finding.end].strip()


@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_a_rule_finds_the_same_twice(text: str) -> None:
    plain = normalise(text).text

    assert [list(rule.find(plain)) for rule in ALL] == [list(rule.find(plain)) for rule in ALL]
