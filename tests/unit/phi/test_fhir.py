import base64
from contextlib import suppress

import pytest

from appliance.errors import PhiBlockedError
from appliance.phi.fhir.resource_ids import ResourceIds
from appliance.phi.fhir.transform import texts_of, transform, values_of
from appliance.phi.findings import Kind
from tests.support.fhir_resources import TODAY, left, observation, patient, replace, unguarded

UUID = "3b7c1d52-9a0e-4f5b-8c1d-2e3f4a5b6c7d"


def test_a_patients_names_addresses_and_contacts_become_surrogates() -> None:
    out = left(
        patient(
            name=[
                {
                    "use": "official",
                    "family": "Quill",
                    "given": ["Ann", "B."],
                    "prefix": ["Dr."],
                    "suffix": ["Quillson"],
                }
            ],
            telecom=[{"system": "phone", "value": "617 555 0199"}, {"value": "a@b.example"}],
            gender="female",
        )
    )

    assert out["name"] == [
        {"use": "official", "family": "Nemo", "given": ["Nemo", "Nemo"], "prefix": ["Dr."], "suffix": ["Nemo"]}
    ]
    assert out["telecom"] == [{"system": "phone", "value": "555-0100"}, {"value": "nobody@example.org"}]
    assert out["gender"] == "female"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ({"postalCode": "02108-1234", "state": "MA"}, {"postalCode": "021", "state": "MA"}),
        ({"postalCode": "03601", "state": "New Hampshire"}, {"postalCode": "000", "state": "New Hampshire"}),
        ({"postalCode": "021", "country": "US"}, {"postalCode": "021", "country": "US"}),
        ({"postalCode": "SW1A 1AA", "country": "GB"}, {"country": "GB"}),
        ({"postalCode": "10115", "country": "Germany"}, {"country": "guarded(Germany)"}),
        ({"state": "Duxbury"}, {"state": "Nowhere"}),
        ({"line": ["1 Main St"], "city": "Boston"}, {"line": ["Nowhere"], "city": "Nowhere"}),
        ({"district": "Suffolk", "text": "1 Main St, Boston"}, {"district": "Nowhere", "text": "Nowhere"}),
    ],
)
def test_of_an_address_only_state_country_and_three_digits_stay(
    address: dict[str, object], expected: dict[str, object]
) -> None:
    assert left(patient(address=[address]))["address"] == [expected]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1936-11-23", "1936"),
        ("1936-11-24", "2001-02-03"),
        ("1936-11", "1936"),
        ("1936-12", "2001-02"),
        ("1936", "1936"),
        ("1937", "2001"),
        ("1899-01-01", "1936"),
    ],
)
def test_a_birth_more_than_89_years_ago_is_the_same_year_for_everybody(value: str, expected: str) -> None:
    assert left(patient(birthDate=value))["birthDate"] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-03-04T05:06:07.123-05:00", "2001-02-03T05:06:07.123-05:00"),
        ("2026-03-04", "2001-02-03"),
        ("2026-03", "2001-02"),
        ("2026", "2001"),
        ("1930-01-01T00:00:00Z", "1936"),
    ],
)
def test_dates_are_replaced_at_their_precision(value: str, expected: str) -> None:
    assert left(patient(deceasedDateTime=value))["deceasedDateTime"] == expected


@pytest.mark.parametrize("surrogate", ["[DATE-1]", "2001", "2001-02-03T00:00:00Z"])
def test_an_instant_whose_surrogate_is_no_day_is_left_out(surrogate: str) -> None:
    out = transform(
        observation(issued="2026-03-04T05:06:07Z", status="final"),
        replace=lambda _kind, _value: surrogate,
        text=str,
        today=TODAY,
    )

    assert out == {"resourceType": "Observation", "status": "final"}


def test_an_instant_of_a_high_age_is_left_out() -> None:
    assert "issued" not in left(observation(issued="1930-03-04T05:06:07Z"))


