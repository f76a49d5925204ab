import re
from decimal import Decimal

import pytest

from appliance.errors import PhiBlockedError
from appliance.phi.fhir.transform import texts_of, values_of
from tests.support.fhir_resources import TODAY, left, narrative, observation, patient

CANARY = "Quillfeather"


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        ({"resourceType": CANARY}, "the resource"),
        ({"name": CANARY}, "the resource"),
        ({"resourceType": ["Patient"]}, "the resource"),
        ({"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Dog"}}]}, "Bundle.entry[0].resource"),
        ({"resourceType": "Bundle", "entry": [{"resource": [CANARY]}]}, "Bundle.entry[0].resource"),
        (patient(**{CANARY: "x"}), "Patient"),
        (patient(**{"_" + CANARY: {}}), "Patient"),
        (patient(_name={}), "Patient"),
        (patient(name=[{"family": "x", CANARY: 1}]), "Patient.name[0]"),
        (patient(name={"family": CANARY}), "Patient.name"),
        (patient(name=[CANARY]), "Patient.name[0]"),
        (patient(name=[{"given": [1]}]), "Patient.name[0].given[0]"),
        (patient(name=[{"given": [None, CANARY]}]), "Patient.name[0].given[0]"),
        (patient(name=[{"given": ["x"], "_given": {}}]), "Patient.name[0]._given"),
        (patient(_birthDate=[]), "Patient._birthDate"),
        (patient(active=CANARY), "Patient.active"),
        (patient(multipleBirthInteger=True), "Patient.multipleBirthInteger"),
        (patient(multipleBirthInteger=1.5), "Patient.multipleBirthInteger"),
        (patient(birthDate=CANARY), "Patient.birthDate"),
        (patient(birthDate=19500101), "Patient.birthDate"),
        (observation(valueQuantity={"value": "9"}), "Observation.valueQuantity.value"),
        (observation(valueQuantity={"value": float("nan")}), "Observation.valueQuantity.value"),
        (observation(valueQuantity={"value": True}), "Observation.valueQuantity.value"),
        (observation(valueInteger=123456789), "Observation.valueInteger"),
        (observation(valueQuantity={"value": 6175550123.0}), "Observation.valueQuantity.value"),
        (observation(valueTime=CANARY), "Observation.valueTime"),
        (observation(subject={"reference": CANARY}), "Observation.subject.reference"),
        (observation(subject={"reference": f"Dog/{CANARY}"}), "Observation.subject.reference"),
        (observation(implicitRules="http://hl7.org/x"), "Observation.implicitRules"),
        (patient(modifierExtension=[{"url": "http://hl7.org/x"}]), "Patient.modifierExtension"),
        (patient(extension=[{"url": f"http://{CANARY}.example"}]), "Patient.extension[0]"),
        (patient(extension=[{"valueString": CANARY}]), "Patient.extension[0]"),
        (patient(extension=[CANARY]), "Patient.extension[0]"),
        (
            patient(
                extension=[
                    {
                        "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
                        "extension": [{"url": CANARY, "valueString": "x"}],
                    }
                ]
            ),
            "Patient.extension[0].extension[0]",
        ),
        (
            patient(
                extension=[{"url": "http://hl7.org/fhir/StructureDefinition/patient-religion", "valueString": CANARY}]
            ),
            "Patient.extension[0]",
        ),
        (patient(contained=[patient(id="a"), patient(id="a")]), "Patient"),
        (
            {"resourceType": "Bundle", "entry": [{"resource": patient(id="a")}, {"resource": patient(id="a")}]},
            "Bundle",
        ),
    ],
)
def test_what_r4_does_not_know_is_refused_by_its_path(resource: dict[str, object], path: str) -> None:
    with pytest.raises(PhiBlockedError, match=re.escape(f"was not sent: {path} ")) as refused:
        left(resource)

    assert CANARY not in str(refused.value)
    assert CANARY not in refused.value.detail


@pytest.mark.parametrize("value", [None, [], "Patient", 1])
def test_what_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(PhiBlockedError):
        left({"resourceType": "Bundle", "entry": [{"resource": value}]})


def test_a_key_that_is_no_string_is_refused() -> None:
    with pytest.raises(PhiBlockedError):
        left({"resourceType": "Patient", 1: "x"})


def test_a_resource_that_holds_itself_is_refused() -> None:
    bundle: dict[str, object] = {"resourceType": "Bundle"}
    bundle["entry"] = [{"resource": bundle}]
    entries: list[object] = []
    entries.append({"resource": {"resourceType": "Bundle", "entry": entries}})

    with pytest.raises(PhiBlockedError, match="holds itself"):
        left(bundle)
    with pytest.raises(PhiBlockedError, match="holds itself"):
        left({"resourceType": "Bundle", "entry": entries})


