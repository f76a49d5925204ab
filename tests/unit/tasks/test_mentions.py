import pytest

from appliance.tasks.icd10 import Icd10Table
from appliance.tasks.mentions import MAX_CHOICES, MAX_MENTIONS, mentions
from appliance.tasks.statements import statements


@pytest.mark.parametrize(
    ("note", "code"),
    [
        ("Type 2 diabetes mellitus, HbA1c 7.9.", "E11.9"),
        ("T2DM on metformin", "E11.9"),
        ("Diabetes, diet controlled", "E11.9"),
        ("Essential hypertension, well controlled", "I10"),
        ("HTN", "I10"),
        ("high blood pressure for ten years", "I10"),
        ("Hyperlipidemia", "E78.5"),
        ("COPD, stable", "J44.9"),
        ("GERD", "K21.9"),
        ("Left knee pain since May", "M25.562"),
        ("Congestive heart failure", "I50.9"),
        ("diabetic foot ulcer", "E11.621"),
        ("Former smoker", "Z87.891"),
        ("Acute UTI", "N39.0"),
    ],
)
def test_an_obvious_diagnosis_has_its_code_first(icd10: Icd10Table, note: str, code: str) -> None:
    found = mentions(note, icd10)

    assert [mention.choices[0].code for mention in found] == [code]


@pytest.mark.parametrize(
    "note",
    [
        "Patient denies chest pain and shortness of breath.",
        "No history of hypertension.",
        "Family history of diabetes.",
        "Mother had asthma.",
        "Rule out pneumonia.",
        "Possible urinary tract infection.",
        "Allergic to penicillin.",
        "",
        "The patient was seen today and is well.",
    ],
)
def test_what_is_denied_suspected_or_another_persons_is_no_mention(icd10: Icd10Table, note: str) -> None:
    assert mentions(note, icd10) == ()


def test_a_denial_ends_with_its_clause(icd10: Icd10Table) -> None:
    found = mentions("Denies fever but has asthma.", icd10)

    assert [mention.choices[0].code for mention in found] == ["J45.909"]


def test_conditions_of_one_list_stay_apart(icd10: Icd10Table) -> None:
    found = mentions("62 yo M with T2DM, HTN, CKD stage 3 and COPD.", icd10)

    assert [mention.choices[0].code for mention in found] == ["E11.9", "I10", "N18.30", "J44.9"]


def test_the_other_side_is_never_offered(icd10: Icd10Table) -> None:
    (found,) = mentions("Pain in the right shoulder", icd10)

    assert not any("left" in choice.description.lower() for choice in found.choices)


def test_a_mention_stands_exactly_where_it_says(icd10: Icd10Table) -> None:
    note = "Größe 1,80 m. 😀 Patient has essential hypertension."

    (found,) = mentions(note, icd10)

    assert note[found.start : found.end] == "essential hypertension"
    assert found.start >= found.context[0]
    assert found.end <= found.context[1]


def test_a_repeated_mention_is_asked_about_once(icd10: Icd10Table) -> None:
    assert len(mentions("Asthma.\nAsthma again.\nAsthma.", icd10)) == 1


def test_the_question_stays_small_however_long_the_note(icd10: Icd10Table) -> None:
    words = ("asthma", "fever", "cough", "anemia", "migraine", "gout", "obesity", "cataract", "scabies", "vertigo")
    words += ("syncope", "edema", "psoriasis", "eczema", "pneumonia", "bronchitis", "sciatica", "insomnia")
    note = "\n".join([*words, *(f"acute {word} in the left knee" for word in words), "pneumonia", "low back pain"])

    found = mentions(note * 3, icd10)

    assert len(found) <= MAX_MENTIONS
    assert all(1 <= len(mention.choices) <= MAX_CHOICES for mention in found)


def test_a_stop_inside_a_number_ends_no_statement() -> None:
    assert len(list(statements("HbA1c 7.9 percent. Weight 80.5 kg"))) == 2
