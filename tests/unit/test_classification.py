import json
from collections.abc import Iterable
from typing import Any

import pytest

from appliance.classification import Classified, classify
from appliance.clinical_text import ClinicalText
from appliance.errors import InvalidRequestError
from appliance.exchange import DataClass, Message, Subject, Surface, TaskRequest
from appliance.phi.rules import inspect
from appliance.policy.bundle import Bundle
from appliance.policy.restrictions import Restriction
from appliance.tasks.inputs import texts_of
from tests.support.policy_folder import client

RESTRICTIONS = (
    Restriction(
        name="substance-use",
        reason="42 CFR Part 2.",
        data_class=DataClass.SENSITIVE,
        labels=frozenset({"42CFRPart2", "R"}),
        phrases=("42 CFR Part 2", "methadone program"),
    ),
    Restriction(
        name="behavioural-ward", reason="A ward.", data_class=DataClass.RESTRICTED, clients=frozenset({"client_1"})
    ),
    Restriction(
        name="coding-stays", reason="A task.", data_class=DataClass.SENSITIVE, tasks=frozenset({"medical-coding"})
    ),
    Restriction(name="opt-out", reason="An objection.", data_class=DataClass.PHI, patients=True),
)


class Excluding:
    """Stand in for `exclusions.Excluded`."""

    def __init__(self, kinds: dict[str, str] | None = None) -> None:
        """Take the kind under which each record number was put."""
        self.kinds = kinds or {}
        self.asked: list[str] = []

    def kinds_of(self, numbers: Iterable[str]) -> frozenset[str]:
        """Return the kinds, and note what was asked."""
        self.asked += list(numbers)
        return frozenset(self.kinds[number] for number in self.asked if number in self.kinds)


def _request(text: object = "The patient slept well.", **changes: Any) -> TaskRequest:
    told: dict[str, Any] = {
        "task": "discharge-summary",
        "surface": Surface.TASKS,
        "subject": Subject(patients=(ClinicalText("QX-7345501"),)),
        "input": ClinicalText(json.dumps({"notes": text})),
    }
    return TaskRequest(**{**told, **changes})


def _people(*people: object) -> ClinicalText:
    return ClinicalText(json.dumps(list(people)))


@pytest.fixture
def classified(bundle: Bundle) -> Any:
    def call(request: TaskRequest, excluded: Excluding | None = None, **changes: Any) -> Classified:
        task = bundle.tasks[request.task]
        if "data_class" in changes:
            task = task.model_copy(update={"data_class": changes["data_class"]})
        return classify(
            request,
            task,
            changes.get("actor", client()),
            inspect(texts_of(request)),
            restrictions=changes.get("restrictions", RESTRICTIONS),
            excluded=excluded or Excluding(),
        )

    return call


def test_an_ordinary_note_is_phi_under_no_restriction(classified: Any) -> None:
    assert classified(_request("Slept well. Call (312) 867-5309.")) == Classified(
        data_class=DataClass.PHI, restrictions=frozenset(), patients_named=True
    )


@pytest.mark.parametrize(
    "text",
    [
        "Protected by 42 CFR Part 2.",
        "Protected by 42 C.F.R. Part 2!",
        "see 42\n\tcfr - part  2",
        "enrolled in the METHADONE PROGRAM",
        "enrolled in the m\u0435th\u0430done pr\u043egram",
        "enrolled in the \uff4dethadone\u00a0program",
    ],
)
def test_words_of_a_restriction_are_found_however_they_are_written(classified: Any, text: str) -> None:
    found = classified(_request(text))

    assert found.restrictions == {"substance-use"}
    assert found.data_class is DataClass.SENSITIVE


@pytest.mark.parametrize("text", ["442 CFR Part 2", "42 CFR Part 20", "the methadone programme", "program: methadone"])
def test_words_that_only_resemble_it_are_no_restriction(classified: Any, text: str) -> None:
    assert classified(_request(text)).restrictions == frozenset()


