import pytest

from appliance.phi.blocks import block_spans


def blocks(text: str) -> list[str]:
    return [text[start:end] for start, end in block_spans(text, at_end=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("she walks well", ["she", " walks", " well"]),
        ("she saw Mark Ellis again", ["she", " saw", " Mark Ellis again"]),
        ("she takes 140 mg twice", ["she", " takes", " 140 mg", " twice"]),
        ("she reads MRN 123 now", ["she", " reads MRN 123 now"]),
        ("she saw dr. ellis again", ["she", " saw", " dr. ellis", " again"]),
        ("one\ntwo", ["one", "\n", "two"]),
        ("", []),
    ],
)
def test_a_block_ends_after_a_small_word_that_is_no_label(text: str, expected: list[str]) -> None:
    assert blocks(text) == expected


@pytest.mark.parametrize("text", ["Mark Ellis", "MRN 12", "call 617-", "Boston, MA"])
def test_no_block_ends_inside_what_may_be_an_identifier(text: str) -> None:
    assert list(block_spans(text, at_end=False)) in ([], [(0, 0)])