@pytest.mark.parametrize(
    ("identifier", "kind"),
    [
        ({"type": {"coding": [{"code": "MR"}]}}, Kind.MRN),
        ({"type": {"coding": [{"code": "SS"}]}}, Kind.SSN),
        ({"type": {"coding": [{"code": "DL"}]}}, Kind.LICENSE),
        ({"type": {"coding": [{"code": "PPN"}]}}, Kind.OTHER_ID),
        ({"type": {"coding": [{"code": "MB"}]}}, Kind.HEALTH_PLAN),
        ({"system": "http://hl7.org/fhir/sid/us-ssn"}, Kind.SSN),
        ({"system": "urn:oid:2.16.840.1.113883.4.3.25"}, Kind.LICENSE),
        ({"system": "https://general.example/ids/mrn"}, Kind.MRN),
        ({"system": "https://general.example/ids/other"}, Kind.OTHER_ID),
        ({}, Kind.MRN),
    ],
)
def test_an_identifiers_kind_follows_from_its_type_or_system(identifier: dict[str, object], kind: Kind) -> None:
    values = values_of(patient(identifier=[{**identifier, "value": "A-1"}]), today=TODAY)

    assert (kind, "A-1") in values


def test_the_address_of_a_standard_stays_and_any_other_becomes_a_surrogate() -> None:
    out = left(
        patient(
            identifier=[{"system": "http://hl7.org/fhir/sid/us-ssn"}, {"system": "https://general.example/mrn"}],
            meta={"profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient|9.0.0"]},
        )
    )

    assert out["identifier"] == [{"system": "http://hl7.org/fhir/sid/us-ssn"}, {"system": "https://example.org/x"}]
    assert out["meta"] == {"profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient|9.0.0"]}


@pytest.mark.parametrize(
    "address",
    [
        "http://hl7.org/1234567",
        "http://hl7.org/123-45-6789",
        "http://hl7.org/?name=Quill",
        "http://loinc.org.general.example/x",
        "https://a.example",
    ],
)
def test_an_address_that_only_begins_like_a_standards_is_replaced(address: str) -> None:
    assert left(patient(identifier=[{"system": address}]))["identifier"] == [{"system": "https://example.org/x"}]


def test_a_surrogate_that_can_be_no_address_is_left_out() -> None:
    resource = patient(identifier=[{"system": "https://general.example/x", "use": "old"}])

    out = transform(resource, replace=lambda _kind, _value: "[URL 1]", text=str, today=TODAY)

    assert out["identifier"] == [{"use": "old"}]


def test_what_meta_and_a_bundle_say_of_the_server_does_not_leave() -> None:
    out = left(
        {
            "resourceType": "Bundle",
            "type": "searchset",
            "link": [{"relation": "self", "url": "https://general.example/Patient?identifier=123"}],
            "entry": [
                {
                    "fullUrl": "https://general.example/fhir/Patient/1",
                    "request": {"method": "PUT", "url": "Patient?identifier=123"},
                    "response": {"location": "https://general.example/Patient/1", "status": "201"},
                    "resource": patient(
                        meta={"versionId": "1", "lastUpdated": "2026-01-01T00:00:00Z", "source": "#x"}, active=True
                    ),
                }
            ],
        }
    )

    assert out == {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": {"resourceType": "Patient", "active": True}}],
    }


def test_references_follow_the_ids_that_were_issued() -> None:
    ids = ResourceIds(b"k" * 32)
    out = left(
        {
            "resourceType": "Observation",
            "id": "o1",
            "contained": [{"resourceType": "Device", "id": "x"}],
            "subject": {"reference": "Patient/p1"},
            "encounter": {"reference": "https://general.example/fhir/Encounter/e1/_history/2"},
            "device": {"reference": "#x"},
            "basedOn": [{"reference": f"urn:uuid:{UUID.upper()}"}, {"reference": "urn:oid:1.2.3"}, {"reference": "#"}],
            "performer": [{"reference": "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1"}],
        },
        ids=ids,
    )

    assert out["id"] == ids.issue("o1")
    assert out["contained"] == [{"resourceType": "Device", "id": ids.issue("x")}]
    assert out["subject"] == {"reference": f"Patient/{ids.issue('p1')}"}
    assert out["encounter"] == {"reference": f"Encounter/{ids.issue('e1')}"}
    assert out["device"] == {"reference": f"#{ids.issue('x')}"}
    assert out["basedOn"] == [
        {"reference": f"urn:uuid:{ids.issue(UUID)}"},
        {"reference": f"urn:uuid:{ids.issue_uuid('urn:oid:1.2.3')}"},
        {"reference": "#"},
    ]
    assert "us-npi" not in str(out["performer"])
    assert (
        out["performer"]
        == left(
            observation(performer=[{"reference": "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|1"}]), ids=ids
        )["performer"]
    )