LABELLED = {"resourceType": "Observation", "meta": {"security": [{"system": "http://x", "code": "42CFRPart2"}]}}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(LABELLED),
        json.dumps({"resourceType": "Bundle", "entry": [{"resource": LABELLED}]}),
        json.dumps([{"note": json.dumps(LABELLED)}]),
        json.dumps({"resourceType": "DocumentReference", "securityLabel": [{"coding": [{"code": "42cfrpart2"}]}]}),
        json.dumps({"resourceType": "Composition", "confidentiality": "R"}),
        f"The record follows: {json.dumps(LABELLED)} and ends.",
        f"Cut off: {json.dumps({'confidentiality': 'R'})[:-1]}",
        '<Patient><meta><security><system value="x"/><code value="42CFRPart2"/></security></meta></Patient>',
        '<Composition><confidentiality value="R"/></Composition>',
        '<ClinicalDocument><confidentialityCode code="R" codeSystem="2.16.840.1.113883.5.25"/></ClinicalDocument>',
    ],
)
def test_a_security_label_of_fhir_is_found_wherever_it_stands(classified: Any, text: str) -> None:
    assert classified(_request(text)).restrictions == {"substance-use"}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"resourceType": "Observation", "interpretation": [{"coding": [{"code": "R"}]}]}),
        json.dumps({"meta": {"security": [{"system": "R", "code": "N"}]}, "code": "R"}),
        f"see {json.dumps({'meta': {'security': [{'code': 'N'}]}, 'code': 'R'})}",
        "social security: none",
        "[" * 100_000 + '"security": ["R"]',
    ],
)
def test_a_code_that_is_no_label_is_no_restriction(classified: Any, text: str) -> None:
    assert classified(_request(text)).restrictions == frozenset()


def test_a_label_of_the_people_counts(classified: Any) -> None:
    patient = {
        "resourceType": "Patient",
        "name": [{"family": "Quistgaard"}],
        "meta": {"security": [{"code": "R"}]},
    }

    assert classified(_request(people=_people(patient))).restrictions == {"substance-use"}


def test_words_in_any_turn_of_a_conversation_count(classified: Any) -> None:
    turns = (
        Message(role="system", content=ClinicalText("Keep to 42 CFR Part 2.")),
        Message(role="user", content=ClinicalText("Summarise.")),
    )

    request = _request(surface=Surface.CHAT, input=None, messages=turns)

    assert classified(request).restrictions == {"substance-use"}


def test_a_client_and_a_task_may_be_restricted_whole(classified: Any) -> None:
    ward = client()
    of_the_ward = (
        Restriction(
            name="ward", reason="A ward.", data_class=DataClass.RESTRICTED, clients=frozenset({ward.client_id})
        ),
        *RESTRICTIONS,
    )

    by_client = classified(_request(), actor=ward, restrictions=of_the_ward)
    by_task = classified(_request(task="medical-coding", input=ClinicalText('{"note": "x"}')))

    assert (by_client.restrictions, by_client.data_class) == ({"ward"}, DataClass.RESTRICTED)
    assert (by_task.restrictions, by_task.data_class) == ({"coding-stays"}, DataClass.SENSITIVE)


def test_an_excluded_patient_is_known_by_the_subject_the_people_and_the_text(classified: Any) -> None:
    person = {"names": ["Zebulon Quistgaard"], "record_numbers": ["RN-2"]}
    text = "Referred for follow-up\ntogether with MRN: 8812345."
    excluded = Excluding({"8812345": "opt-out"})

    found = classified(_request(text, people=_people(person)), excluded)

    assert found.restrictions == {"opt-out"}
    assert {"QX-7345501", "RN-2", "8812345"} <= set(excluded.asked)


@pytest.mark.parametrize(
    "text", ["8812345", "(8812345)", "MRN-8812345", "MRN8812345", "MR_8812345", "2026-8812345-A", "no 8812345, ward 3"]
)
def test_a_number_in_the_text_is_looked_up_whatever_is_joined_to_it(classified: Any, text: str) -> None:
    assert classified(_request(text), Excluding({"8812345": "opt-out"})).restrictions == {"opt-out"}


def test_a_number_that_json_holds_as_a_number_is_looked_up_too(classified: Any) -> None:
    request = _request({"chart": 8812345, "weight": None})

    assert classified(request, Excluding({"8812345": "opt-out"})).restrictions == {"opt-out"}


