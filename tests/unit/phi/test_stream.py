import base64

import pytest

from appliance.clinical_text import ClinicalText
from appliance.phi.blocks import MAX_BLOCK, MAX_WORD
from appliance.phi.findings import Kind
from appliance.phi.stream import Screen
from tests.support.phi_findings import TEXT, VALUES, replaced
from tests.support.whole_answers import screen

SENT = ClinicalText("Call (617) 555-0123, MRN 00-12-34, mail Jo@Example.org, server 10.0.0.1, acct # AB12345.")


def screened(text: str, known: ClinicalText = SENT) -> str:
    return screen(ClinicalText(text), [known])[0].reveal()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Call 617-555-9999 now.", "Call [withheld: phone] now."),
        ("SSN: 123-45-6789", "SSN: [withheld: ssn]"),
        ("Your MRN is 7654321.", "Your MRN is [withheld: mrn]."),
        ("x@y.org", "[withheld: email]"),
        ("Member ID: ABC1234567 ok", "Member ID: [withheld: health plan] ok"),
        ("电话617-555-9999。", "电话[withheld: phone]。"),
        ("a 617-555-9999 b 617-555-8888", "a [withheld: phone] b [withheld: phone]"),
    ],
)
def test_an_identifier_that_the_caller_never_sent_is_masked(text: str, expected: str) -> None:
    assert screened(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Call 617.555.0123.",
        "Call +1 617-555-0123.",
        "MRN: 00-12-34",
        "MRN 001234",
        "jo@example.org",
        "from 10.0.0.1",
        "acct # ab12345",
    ],
)
def test_what_the_caller_sent_may_be_repeated_in_any_spelling(text: str) -> None:
    assert screened(text) == text


def test_a_short_number_inside_a_longer_one_was_not_sent() -> None:
    assert screened("MRN 23456", ClinicalText("reference 1234567")) == "MRN [withheld: mrn]"


def test_days_and_ages_go_out_and_are_counted() -> None:
    window = Screen([SENT])
    text = "Return on March 3, 2027. She is 92 years old."

    out = window.feed(ClinicalText(text)).reveal() + window.finish().reveal()

    assert out == text
    assert window.noted == {"AGE": 1, "DATE": 1}
    assert window.withheld == {}


def test_what_is_withheld_is_counted_by_kind() -> None:
    _, withheld = screen(ClinicalText("a@b.org c@d.org SSN 123-45-6789"), [])

    assert withheld == {"EMAIL": 2, "SSN": 1}


def test_plain_words_go_out_as_soon_as_they_are_complete() -> None:
    window = Screen([])

    out = [window.feed(ClinicalText(piece)).reveal() for piece in ("The pat", "ient feels ", "bet", "ter")]

    assert out == ["", "The patient feels", "", ""]
    assert window.finish().reveal() == " better"


def test_a_number_that_is_being_written_waits() -> None:
    window = Screen([])

    assert window.feed(ClinicalText("Call 617-555")).reveal() == ""
    assert window.feed(ClinicalText("-01")).reveal() == ""
    assert window.feed(ClinicalText("23 today ")).reveal() == "Call [withheld: phone] today"


@pytest.mark.parametrize(
    "endless", ["7" * 50_000, "x" * 50_000, "12 " * 6000, " " * 50_000, "\u4e00" * 50_000, "- " * 9000]
)
def test_nothing_is_held_back_for_ever(endless: str) -> None:
    window = Screen([])

    window.feed(ClinicalText(endless))

    assert len(window.finish()) <= MAX_WORD + MAX_BLOCK


def test_an_empty_answer_stays_empty() -> None:
    assert screened("") == ""


def managed(answer: str) -> tuple[str, Screen]:
    surrogates, _ = replaced(TEXT, *VALUES)
    window = Screen([ClinicalText(TEXT)], surrogates=surrogates)
    return ClinicalText.join([window.feed(ClinicalText(answer)), window.finish()]).reveal(), window


def test_a_managed_answer_comes_back_with_the_callers_values() -> None:
    _, out = replaced(TEXT, *VALUES)

    restored, window = managed(out)

    assert restored == TEXT
    assert window.withheld == {}
    assert window.restored["NAME"] == 9


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Discuss with Kevin Walters today.", "Discuss with [withheld: name] today."),
        ("Discuss with Mary J. Poppins today.", "Discuss with [withheld: name] today."),
        ("Discuss with Dr. Poppins today.", "Discuss with Dr. [withheld: name] today."),
        ("John Smith and Kevin Smith", "John Smith and [withheld: name]"),
        ("Ronald Test and Douglas Syndrome", "Ronald Test and Douglas Syndrome"),
        ("Wilson Disease, Foley catheter, Mayo Clinic", "Wilson Disease, Foley catheter, Mayo Clinic"),
        ("SSN 987-65-4321", "SSN [withheld: ssn]"),
    ],
)
def test_a_person_whom_the_caller_never_named_is_masked_in_a_managed_answer(answer: str, expected: str) -> None:
    assert managed(answer)[0] == expected


def test_a_request_to_spell_surrogates_otherwise_gives_nothing_away() -> None:
    surrogates, _ = replaced(TEXT, *VALUES)
    name = surrogates.value(Kind.NAME, "John Smith")
    encoded = base64.b64encode(f"the patient is {name}".encode()).decode()
    escaped = "".join(f"\\u{ord(each):04x}" for each in name)

    for answer in (encoded, name[::-1], escaped, base64.b64encode(b"SSN 987-65-4321, yes").decode()):
        out, window = managed(f"here it is: {answer} done")
        assert answer not in out
        assert "[withheld: " in out
        assert sum(window.withheld.values()) > 0


def test_a_label_is_read_and_not_given_out() -> None:
    window = Screen([], label="mrn: ")

    out = ClinicalText.join([window.feed(ClinicalText("8841201 or 99")), window.finish()]).reveal()

    assert out == "[withheld: mrn] or 99"


def test_a_name_may_be_turned_round_but_not_joined_with_another() -> None:
    assert screened("Mr. Doe, Jane", ClinicalText("Jane Doe")) == "Mr. Doe, Jane"
    assert screened("Patient: Jane Roe", ClinicalText("Jane Doe")) == "Patient: [withheld: name]"


def test_towns_and_institutions_are_counted_and_a_zip_is_masked() -> None:
    window = Screen([])

    out = window.feed(ClinicalText("Mayo Clinic is not in Boston, MA 02139 now. ")).reveal()

    assert "Mayo Clinic" in out
    assert "02139" not in out
    assert window.noted == {"LOCATION": 1}