def test_a_bundles_urn_its_resources_id_and_references_to_it_stay_one() -> None:
    out = left(
        {
            "resourceType": "Bundle",
            "entry": [
                {"fullUrl": f"urn:uuid:{UUID}", "resource": patient(id=UUID)},
                {"resource": observation(subject={"reference": f"urn:uuid:{UUID}"})},
            ],
        }
    )

    entries = out["entry"]
    assert isinstance(entries, list)
    issued = entries[0]["resource"]["id"]
    assert issued != UUID
    assert entries[0]["fullUrl"] == entries[1]["resource"]["subject"]["reference"] == f"urn:uuid:{issued}"


def test_an_absolute_reference_that_is_no_resource_becomes_an_address() -> None:
    out = left(observation(subject={"reference": "https://general.example/people/quill"}))

    assert out["subject"] == {"reference": "https://example.org/x"}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"display": "Ann Quill"}, "Nemo"),
        ({"reference": "Patient/1", "display": "Ann Quill"}, "Nemo"),
        ({"type": "Location", "display": "General"}, "Nowhere"),
        ({"reference": "Device/1", "display": "pump"}, "guarded(pump)"),
        ({"type": "Device", "display": "pump"}, "guarded(pump)"),
    ],
)
def test_the_display_of_a_reference_to_a_person_or_place_is_its_name(reference: dict[str, str], expected: str) -> None:
    subject = left(observation(subject=reference))["subject"]

    assert isinstance(subject, dict)
    assert subject["display"] == expected


def test_the_display_follows_from_what_an_element_may_refer_to() -> None:
    out = left({"resourceType": "DiagnosticReport", "result": [{"display": "CBC"}]})
    place = left({"resourceType": "Encounter", "serviceProvider": {"display": "General"}})

    assert out["result"] == [{"display": "guarded(CBC)"}]
    assert place["serviceProvider"] == {"display": "Nowhere"}


@pytest.mark.parametrize(
    ("system", "code", "stays"),
    [
        ("http://loinc.org", "8302-2", True),
        ("http://loinc.org", "123456789", False),
        ("http://snomed.info/sct", "50849002", True),
        ("http://snomed.info/sct", "50849003", False),
        ("http://snomed.info/sct", "Quill", False),
        ("http://www.nlm.nih.gov/research/umls/rxnorm", "313782", True),
        ("http://hl7.org/fhir/sid/icd-10-cm", "E11.9", True),
        ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "EMER", True),
        ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "1234567", False),
        ("https://general.example/wards", "4-North", False),
        ("", "4-North", False),
    ],
)
def test_a_code_stays_only_in_the_form_of_a_public_system(system: str, code: str, *, stays: bool) -> None:
    out = left(observation(code={"coding": [{"system": system, "code": code}]}))

    assert (f"'{code}'" in str(out)) is stays


def test_a_code_outside_of_r4s_closed_list_is_guarded() -> None:
    assert left(patient(gender="Ann Quill"))["gender"] == "guarded(Ann Quill)"


def test_displays_and_texts_of_concepts_are_guarded() -> None:
    out = left(observation(code={"coding": [{"display": "Height"}], "text": "Body height"}))

    assert out["code"] == {"coding": [{"display": "guarded(Height)"}], "text": "guarded(Body height)"}


def test_measured_values_and_ucum_units_stay() -> None:
    quantity = {"value": 190.13, "unit": "cm", "system": "http://unitsofmeasure.org", "code": "cm"}

    assert left(observation(valueQuantity=quantity))["valueQuantity"] == quantity


def test_a_unit_that_is_not_ucums_is_guarded() -> None:
    out = left(observation(valueQuantity={"value": 2, "unit": "tablets for Ann"}))

    assert out["valueQuantity"] == {"value": 2, "unit": "guarded(tablets for Ann)"}


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        ({"value": 93, "unit": "years"}, {"value": 90, "unit": "years", "comparator": ">="}),
        ({"value": 89, "unit": "years"}, {"value": 89, "unit": "years"}),
        ({"value": 1100, "code": "mo"}, {"value": 1080, "code": "mo", "comparator": ">="}),
        ({"value": 104}, {"value": 90, "comparator": ">="}),
        ({"unit": "years"}, {"unit": "years"}),
    ],
)
def test_ages_above_89_become_90_or_more(age: dict[str, object], expected: dict[str, object]) -> None:
    out = unguarded({"resourceType": "Condition", "onsetAge": age})

    assert out["onsetAge"] == expected


