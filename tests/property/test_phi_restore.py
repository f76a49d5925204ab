"""The way back: how an answer was cut never matters, and what a model does to a surrogate never gives a wrong value."""

import itertools
import json
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.clinical_text import ClinicalText
from appliance.phi.findings import Kind
from appliance.phi.restore_tokens import MOST_CHARACTERS
from appliance.phi.stream import Screen
from appliance.phi.stream_json import JsonScreen
from tests.support.examples import FEW
from tests.support.phi_findings import TEXT, VALUES, replaced, restored

SURROGATES, OUT = replaced(TEXT, *VALUES)
"""One exchange, whose answers are made up of what left and what a model may do to it."""

WORDS = tuple(OUT.split())

CHANGES = (
    str,
    str.upper,
    str.lower,
    lambda word: word[::-1],
    "-".join,
    lambda word: f"{word}'s",
    lambda word: word.replace("-", " "),
    lambda word: word[:2] + "-\n" + word[2:],
    lambda word: word[1:],
    lambda word: word[:2] + word[3:],
    lambda word: "".join(f"\\u{ord(each):04x}" for each in word),
)

FILLERS = (
    "",
    " ",
    "\n",
    ", ",
    ". ",
    "The patient ",
    "May ",
    "age ",
    "Kevin Walters ",
    "617-555-9999 ",
    "5/5 ",
    "[",
    '"',
)

answers = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(WORDS), st.sampled_from(CHANGES)).map(lambda pair: pair[1](pair[0])),
        st.sampled_from(FILLERS),
        st.text(max_size=4),
    ),
    max_size=16,
).flatmap(lambda words: st.sampled_from(("", " ")).map(lambda glue: glue.join(words)))

cuts = st.lists(st.integers(min_value=1, max_value=300), max_size=30)


def in_pieces(screen: Screen | JsonScreen, text: str, cuts: list[int]) -> tuple[str, dict[str, int], dict[str, int]]:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [screen.feed(ClinicalText(text[a:b])) for a, b in itertools.pairwise(places)]
    return ClinicalText.join([*pieces, screen.finish()]).reveal(), screen.withheld, screen.restored


@given(answer=answers, cuts=cuts)
def test_every_split_of_an_answer_gives_the_same(answer: str, cuts: list[int]) -> None:
    whole = in_pieces(Screen([ClinicalText(TEXT)], surrogates=SURROGATES), answer, [])

    assert in_pieces(Screen([ClinicalText(TEXT)], surrogates=SURROGATES), answer, cuts) == whole
    assert in_pieces(Screen([ClinicalText(TEXT)], surrogates=SURROGATES), answer, list(range(len(answer)))) == whole


@settings(max_examples=FEW)
@given(
    answer=st.one_of(answers, answers.map(lambda text: json.dumps({"patientName": text, "n": [12, text]}))), cuts=cuts
)
def test_every_split_of_json_gives_the_same(answer: str, cuts: list[int]) -> None:
    whole = in_pieces(JsonScreen([ClinicalText(TEXT)], surrogates=SURROGATES), answer, [])

    assert in_pieces(JsonScreen([ClinicalText(TEXT)], surrogates=SURROGATES), answer, cuts) == whole


@settings(max_examples=FEW)
@given(answer=answers, is_ascii=st.booleans(), cuts=cuts)
def test_json_stays_json_and_says_what_the_text_says(answer: str, is_ascii: bool, cuts: list[int]) -> None:  # noqa: FBT001 - drawn
    text = json.dumps({"note": answer}, ensure_ascii=is_ascii)

    screened, _, _ = in_pieces(JsonScreen([ClinicalText(TEXT)], surrogates=SURROGATES), text, cuts)

    plain = Screen([ClinicalText(TEXT)], surrogates=SURROGATES, label="note: ")
    assert json.loads(screened) == {"note": in_pieces(plain, answer, [])[0]}


@settings(max_examples=FEW)
@given(quotes=st.text(alphabet='"\\\n\t/ab\u2028\u00e9', min_size=1, max_size=8))
def test_a_value_with_any_character_stays_json(quotes: str) -> None:
    name = f"Jo{quotes}hn Smith"
    surrogates, out = replaced(name, (Kind.NAME, name))

    screened, _, _ = in_pieces(JsonScreen([ClinicalText(name)], surrogates=surrogates), json.dumps([out]), [3, 7])

    assert json.loads(screened) == [name]


@settings(max_examples=FEW)
@given(answer=st.text(max_size=80))
def test_an_answer_without_surrogates_is_left_as_it_is(answer: str) -> None:
    assert restored(SURROGATES, answer) == answer


NAMED, NAMES_OUT = replaced(
    "Anna S, L. Wang, J. R. Smith", (Kind.NAME, "Anna S"), (Kind.NAME, "L. Wang"), (Kind.NAME, "J. R. Smith")
)
"""An exchange about people with initials."""

PARTS = tuple(NAMES_OUT.replace(",", "").replace(".", "").split())

CASES: tuple[Callable[[str], str], ...] = (str, str.upper, str.lower)

named_answers = st.lists(
    st.tuples(
        st.sampled_from((*PARTS, "a", "s", "p", "12")),
        st.sampled_from(CASES),
        st.sampled_from(("", " ", ". ", ", ", ".", "-", " - ", "'s ", "/", " " * 9, "[")),
    ).map(lambda each: each[1](each[0]) + each[2]),
    max_size=16,
).map("".join)


@given(answer=named_answers, cuts=cuts)
def test_every_split_of_an_answer_with_initials_gives_the_same(answer: str, cuts: list[int]) -> None:
    whole = restored(NAMED, answer)

    for places in (cuts, range(len(answer))):
        restorer = NAMED.restorer()
        edges = sorted({0, len(answer), *(cut for cut in places if cut < len(answer))})
        pieces = [piece for a, b in itertools.pairwise(edges) for piece in restorer.feed(answer[a:b])]
        assert "".join(piece.text for piece in (*pieces, *restorer.finish())) == whole


@settings(max_examples=FEW)
@given(answer=named_answers)
def test_little_of_an_answer_with_initials_is_held_back(answer: str) -> None:
    restorer, given_out = NAMED.restorer(), 0
    for number, letter in enumerate(answer, 1):
        given_out += sum(piece.source_length for piece in restorer.feed(letter))

        assert number - given_out <= 2 * MOST_CHARACTERS
