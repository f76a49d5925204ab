import re

from appliance.phi.fhir.resource_ids import ResourceIds

UUID = "3b7c1d52-9a0e-4f5b-8c1d-2e3f4a5b6c7d"


def test_an_id_is_the_same_wherever_it_appears_and_another_under_another_key() -> None:
    ids, others = ResourceIds(b"a" * 32), ResourceIds.fresh()

    assert ids.issue("123456") == ids.issue("123456") == ResourceIds(b"a" * 32).issue("123456")
    assert ids.issue("123456") != others.issue("123456")
    assert ids.issue("123456") != ids.issue("123457")


def test_an_issued_id_is_a_valid_one_without_numbers() -> None:
    ids = ResourceIds.fresh()

    assert re.fullmatch(r"id-[a-z]{16}", ids.issue("MRN-123456"))
    assert re.fullmatch(r"[a-f]{8}-[a-f]{4}-4[a-f]{3}-a[a-f]{3}-[a-f]{12}", ids.issue(UUID))


def test_a_uuid_is_one_in_either_case_and_as_a_urn() -> None:
    ids = ResourceIds.fresh()

    assert ids.issue(UUID) == ids.issue(UUID.upper()) == ids.issue_uuid(f"urn:uuid:{UUID}")
    assert ids.issue_uuid("urn:oid:1.2.3") == ids.issue_uuid("urn:oid:1.2.3") != ids.issue_uuid("urn:oid:1.2.4")
    assert ids.issue("\ud800").startswith("id-")


def test_the_originals_are_there_until_they_are_wiped() -> None:
    ids = ResourceIds.fresh()
    issued = ids.issue("p1")

    assert dict(ids.originals()) == {issued: "p1"}

    ids.wipe()

    assert dict(ids.originals()) == {}
    assert ids.issue("p1") != issued
