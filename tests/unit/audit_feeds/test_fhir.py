"""FHIR AuditEvents after IHE BALP 1.1: a profile is claimed only where it holds."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from audit.errors import OpenError, VerificationError
from audit.feeds import NOBODY, Format, People, render
from audit.feeds.naming import HeaderNaming
from audit.keyring import MonthSecrets, open_custodian
from audit.query import Entry, Reader
from tests.support.feed_trail import SECOND_PATIENT, entries, fill, opened
from tests.support.trail_builder import ORIGIN, PATIENT, USER, TrailBuilder

BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
DCM = "http://dicom.nema.org/resources/ontology/DCM"
Json = dict[str, Any]

RULES: dict[str, Json] = {
    "Create": {"type": "rest", "subtype": "create", "action": "C", "client": "110153", "server": "110152"},
    "Read": {"type": "rest", "subtype": "read", "action": "R", "client": "110152", "server": "110153"},
    "Query": {"type": "rest", "subtype": "search", "action": "E", "client": "110153", "server": "110152"},
    "PrivacyDisclosure.Source": {
        "type": "110106", "subtype": "disclose", "action": "R", "client": "110152", "server": "110153",
    },
}  # fmt: skip
"""What BALP 1.1 asks of each profile, written from its structure definitions."""


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> TrailBuilder:
    built = TrailBuilder(home=tmp_path_factory.mktemp("fhir") / "home")
    fill(built)
    return built


@pytest.fixture(scope="module")
def events(trail: TrailBuilder) -> list[Entry]:
    return entries(trail)


@pytest.fixture
def reader(trail: TrailBuilder) -> Iterator[Reader]:
    with opened(trail) as reader:
        yield reader


def resources(events: list[Entry], people: Any = lambda _entry: NOBODY) -> list[Json]:
    bundle = json.loads(b"".join(render(Format.FHIR, events, origin=ORIGIN, people=people)))
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "collection")
    assert all(entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}" for entry in bundle["entry"])
    return [entry["resource"] for entry in bundle["entry"]]


def profile_of(resource: Json) -> str:
    return str(resource["meta"].get("profile", [""])[0]).removeprefix(BALP)


def agents(resource: Json, code: str) -> list[Json]:
    return [agent for agent in resource["agent"] if agent["type"]["coding"][0]["code"] == code]


def entities(resource: Json, code: str) -> list[Json]:
    return [entity for entity in resource["entity"] if entity["type"]["code"] == code]


def check_profile(resource: Json, name: str) -> None:
    """Check a resource against the rules of the profile that it claims."""
    rule = RULES[name.removeprefix("Patient")]
    assert (resource["type"]["code"], resource["action"]) == (rule["type"], rule["action"])
    assert rule["subtype"] in [coding["code"] for coding in resource["subtype"]]
    assert resource["outcome"] == "0"
    for code in (rule["client"], rule["server"]):
        (agent,) = agents(resource, code)
        assert agent["who"]["identifier"]["value"]
        assert agent["network"]
        assert "media" not in agent
    server = agents(resource, rule["server"])[0]
    assert server["who"] == resource["source"]["observer"]
    for user in (*agents(resource, "IRCP"), *agents(resource, "AUT")):
        assert user["requestor"] is True
        assert "network" not in user
    (data,) = entities(resource, "2")
    if "Query" in name:
        assert data["role"]["code"] == "24"
        assert base64.b64decode(data["query"])
        assert not data.keys() & {"what", "lifecycle", "detail", "name"}
    else:
        assert data["role"]["code"] in {"3", "4", "20"}
        assert data["what"]["identifier"]["value"]
    named = [entity["what"]["identifier"]["type"]["coding"][0]["code"] for entity in entities(resource, "1")]
    assert named == (["MR"] if name.startswith(("Patient", "Privacy")) else [])


def test_a_claimed_profile_holds(events: list[Entry], reader: Reader, trail: TrailBuilder) -> None:
    naming = HeaderNaming(reader, open_custodian(trail.home / "custodian").secrets)

    for resource in (*resources(events), *resources(events, naming)):
        if profile_of(resource):
            check_profile(resource, profile_of(resource))


def test_commitments_claim_no_patient_profile(events: list[Entry]) -> None:
    claimed = {profile_of(resource) for resource in resources(events)}

    assert claimed == {"", "Read", "Query"}
    for resource in resources(events):
        if entities(resource, "1"):
            assert "profile" not in resource["meta"]


def test_named_patients_claim_the_patient_profiles_one_event_each(
    events: list[Entry], reader: Reader, trail: TrailBuilder
) -> None:
    naming = HeaderNaming(reader, open_custodian(trail.home / "custodian").secrets)

    found = resources(events, naming)

    claimed = [profile_of(resource) for resource in found if profile_of(resource)]
    assert sorted(set(claimed)) == [
        "PatientCreate", "PatientQuery", "PatientRead", "PrivacyDisclosure.Source", "Query", "Read",
    ]  # fmt: skip
    disclosed = [resource for resource in found if profile_of(resource) == "PrivacyDisclosure.Source"]
    numbers = [entities(resource, "1")[0]["what"]["identifier"]["value"] for resource in disclosed]
    assert numbers == [PATIENT, SECOND_PATIENT]
    assert agents(disclosed[0], "110152")[0]["who"]["display"] == "Example Cloud Inc."
    assert agents(disclosed[0], "IRCP")[0]["who"]["identifier"]["value"] == USER
    assert len({resource["id"] for resource in found}) == len(found)


def test_failure_claims_no_profile_of_success(events: list[Entry]) -> None:
    found = {resource["outcome"] for resource in resources(events) if not profile_of(resource)}

    assert found == {"0", "4", "8"}
    assert all(resource["outcome"] == "0" for resource in resources(events) if profile_of(resource))


def test_what_the_trail_does_not_keep_is_said_to_be_unknown(events: list[Entry]) -> None:
    intent = next(resource for resource in resources(events) if resource["action"] == "C")

    client, server = agents(intent, "110153")[0], agents(intent, "110152")[0]

    assert client["network"]["extension"][0]["valueCode"] == "unknown"
    assert server["network"] == {"address": "hospital.example", "type": "1"}


def test_a_purpose_that_is_no_code_is_text(events: list[Entry]) -> None:
    purposes = [purpose for resource in resources(events) for purpose in resource.get("purposeOfEvent", ())]

    assert {"text": "not a code"} in purposes
    assert all("coding" in purpose or purpose == {"text": "not a code"} for purpose in purposes)


def test_ids_are_uuids_and_codes_have_no_blanks(events: list[Entry]) -> None:
    for resource in resources(events):
        assert [len(part) for part in resource["id"].split("-")] == [8, 4, 4, 4, 12]
        assert not [coding for coding in resource["subtype"] if set(coding["code"]) & set(' \n|="')]


def test_a_disclosure_to_nobody_known_says_so(events: list[Entry]) -> None:
    entry = next(entry for entry in events if entry.leaf.kind == "disclosure")
    bare = Entry(
        leaf=entry.leaf, client="", request_id="", trace_id="", facts={}, document=b"", has_body=False
    )  # fmt: skip

    (resource,) = resources([bare])

    assert agents(resource, "110152")[0]["who"]["identifier"]["value"] == "unknown"
    assert not profile_of(resource)


def test_an_empty_feed_is_still_fhir() -> None:
    assert json.loads(b"".join(render("fhir", [], origin=ORIGIN))) == {"resourceType": "Bundle", "type": "collection"}


def test_a_month_whose_keys_are_gone_names_nobody(events: list[Entry], reader: Reader) -> None:
    asked: list[str] = []

    def destroyed(month: str) -> MonthSecrets:
        asked.append(month)
        raise OpenError("destroyed")

    naming = HeaderNaming(reader, destroyed)

    assert {naming(entry) == NOBODY for entry in events} == {True}
    assert asked == ["2026-11"]


def test_a_header_that_does_not_open_names_nobody(events: list[Entry], reader: Reader, tmp_path: Any) -> None:
    other = TrailBuilder(home=tmp_path / "other")
    naming = HeaderNaming(reader, open_custodian(other.home / "custodian").secrets)

    assert {naming(entry) == NOBODY for entry in events} == {True}


def test_a_swapped_body_is_evidence_and_no_name(tmp_path: Any) -> None:
    built = TrailBuilder(home=tmp_path / "home")
    fill(built)
    built.sql("UPDATE record SET ciphertext = (SELECT ciphertext FROM record WHERE sequence = 3) WHERE sequence = 1")

    with opened(built) as reader, pytest.raises(VerificationError):
        HeaderNaming(reader, open_custodian(built.home / "custodian").secrets)(next(reader.span(1, end=2)))


def test_names_of_an_exchange_are_opened_once_and_let_go(
    events: list[Entry], reader: Reader, trail: TrailBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audit.feeds.naming.KEPT", 1)
    naming = HeaderNaming(reader, open_custodian(trail.home / "custodian").secrets)

    names = [naming(entry) for entry in events]

    assert People(user=USER, patients=(PATIENT,)) in names
    assert repr(names[1]) == object.__repr__(names[1])


def test_an_exchange_without_a_sealed_body_names_nobody(tmp_path: Any) -> None:
    built = TrailBuilder(home=tmp_path / "home")
    built.add_exchanges(1)
    built.sql("UPDATE record SET ciphertext = NULL, wrapped_key = NULL")

    with opened(built) as reader:
        naming = HeaderNaming(reader, open_custodian(built.home / "custodian").secrets)

        assert naming(next(reader.span(1, end=2))) == NOBODY


def test_an_access_whose_sealed_header_is_gone_names_nobody(tmp_path: Any) -> None:
    built = TrailBuilder(home=tmp_path / "home")
    fill(built)
    built.sql("UPDATE record SET ciphertext = NULL, wrapped_key = NULL")

    with opened(built) as reader:
        naming = HeaderNaming(reader, open_custodian(built.home / "custodian").secrets)

        assert {naming(entry) == NOBODY for entry in reader.span(0, end=reader.rows.size())} == {True}


def test_an_empty_fact_is_no_detail(events: list[Entry]) -> None:
    blank = Entry(
        leaf=events[0].leaf, client="", request_id="", trace_id="", facts={"rule": " "}, document=b"", has_body=False
    )  # fmt: skip

    (resource,) = resources([blank])

    assert "rule" not in [detail["type"] for detail in entities(resource, "2")[0]["detail"]]