@pytest.mark.parametrize("number", ["QX-7345501", "RN-2"])
def test_each_number_that_the_caller_names_is_looked_up(classified: Any, number: str) -> None:
    person = {"names": ["Zebulon Quistgaard"], "record_numbers": ["RN-2"]}

    found = classified(_request(people=_people(person)), Excluding({number: "opt-out"}))

    assert found.restrictions == {"opt-out"}


def test_a_kind_of_exclusion_that_the_policy_has_no_words_for_protects_the_most(classified: Any) -> None:
    found = classified(_request(), Excluding({"QX-7345501": "something-new"}))

    assert (found.restrictions, found.data_class) == ({"something-new"}, DataClass.RESTRICTED)


def test_the_list_of_excluded_patients_is_asked_for_nobody_too(classified: Any) -> None:
    class Unreadable(Excluding):
        def kinds_of(self, numbers: Iterable[str]) -> frozenset[str]:
            return frozenset({"exclusions-unreadable"}) if not list(numbers) else frozenset()

    assert classified(_request(subject=Subject()), Unreadable()).restrictions == {"exclusions-unreadable"}


@pytest.mark.parametrize(
    ("subject", "people", "named"),
    [
        (Subject(), None, False),
        (Subject(patients=(ClinicalText("  "),)), None, False),
        (Subject(), _people({"names": ["Zebulon Quistgaard"]}), False),
        (Subject(), _people({"names": ["Zebulon Quistgaard"], "record_numbers": ["RN-2"]}), True),
        (Subject(patients=(ClinicalText("RN-2"),)), None, True),
    ],
)
def test_a_patient_is_named_by_a_record_number_only(
    classified: Any, subject: Subject, people: ClinicalText | None, *, named: bool
) -> None:
    assert classified(_request(subject=subject, people=people)).patients_named is named


@pytest.mark.parametrize("of_the_task", list(DataClass))
@pytest.mark.parametrize("stated", [None, *DataClass])
def test_a_caller_raises_the_class_and_never_lowers_it(
    classified: Any, of_the_task: DataClass, stated: DataClass | None
) -> None:
    found = classified(_request(data_class=stated), data_class=of_the_task)

    assert found.data_class.rank() == max(of_the_task.rank(), stated.rank() if stated else 0)


def test_what_the_caller_says_applies_is_added_to_what_was_found(classified: Any) -> None:
    found = classified(_request("42 CFR Part 2", restrictions=frozenset({"opt-out"})))

    assert found.restrictions == {"opt-out", "substance-use"}


def test_a_misspelt_restriction_is_refused_and_not_repeated(classified: Any) -> None:
    request = _request(restrictions=frozenset({"Quistgaard"}))

    with pytest.raises(InvalidRequestError, match="there are: behavioural-ward, coding-stays, opt-out") as caught:
        classified(request)
    with pytest.raises(InvalidRequestError, match="there are none"):
        classified(request, restrictions=())

    assert "Quistgaard" not in caught.value.public
    assert caught.value.field == "restrictions"


def test_without_restrictions_only_patients_and_class_count(classified: Any) -> None:
    found = classified(_request("42 CFR Part 2"), restrictions=())

    assert found == Classified(data_class=DataClass.PHI, restrictions=frozenset(), patients_named=True)


def test_the_shipped_restrictions_find_their_own_marks(bundle: Bundle) -> None:
    for restriction in bundle.restrictions:
        for phrase in restriction.phrases:
            assert _shipped(bundle, f"Note: {phrase.upper()}.") >= {restriction.name}
        for label in restriction.labels:
            assert _shipped(bundle, json.dumps({"meta": {"security": [{"code": label}]}})) >= {restriction.name}


def _shipped(bundle: Bundle, text: str) -> frozenset[str]:
    request, task = _request(text), bundle.tasks["discharge-summary"]
    found = inspect(texts_of(request))
    return classify(request, task, client(), found, restrictions=bundle.restrictions, excluded=Excluding()).restrictions


def test_a_hostile_text_is_read_in_time_that_grows_with_its_length(classified: Any) -> None:
    hostile = '"security":[' * 5_000 + "<security" * 5_000 + "a." * 20_000 + '{"security":' * 2_000 + "9a-" * 20_000
    hostile += "a" * 60_000

    assert classified(_request(hostile)).restrictions == frozenset()