def test_a_quantity_of_something_else_may_be_above_89() -> None:
    assert unguarded(observation(valueQuantity={"value": 140, "unit": "mm[Hg]"}))["valueQuantity"] == {
        "value": 140,
        "unit": "mm[Hg]",
    }


@pytest.mark.parametrize(
    ("extension", "expected"),
    [
        ({"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex", "valueCode": "F"}, "F"),
        ({"url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", "valueString": "Quill"}, "Nemo"),
        ({"url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime", "valueDateTime": "1930-01-01"}, "1936"),
        ({"url": "http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-streetName", "valueString": "Main"}, "Nowhere"),
    ],
)
def test_a_known_extension_is_treated_by_the_list(extension: dict[str, str], expected: str) -> None:
    out = left(patient(extension=[extension]))

    assert [list(each.values())[1] for each in out["extension"]] == [expected]  # type: ignore[attr-defined]


def test_race_stays_by_policy_and_coordinates_do_not() -> None:
    race = {
        "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
        "extension": [
            {"url": "ombCategory", "valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3"}}
        ],
    }
    position = {
        "url": "http://hl7.org/fhir/StructureDefinition/geolocation",
        "extension": [{"url": "latitude", "valueDecimal": 42.3}],
    }

    assert left(patient(extension=[race, position]))["extension"] == [race]


def test_the_extensions_of_primitive_values_are_walked_too() -> None:
    birth_time = {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime", "valueDateTime": "2000-01-01"}
    out = left(
        patient(
            birthDate="2000-01-01",
            _birthDate={"id": "b", "extension": [birth_time]},
            name=[{"given": ["Ann", None], "_given": [None, {"extension": [birth_time]}]}],
            _gender={"id": "only an id"},
        )
    )

    moved = [{**birth_time, "valueDateTime": "2001-02-03"}]
    assert out == {
        "resourceType": "Patient",
        "birthDate": "2001-02-03",
        "name": [{"given": ["Nemo", None], "_given": [None, {"extension": moved}]}],
        "_birthDate": {"extension": moved},
    }


def test_extensions_go_with_the_value_that_was_left_out() -> None:
    absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    resource = {
        "resourceType": "Patient",
        "address": [{"postalCode": "K1A 0B1", "_postalCode": {"extension": [absent]}, "use": "home"}],
        "meta": {"profile": ["https://a.example/1", "http://hl7.org/1"], "_profile": [{"extension": [absent]}, None]},
    }

    out = transform(resource, replace=lambda _kind, _value: "no address", text=str, today=TODAY)

    assert out["address"] == [{"use": "home"}]
    assert out["meta"] == {"profile": ["http://hl7.org/1"]}


def test_photographs_and_signatures_do_not_leave() -> None:
    out = left(patient(active=True, photo=[{"contentType": "image/png", "data": "AAAA"}]))
    signed = left({"resourceType": "Provenance", "signature": [{"data": "AAAA"}], "policy": ["http://hl7.org/x"]})

    assert out == {"resourceType": "Patient", "active": True}
    assert signed == {"resourceType": "Provenance", "policy": ["http://hl7.org/x"]}


def test_the_answer_to_a_question_is_guarded_with_it() -> None:
    form = {
        "resourceType": "QuestionnaireResponse",
        "item": [{"text": "MRN:", "answer": [{"valueString": "12345678"}]}, {"answer": [{"valueString": "well"}]}],
    }

    assert texts_of(form, today=TODAY) == ["MRN:", "MRN: 12345678", "well"]
    assert unguarded(form) == form


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ({"text": "SSN"}, "SSN: 123"),
        ({"coding": [{"display": "SSN"}]}, "SSN: 123"),
        ({"coding": ["SSN"]}, "123"),
        ("SSN", "123"),
    ],
)
def test_what_was_observed_is_guarded_with_what_was_found(code: object, asked: str) -> None:
    texts: list[str] = []
    resource = {"resourceType": "Observation", "valueString": "123", "code": code}

    def note(text: str) -> str:
        texts.append(text)
        return text

    with suppress(PhiBlockedError):
        transform(resource, replace=replace, text=note, today=TODAY)

    assert texts[0] == asked