def test_the_same_object_may_stand_in_two_places() -> None:
    name = {"family": "Quill"}

    assert left(patient(name=[name, name]))["name"] == [{"family": "Nemo"}, {"family": "Nemo"}]


def test_deep_nesting_is_refused_long_before_the_stack_ends() -> None:
    item: dict[str, object] = {"linkId": "end"}
    for _ in range(5000):
        item = {"linkId": "x", "item": [item]}

    with pytest.raises(PhiBlockedError, match="nested more than") as refused:
        left({"resourceType": "Questionnaire", "item": [item]})
    assert len(refused.value.public) < 250, "a path that fills the screen is read by nobody"


def test_half_a_character_is_refused_because_it_cannot_be_sent() -> None:
    with pytest.raises(PhiBlockedError, match=re.escape("Patient.name[0].family holds half a character")):
        left(patient(name=[{"family": "x\ud800"}]))


def test_objects_that_unfold_without_end_are_refused() -> None:
    item: dict[str, object] = {"required": True}
    for _ in range(30):
        item = {"item": [item, item, item, item]}

    with pytest.raises(PhiBlockedError, match="beyond the"):
        left({"resourceType": "Questionnaire", "item": [item]})


def test_versions_of_one_resource_in_a_history_are_no_duplicates() -> None:
    history = {"resourceType": "Bundle", "type": "history", "entry": [{"resource": patient(id="a")}] * 2}

    assert len(left(history)["entry"]) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [10**5000, -(10**40), 1e300, Decimal("1E+999999"), Decimal("sNaN"), float("inf")], ids=range(6)
)
def test_a_number_that_nobody_measures_is_refused(value: float | Decimal) -> None:
    with pytest.raises(PhiBlockedError, match=re.escape("Observation.valueQuantity.value is")):
        left(observation(valueQuantity={"value": value, "unit": "years"}))


def test_exact_decimals_stay() -> None:
    assert left(observation(valueQuantity={"value": Decimal("7.40")}))["valueQuantity"] == {"value": Decimal("7.40")}


def test_a_count_with_zeros_at_its_end_is_no_identifier() -> None:
    assert left(observation(valueInteger=1_200_000_000))["valueInteger"] == 1_200_000_000
    assert left(observation(valueQuantity={"value": 123456789.5}))["valueQuantity"] == {"value": 123456789.5}


@pytest.mark.parametrize(
    ("attachment", "reason"),
    [
        ({"contentType": "text/plain", "data": "%%%%"}, "is not base64"),
        ({"contentType": "text/plain", "data": "ÄÄÄÄ"}, "is not base64"),
        ({"contentType": "text/plain", "data": "gICA"}, "is not base64"),
        ({"contentType": "text/plain; charset=utf-7", "data": "QUJD"}, "character set"),
        ({"contentType": "text/html", "data": "PHNjcmlwdD4="}, "script"),
    ],
)
def test_an_attachment_that_cannot_be_read_is_refused(attachment: dict[str, str], reason: str) -> None:
    with pytest.raises(PhiBlockedError, match=reason):
        left({"resourceType": "DocumentReference", "content": [{"attachment": attachment}]})


@pytest.mark.parametrize(
    "xhtml",
    [
        "<p>Quillfeather",
        "Quillfeather &unknown; x",
        "<script>Quillfeather</script>",
        "<p onclick='Quillfeather'>x</p>",
        "<b onclick='Quillfeather'>x</b>",
        "<tr><script>Quillfeather</script></tr>",
        "<Quillfeather>x</Quillfeather>",
        "<p><b><iframe/></b></p>",
        "<p>\ud800</p>",
        "<p>" * 150 + "x" + "</p>" * 150,
    ],
)
def test_a_narrative_that_is_no_plain_xhtml_is_refused(xhtml: str) -> None:
    with pytest.raises(PhiBlockedError, match=re.escape("Patient.text.div ")) as refused:
        left(narrative(xhtml))

    assert CANARY not in str(refused.value)


def test_a_narrative_cannot_declare_entities() -> None:
    bomb = '<!DOCTYPE d [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><div>&b;</div>'

    with pytest.raises(PhiBlockedError, match="document type"):
        left(patient(text={"status": "generated", "div": bomb}))


def test_the_texts_and_values_of_what_is_refused_are_not_given() -> None:
    for look in (texts_of, values_of):
        with pytest.raises(PhiBlockedError):
            look({"resourceType": "Dog"}, today=TODAY)
