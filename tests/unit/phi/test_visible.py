import sys
import unicodedata

import pytest

from appliance.phi.findings import Finding, Kind
from appliance.phi.visible import visible, visible_with
from tests.support.phi_findings import replaced, restored

DRAWN = {chr(code) for code in (*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD)}


def test_no_format_character_leaves_but_those_that_are_drawn() -> None:
    every = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"]

    assert {each for each in every if visible(f"a{each}b") != "ab"} == DRAWN & set(every)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\u202eJohn\u202c Smith", "John Smith"),
        ("Jo\u200bhn\ufeff Smith\u00ad", "John Smith"),
        ("a\U000e0041\U000e0042b", "ab"),
        ("a\U000e0100\U000e01efb", "ab"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("\u0915\u094d\u200d\u0937", "\u0915\u094d\u200d\u0937"),
        ("\u0645\u200c a", "\u0645 a"),
        ("a\u200d\u0915", "a\u0915"),
        ("caf\u00e9 \u60a3", "caf\u00e9 \u60a3"),
        ("plain", "plain"),
    ],
)
def test_what_nobody_sees_is_left_out(text: str, expected: str) -> None:
    assert visible(text) == expected


def test_findings_keep_their_words() -> None:
    text = "see \u202eJo\u200bhn\u202c and \u200bMRN 12"
    found = [
        Finding(kind=Kind.NAME, start=4, end=10, score=1.0, recognizer="t"),
        Finding(kind=Kind.MRN, start=len(text) - 2, end=len(text), score=1.0, recognizer="t"),
        Finding(kind=Kind.NAME, start=5, end=10, score=1.0, recognizer="t"),
    ]

    shown, moved = visible_with(text, found)

    assert [shown[each.start : each.end] for each in moved] == ["John", "12", "John"]


def test_a_direction_control_beside_a_name_does_not_leave_and_does_not_come_back() -> None:
    surrogates, out = replaced("by \u202eJo\u200bhn Smith\u202c, \u2067x\u2069", (Kind.NAME, "Jo\u200bhn Smith"))

    assert out.isascii()
    assert restored(surrogates, out) == "by John Smith, x"
    assert surrogates.value(Kind.NAME, "\u202e") == ""
