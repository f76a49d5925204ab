import pytest

from appliance.phi.findings import Kind
from appliance.phi.restore import Restorer
from appliance.phi.restore_ledger import Form, Ledger
from appliance.phi.restore_typos import is_one_slip, meant


def ledger_of(*pairs: tuple[str, str], sent: tuple[str, ...] = ()) -> Ledger:
    """Return a ledger with these surrogates of these originals."""
    ledger = Ledger(sent={word.lower() for word in sent})
    for surrogate, original in pairs:
        ledger.issue(surrogate, original, kind=Kind.NAME, form=Form.WORD)
    return ledger


def told(ledger: Ledger, answer: str) -> str:
    restorer = Restorer(ledger=ledger)
    return "".join(piece.text for piece in (*restorer.feed(answer), *restorer.finish()))


@pytest.mark.parametrize("typo", ["Elis", "Elllis", "Elliz", "Elils", "ELLISS", "Llis"])
def test_one_slip_in_a_surrogate_is_undone(typo: str) -> None:
    assert told(ledger_of(("Ellis", "Smith")), f"see {typo}'s note") == "see Smith's note"


@pytest.mark.parametrize(
    "answer",
    [
        "see elis today",
        "see Els today",
        "see EliS today",
        "see \u00c9lis today",
        "Ellislongerthanany",
    ],
)
def test_what_is_not_written_as_a_name_or_is_two_slips_away_stays(answer: str) -> None:
    assert told(ledger_of(("Ellis", "Smith")), answer) == answer


def test_a_short_surrogate_is_not_looked_for_by_its_typos() -> None:
    assert told(ledger_of(("Mark", "John")), "see Marq and Mrak") == "see Marq and Mrak"


def test_a_typo_that_fits_two_people_is_masked() -> None:
    ledger = ledger_of(("Hansen", "Smith"), ("Hanson", "Jones"))

    assert told(ledger, "see Hansn today") == "see [withheld: name] today"


def test_a_typo_that_fits_one_person_twice_comes_back() -> None:
    ledger = ledger_of(("Hansen", "Smith"), ("Hanson", "SMITH"))

    assert told(ledger, "see Hansn today") in {"see Smith today", "see SMITH today"}


@pytest.mark.parametrize("sent", ["Elis", "Elise", "Eliz", "Eils"])
def test_a_word_near_one_that_the_caller_wrote_is_no_typo(sent: str) -> None:
    ledger = ledger_of(("Ellis", "Smith"), sent=(sent,))

    assert told(ledger, "see Elis today") == "see Elis today"


@pytest.mark.parametrize(("surrogate", "word"), [("Horne", "Horner"), ("Wells", "Walls"), ("Greene", "Green")])
def test_a_word_that_exists_is_a_typo_only_after_the_name_before_it(surrogate: str, word: str) -> None:
    ledger = ledger_of(("Marvin", "John"), (surrogate, "Smith"))
    ledger.issue_joined(f"Marvin{surrogate}", "JohnSmith", Kind.NAME)

    assert told(ledger, f"{word} sign") == f"{word} sign"
    assert told(ledger, f"Marvin {word} today") == "John Smith today"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("ellis", "elis", True),
        ("elis", "ellis", True),
        ("ellis", "elliz", True),
        ("ellis", "lelis", True),
        ("ellis", "ellsi", True),
        ("ellis", "ellis", False),
        ("ellis", "els", False),
        ("ellis", "lleis", False),
        ("ellis", "", False),
        ("e", "", True),
    ],
)
def test_a_slip_is_one_letter(one: str, other: str, expected: bool) -> None:  # noqa: FBT001 - a parameter
    assert is_one_slip(one, other) is expected


def test_a_wiped_ledger_knows_no_typo() -> None:
    ledger = ledger_of(("Ellis", "Smith"))

    ledger.wipe()

    assert meant(ledger, "Elis", "") == []
