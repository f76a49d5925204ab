"""Nothing in an answer from outside may act on who looks at it, however it is written and however it is cut."""

import json
import re
from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.clinical_text import ClinicalText
from appliance.phi.harmless import Defuser, unsteered
from appliance.phi.rules import find
from appliance.phi.settings import GuardSettings
from appliance.phi.stream import Screen
from appliance.phi.stream_json import JsonScreen
from appliance.phi.surrogates import SurrogateMap

MARKUP = re.compile(r"<[A-Za-z/!?]|\][(:]")
"""Without these no HTML tag and no link or image of CommonMark can be read."""

WORDS = st.text(st.sampled_from("<>[]()!:/\\ab1 \n"), max_size=30)
SENT = "Patient: John Smith, MRN 8841201."


@pytest.fixture
def surrogates() -> SurrogateMap:
    made = SurrogateMap(b"x" * 32, GuardSettings(), today=date(2026, 11, 23))
    made.prepare([SENT], [find(SENT)])
    return made


def defused(pieces: list[str]) -> str:
    defuser = Defuser()
    return "".join(map(defuser.feed, pieces))


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("![x](//collector/?q=1)", "![x] (//collector/?q=1)"),
        ("![x][y]\n[y]: //collector/q", "![x][y]\n[y] : //collector/q"),
        ("<img src=x onerror=alert(1)>", "< img src=x onerror=alert(1)>"),
        ("</p><!-- --><?xml?>", "< /p>< !-- -->< ?xml?>"),
        ("a<<b", "a<< b"),
    ],
)
def test_markup_is_broken_up(hostile: str, shown: str) -> None:
    assert defused([hostile]) == shown


@pytest.mark.parametrize(
    "words", ["BP <120/80 and K+ <3.5, SpO2 < 90 %", "[1] (see note)", "Na [135-145]; x[i]", "5 <= 6 -> 7", ""]
)
def test_what_clinicians_write_stays_as_it_is(words: str) -> None:
    assert defused([words]) == words


@given(pieces=st.lists(WORDS, max_size=6))
@example(pieces=["]", "(", "<", "a", "", "]", ":"])
def test_however_an_answer_is_cut_it_comes_out_the_same_without_markup_and_with_every_character(
    pieces: list[str],
) -> None:
    whole = defused(["".join(pieces)])

    assert defused(pieces) == whole
    assert not MARKUP.search(whole)
    assert whole.replace(" ", "") == "".join(pieces).replace(" ", "")


@given(text=st.text())
def test_nothing_that_steers_a_terminal_or_a_reader_is_left(text: str) -> None:
    left = unsteered(text)

    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]", left)


def test_a_patients_name_that_is_turned_back_stands_in_no_link(surrogates: SurrogateMap) -> None:
    name = surrogates.replace(SENT, find(SENT)).removeprefix("Patient: ").partition(",")[0]
    screen = Screen([ClinicalText(SENT)], surrogates=surrogates)

    shown = screen.feed(ClinicalText(f"![x](//collector/{name})")).reveal() + screen.finish().reveal()

    assert "John Smith" in shown
    assert not MARKUP.search(shown)


def test_an_escape_in_json_hides_nothing(surrogates: SurrogateMap) -> None:
    screen = JsonScreen([ClinicalText(SENT)], surrogates=surrogates)
    hostile = r'{"a": "\u001b[2J\u003cscript\u003e ]\u0028//collector) \u202e"}'

    shown = json.loads(screen.feed(ClinicalText(hostile)).reveal() + screen.finish().reveal())

    assert shown == {"a": "[2J< script> ] (//collector) "}


def test_what_the_local_model_wrote_is_not_touched() -> None:
    screen = Screen([ClinicalText(SENT)])

    shown = screen.feed(ClinicalText("<b>[1]: \r\n")).reveal() + screen.finish().reveal()

    assert shown == "<b>[1]: \r\n"
