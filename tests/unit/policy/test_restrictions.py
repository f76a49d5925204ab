import pytest

from appliance.errors import PolicyInvalidError
from appliance.exchange import DataClass
from appliance.policy.restrictions import MAX_RESTRICTIONS, Restriction, read_restrictions

FILE = "restrictions.yaml"
LEAST = "restrictions:\n  - name: hiv\n    reason: It stays.\n"


def _refusal(text: str) -> str:
    with pytest.raises(PolicyInvalidError) as error:
        read_restrictions(FILE, text, tasks=("medical-coding",))
    return error.value.public


def test_a_restriction_says_how_it_is_known() -> None:
    text = LEAST + (
        "    data_class: sensitive\n"
        "    labels: [HIV]\n"
        "    clients: [client_0123456789abcdef]\n"
        "    tasks: [medical-coding]\n"
        '    phrases: ["  HIV\\tclinic "]\n'
        "    patients: true\n"
    )

    [restriction] = read_restrictions(FILE, text, tasks=("medical-coding",))

    assert restriction == Restriction(
        name="hiv",
        reason="It stays.",
        data_class=DataClass.SENSITIVE,
        labels=frozenset({"HIV"}),
        clients=frozenset({"client_0123456789abcdef"}),
        tasks=frozenset({"medical-coding"}),
        phrases=("HIV clinic",),
        patients=True,
    )


def test_what_is_not_said_protects_the_most() -> None:
    [restriction] = read_restrictions(FILE, LEAST, tasks=())

    assert restriction.data_class is DataClass.RESTRICTED
    assert not restriction.patients


@pytest.mark.parametrize("text", ["restrictions: []", "restrictions:\n"])
def test_a_site_may_have_none(text: str) -> None:
    assert read_restrictions(FILE, text, tasks=()) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LEAST + "  - name: hiv\n    reason: Again.\n", "4: 'hiv' stands above; merge the two or rename one."),
        (LEAST + "    tasks: [translation]\n", "4: there is no tasks/translation.yaml; mend or remove this name."),
        (LEAST + "    labels: HIV\n", "4: 'restrictions.0.labels': one value where a list must stand; write it as"),
        (LEAST + "    labels: ['H IV']\n", "4: 'restrictions.0.labels.0': String should match pattern"),
        (LEAST + "    clients: [ward]\n", "4: 'restrictions.0.clients.0': String should match pattern"),
        (LEAST + "    phrases: [HIV]\n", "4: 'restrictions.0.phrases.0': a phrase needs at least 4 letters; write it"),
        (LEAST + "    phrases: ['12345']\n", "4: 'restrictions.0.phrases.0': a phrase needs at least 4 letters"),
        (LEAST + "    phrases: [12345]\n", "4: 'restrictions.0.phrases.0': a phrase must be text; put it in quotes"),
        (LEAST + "    data_class: public\n", "4: 'restrictions.0.data_class': Input should be 'phi', 'sensitive'"),
        (LEAST + "    patients: 'yes'\n", "4: 'restrictions.0.patients': Input should be a valid boolean"),
        (LEAST + "    stays: false\n", "4: 'restrictions.0.stays' is no known key; remove it or mend its spelling."),
        ("restrictions: [{name: hiv}]", "1: 'restrictions.0.reason' is missing; add it."),
        ("[]", "1: this must be a mapping of keys to values"),
    ],
)
def test_a_wrong_list_is_refused_with_line_and_reason(text: str, said: str) -> None:
    assert _refusal(text).startswith(f"{FILE}:{said}")


def test_more_restrictions_than_can_be_looked_for_are_refused() -> None:
    rows = "".join(f"  - {{name: r{number}, reason: It stays.}}\n" for number in range(MAX_RESTRICTIONS + 1))

    assert "'restrictions': Tuple should have at most 100 items" in _refusal(f"restrictions:\n{rows}")
