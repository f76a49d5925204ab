"""Text of patients does not print, wherever it is put."""

import copy
import json
import logging
import pickle

import pytest

from appliance.clinical_text import ClinicalText

TEXT = ClinicalText("Quillon Ysterbrandt, SSN 219-09-9977")


@pytest.mark.parametrize("shown", [str(TEXT), repr(TEXT), f"{TEXT}", f"{TEXT!r:>80}", "%s" % TEXT, repr([TEXT])])  # noqa: UP031
def test_text_shows_its_length_only(shown: str) -> None:
    assert "Ysterbrandt" not in shown
    assert "36 characters" in shown


def test_a_log_line_shows_its_length_only(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("test").warning("patient %s", TEXT)

    assert "Ysterbrandt" not in caplog.text


@pytest.mark.parametrize("spill", [pickle.dumps, copy.deepcopy, json.dumps])
def test_text_cannot_be_spilled(spill) -> None:  # noqa: ANN001
    with pytest.raises(TypeError) as caught:
        spill(TEXT)

    assert "Ysterbrandt" not in str(caught.value)


def test_revealing_gives_the_characters_back() -> None:
    assert TEXT.reveal() == "Quillon Ysterbrandt, SSN 219-09-9977"
    assert TEXT.reveal_bytes() == TEXT.reveal().encode()


def test_texts_join_without_being_revealed() -> None:
    joined = ClinicalText.join([ClinicalText("a"), ClinicalText("b")], "-")

    assert joined.reveal() == "a-b"
    assert len(joined) == 3
    assert not ClinicalText("")
