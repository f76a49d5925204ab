"""Normalising: places always lead back, and reading other spellings never fails."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from appliance.phi.decode import decoded
from appliance.phi.normalise import fold, normalise

odd = st.text(
    alphabet=st.sampled_from("aZ1 -\u200b\u202e\u0430\u00e9\ufb01\u0301\u4e00\ud800\U0001d409\n"), max_size=30
)
texts = st.one_of(st.text(), odd)


@given(text=texts)
def test_every_character_of_the_plain_text_has_its_part_of_the_original(text: str) -> None:
    normalised = normalise(text)

    spans = [normalised.origin(place, place + 1) for place in range(len(normalised.text))]

    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert spans == sorted(spans)


@given(text=texts)
def test_the_whole_leads_back_to_all_but_what_is_invisible_before_it(text: str) -> None:
    normalised = normalise(text)

    start, end = normalised.origin(0, len(normalised.text))

    assert not normalised.text or (normalise(text[:start]).text == "" and end == len(text))


@given(text=texts)
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalise(text).text

    assert normalise(once).text == once


@given(text=st.text())
def test_folding_keeps_every_place(text: str) -> None:
    assert len(fold(text)) == len(text)


@given(text=st.one_of(st.text(), st.text(alphabet="%41&#;\\ux=\n+ABab0 one")))
def test_every_reading_lies_in_the_text(text: str) -> None:
    for reading in decoded(text):
        assert 0 <= reading.start < reading.end <= len(text)
        start, end = reading.origin(0, len(reading.text))
        assert reading.start <= start < end <= reading.end


@given(words=st.lists(st.sampled_from(("Patient", "John", "Smith", "MRN", "12345", "seen")), min_size=3, max_size=12))
def test_what_was_encoded_is_read_again(words: list[str]) -> None:
    text = " ".join(words)

    assert text in [each.text for each in decoded(f"x {base64.b64encode(text.encode()).decode()} y")]
