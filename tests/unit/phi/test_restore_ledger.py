from datetime import date

import pytest

from appliance.phi.findings import Kind
from appliance.phi.restore import Restorer
from appliance.phi.restore_ledger import Form, Ledger


def restored(ledger: Ledger, answer: str) -> str:
    restorer = Restorer(ledger=ledger)
    return "".join(piece.text for piece in (*restorer.feed(answer), *restorer.finish()))


def test_words_of_two_names_that_join_alike_are_masked_when_joined() -> None:
    ledger = Ledger()
    ledger.issue_joined("AnnMarie", "JohnSmith", Kind.NAME)
    ledger.issue_joined("AnnMarie", "JohnSmith", Kind.NAME)
    assert restored(ledger, "see AnnMarie") == "see JohnSmith"

    ledger.issue_joined("AnnmArie", "JaneDoe", Kind.NAME)

    assert restored(ledger, "see AnnMarie") == "see [withheld: name]"


def test_a_joined_name_never_takes_the_place_of_a_surrogate() -> None:
    ledger = Ledger()
    ledger.issue("Annmarie", "Smith", kind=Kind.NAME, form=Form.WORD)

    ledger.issue_joined("AnnMarie", "JaneDoe", Kind.NAME)

    assert restored(ledger, "see AnnMarie") == "see Smith"


@pytest.mark.parametrize(
    ("surrogate", "answer", "expected"),
    [
        ("20240514", "on 20240514 she", "on 7654321 she"),
        ("2024", "on 2024-05-14 she", "on 2024-07-23 she"),
        ("2024", "room 2024.", "room 7654321."),
    ],
)
def test_of_a_number_and_a_day_the_longer_is_meant(surrogate: str, answer: str, expected: str) -> None:
    ledger = Ledger()
    ledger.days.shift_days = -70
    ledger.days.days.add(date(2024, 5, 14))
    ledger.issue(surrogate, "7654321", kind=Kind.MRN, form=Form.CHARACTERS)

    assert restored(ledger, answer) == expected


def test_a_number_with_other_characters_than_it_left_with_comes_back_as_it_was() -> None:
    ledger = Ledger()
    ledger.issue("SS12345", "AB98765", kind=Kind.MRN, form=Form.CHARACTERS)

    assert restored(ledger, "id \u00df12345 or ss-12345") == "id AB98765 or AB-98765"
