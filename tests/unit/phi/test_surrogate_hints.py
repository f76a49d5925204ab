import pytest

from appliance.phi.findings import Kind
from appliance.phi.surrogate_hints import Hint, hint
from appliance.phi.surrogate_values import female_names, male_names
from appliance.phi.surrogate_values.drawing import Drawing
from appliance.phi.surrogate_values.people import Gender, Role, candidates
from tests.support.phi_findings import SECRET, replaced

WOMEN = (
    "Mrs. Zorbla Quix",
    "her daughter Zorbla",
    "wife (Zorbla)",
    "The mother's name is Zorbla",
    "sister: Zorbla",
    "Zorbla Quix, 45F, is well",
    "Zorbla Quix is a 45-year-old woman",
    "Zorbla Quix (45 yo female)",
    "Zorbla Quix says she is well",
)

MEN = (
    "Mr Zorbla Quix",
    "his son Zorbla",
    "husband, Zorbla",
    "Zorbla Quix 45 M",
    "Zorbla Quix is a 45 year old gentleman",
    "ZORBLA QUIX SAYS HE IS WELL",
    "Zorbla Quix said that he met Marla Nune",
)


def given_name(text: str) -> str:
    """Return what stands for Zorbla, in small letters."""
    name = next(each for each in ("Zorbla Quix", "ZORBLA QUIX", "Zorbla") if each in text)
    surrogates, _ = replaced(text, (Kind.NAME, name), (Kind.NAME, "Marla Nune"))
    return surrogates.value(Kind.NAME, name).split()[0].lower()


@pytest.mark.parametrize("text", WOMEN)
def test_the_words_beside_a_name_in_no_list_tell_a_woman(text: str) -> None:
    assert given_name(text) in female_names()


@pytest.mark.parametrize("text", MEN)
def test_the_words_beside_a_name_in_no_list_tell_a_man(text: str) -> None:
    assert given_name(text) in male_names()


@pytest.mark.parametrize(
    "text",
    [
        "Zorbla Quix is well",
        "Zorbla Quix met Marla Nune and she left",
        "Zorbla Quix left. She is well",
        "Zorbla Quix and whether he or she left",
    ],
)
def test_what_is_said_of_another_or_of_nobody_tells_nothing(text: str) -> None:
    starts = [each for each in (text.find("Zorbla"), text.find("Marla")) if each >= 0]

    assert hint(text, starts[0], starts[0] + len("Zorbla Quix"), others=starts) is None


def test_a_name_alone_after_a_word_of_kinship_is_a_given_name() -> None:
    assert given_name("her daughter Zorbla") in female_names()
    assert hint("Mr. Zorbla", 4, 10, others=[4]) == Hint(gender=Gender.MALE)


def test_a_known_name_keeps_its_own_gender() -> None:
    surrogates, _ = replaced("Mr. Patricia Quix", (Kind.NAME, "Patricia Quix"))

    assert surrogates.value(Kind.NAME, "Patricia Quix").split()[0].lower() in female_names()


@pytest.mark.parametrize(("gender", "names"), [(Gender.FEMALE, female_names()), (Gender.MALE, male_names())])
def test_a_gender_draws_from_its_own_list(gender: Gender, names: dict[str, int]) -> None:
    drawn = candidates("Zorbla", Role(is_surname=False, gender=gender), Drawing(secret=SECRET, label="x"))

    assert {next(drawn).lower() for _ in range(40)} <= set(names)