def test_a_parameter_is_guarded_with_its_name() -> None:
    parameters = {"resourceType": "Parameters", "parameter": [{"name": "mrn", "valueString": "12345678"}]}

    assert texts_of(parameters, today=TODAY) == ["mrn", "mrn: 12345678"]


def test_texts_come_in_the_order_in_which_they_are_asked_for() -> None:
    resource = observation(
        code={"text": "a"},
        note=[{"text": "b", "authorString": "Quill"}],
        text={"div": "<div>c<p>d</p></div>"},
        valueString="e",
    )
    asked: list[str] = []

    def note(text: str) -> str:
        asked.append(text)
        return text.upper()

    transform(resource, replace=replace, text=note, today=TODAY)

    assert texts_of(resource, today=TODAY) == asked == ["a", "b", "c", "d", "a: e"]


@pytest.mark.parametrize(
    "kind", ["text/plain", "text/plain; charset=utf-8", "text/csv", "Text/Plain;charset=ISO-8859-1"]
)
def test_a_text_attachment_is_guarded_inside(kind: str) -> None:
    charset = "latin-1" if "8859" in kind else "utf-8"
    data = base64.b64encode("José ".encode(charset)).decode()

    out = left(
        {
            "resourceType": "DocumentReference",
            "content": [{"attachment": {"contentType": kind, "data": data, "hash": "AAAA", "size": 5}}],
        }
    )

    attachment = out["content"][0]["attachment"]  # type: ignore[index]
    assert base64.b64decode(attachment["data"]).decode(charset) == "guarded(José )"
    assert set(attachment) == {"contentType", "data"}


def test_an_html_attachment_is_guarded_between_its_tags() -> None:
    page = (
        "<!DOCTYPE html><html><head><title>Q</title></head><body><p>Hi <b>Ann</b><br>you</p><o:p>x</o:p></body></html>"
    )
    data = base64.b64encode(page.encode()).decode()

    out = left({"resourceType": "Binary", "contentType": "text/html", "data": data})

    assert (
        base64.b64decode(str(out["data"])).decode()
        == "<html><body><p>guarded(Hi Ann\nyou)</p><div>guarded(x)</div></body></html>"
    )


@pytest.mark.parametrize("title", [None, "Scan"])
def test_other_contents_are_left_out_with_a_note(title: str | None) -> None:
    attachment = {"contentType": "application/pdf", "data": "AAAA", **({"title": title} if title else {})}
    resource = {"resourceType": "DocumentReference", "content": [{"attachment": attachment}]}

    out = unguarded(resource)

    note = "[content withheld: it is not text]"
    assert out["content"] == [
        {"attachment": {"contentType": "application/pdf", "title": f"{title} {note}" if title else note}}
    ]
    assert unguarded(out) == out


def test_an_attachments_place_stays_if_it_is_a_resource() -> None:
    ids = ResourceIds(b"k" * 32)
    attachments = [{"url": "Binary/b1"}, {"url": "https://general.example/scan/quill.pdf", "language": "en"}]

    out = left(
        {"resourceType": "DocumentReference", "content": [{"attachment": each} for each in attachments]}, ids=ids
    )

    assert out["content"] == [{"attachment": {"url": f"Binary/{ids.issue('b1')}"}}, {"attachment": {"language": "en"}}]


def test_the_input_is_not_changed() -> None:
    resource = patient(name=[{"family": "Quill"}], identifier=[{"value": "1"}])

    left(resource)

    assert resource == patient(name=[{"family": "Quill"}], identifier=[{"value": "1"}])


def test_what_a_policy_refuses_is_refused_for_a_resource_too() -> None:
    class PolicyError(Exception):
        pass

    def refuse(_kind: Kind, _value: str) -> str:
        raise PolicyError

    with pytest.raises(PolicyError):
        transform(patient(name=[{"family": "Quill"}]), replace=refuse, text=str, today=TODAY)
