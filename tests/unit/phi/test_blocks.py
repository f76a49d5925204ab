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
        ("Dear patient. Dear patient. Dear", ["Dear patient.", " Dear patient.", " Dear"]),
        ("the patient! please call", ["the patient!", " please", " call"]),
        ('the "patient." Also (please', ['the "patient."', " Also (please"]),
        ("the account. The patient", ["the account. The patient"]),
        ("feels well. The patient", ["feels", " well.", " The patient"]),
        ("the patient. 12345 is", ["the patient. 12345 is"]),
        ("the patient. Mark Ellis", ["the patient. Mark Ellis"]),
        ("the patient. Unit 5", ["the patient. Unit 5"]),
        ("the patient. MA 02139", ["the patient. MA 02139"]),
        ("in march. However", ["in march. However"]),
        ("say hello Smith", ["say", " hello Smith"]),
        ("the acct. However", ["the acct. However"]),
        ("call approx. However", ["call approx.", " However"]),
        ("the patient.\u60a3 However", ["the patient.\u60a3", " However"]),
        ("The Patient. However", ["The Patient. However"]),
        ("the patient.", ["the patient."]),
        ("one\ntwo", ["one", "\n", "two"]),
        ("", []),
    ],
)
def test_a_block_ends_after_a_small_word_that_is_no_label(text: str, expected: list[str]) -> None:
    assert blocks(text) == expected


def test_a_sentence_waits_for_the_word_that_tells_whether_it_is_over() -> None:
    assert list(block_spans("Dear patient.", at_end=False)) == []
    assert list(block_spans("Dear patient. He", at_end=False)) == []
    assert list(block_spans("Dear patient. However ", at_end=False)) == [(0, 13)]


def test_a_long_answer_of_labels_goes_out_sentence_by_sentence() -> None:
    text = "Dear patient. Dear provider! " * 100

    assert max(end - start for start, end in block_spans(text, at_end=True)) < 20


@pytest.mark.parametrize("text", ["Mark Ellis", "MRN 12", "call 617-", "Boston, MA"])
def test_no_block_ends_inside_what_may_be_an_identifier(text: str) -> None:
    assert list(block_spans(text, at_end=False)) in ([], [(0, 0)])
