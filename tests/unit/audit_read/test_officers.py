import json
import resource
import stat
from pathlib import Path

import pytest

from audit.errors import OfficerError, RecorderUnavailableError
from audit.officers import FILE_NAME, PEPPER_NAME, Officers
from audit.record import Event, Kind


def test_a_new_officer_is_found_by_the_key_that_was_shown_once(tmp_path: Path) -> None:
    officers = Officers(tmp_path / "custodian")

    key = officers.add("m.weber")

    found = officers.find(key)
    assert found is not None
    assert found.name == "m.weber"


def test_the_key_itself_is_kept_nowhere(tmp_path: Path) -> None:
    officers = Officers(tmp_path)

    key = officers.add("m.weber")

    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert key.encode() not in kept
    assert key.rsplit("_", 1)[1].encode() not in kept


def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    Officers(tmp_path).add("m.weber")

    for name in (FILE_NAME, PEPPER_NAME):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_revoked_key_is_refused_at_once(tmp_path: Path) -> None:
    officers = Officers(tmp_path)
    key = officers.add("m.weber")

    officers.revoke("m.weber")

    assert officers.find(key) is None
    assert officers.entries()[0].revoked


def test_an_officer_whose_key_was_revoked_may_get_a_new_one(tmp_path: Path) -> None:
    officers = Officers(tmp_path)
    old = officers.add("m.weber")
    officers.revoke("m.weber")

    new = officers.add("m.weber")

    assert officers.find(new) is not None
    assert officers.find(old) is None
    officers.revoke("m.weber")
    assert officers.find(new) is None


@pytest.mark.parametrize("key", ["", "x", "ofk_00000000_" + "A" * 43, "ofk_zzz", "ofk_\ud800", "é" * 60])
def test_an_unknown_or_malformed_key_is_nobodys(tmp_path: Path, key: str) -> None:
    officers = Officers(tmp_path)
    officers.add("m.weber")

    assert officers.find(key) is None


def test_a_key_with_a_right_id_and_a_wrong_secret_is_nobodys(tmp_path: Path) -> None:
    officers = Officers(tmp_path)
    key = officers.add("m.weber")

    assert officers.find(key[:-2] + ("AA" if not key.endswith("AA") else "BB")) is None


def test_without_its_pepper_the_registry_opens_nothing(tmp_path: Path) -> None:
    officers = Officers(tmp_path)
    key = officers.add("m.weber")
    (tmp_path / PEPPER_NAME).unlink()

    assert officers.find(key) is None


def test_a_name_can_have_only_one_good_key(tmp_path: Path) -> None:
    officers = Officers(tmp_path)
    officers.add("m.weber")

    with pytest.raises(OfficerError, match="audit officer revoke"):
        officers.add("m.weber")


@pytest.mark.parametrize("name", ["", " ", "-a", "a b", "a\nb", "a" * 65, "ä"])
def test_an_odd_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OfficerError, match="1 to 64"):
        Officers(tmp_path).add(name)


def test_revoking_nobody_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(OfficerError, match="audit officer list"):
        Officers(tmp_path).revoke("nobody")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"officers":[{}]}', '{"officers":[{"name":1}]}', '{"officers":3}']
)
def test_a_damaged_registry_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / FILE_NAME
    file.write_text(content)
    file.chmod(0o600)

    with pytest.raises(OfficerError, match=r"officers\.json is damaged"):
        Officers(tmp_path).entries()


def test_an_entry_with_a_field_of_the_wrong_type_is_damage(tmp_path: Path) -> None:
    officers = Officers(tmp_path)
    officers.add("m.weber")
    file = tmp_path / FILE_NAME
    document = json.loads(file.read_text())
    document["officers"][0]["revoked"] = 0
    file.write_text(json.dumps(document))

    with pytest.raises(OfficerError, match="damaged"):
        officers.entries()


def test_a_registry_that_others_can_read_is_not_trusted(tmp_path: Path) -> None:
    officers = Officers(tmp_path)
    officers.add("m.weber")
    (tmp_path / FILE_NAME).chmod(0o644)

    with pytest.raises(OfficerError, match="chmod 600"):
        officers.entries()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OfficerError, match="cannot be written"):
        Officers(tmp_path / "file" / "custodian").add("m.weber")


def test_a_registry_that_is_a_folder_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()

    with pytest.raises(OfficerError, match="cannot be read"):
        Officers(tmp_path).entries()


def test_a_registry_that_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / PEPPER_NAME).mkdir()
    (tmp_path / PEPPER_NAME / "inside").write_text("")
    officers = Officers(tmp_path)

    with pytest.raises(OfficerError):
        officers.add("m.weber")

    assert not (tmp_path / FILE_NAME).exists()


def test_a_full_disk_leaves_the_registry_as_it_was(tmp_path: Path) -> None:
    officers = Officers(tmp_path)
    key = officers.add("m.weber")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(OfficerError, match="has space"):
            officers.revoke("m.weber")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert officers.find(key) is not None
    assert sorted(file.name for file in tmp_path.iterdir()) == ["officers.json", "officers.lock", "officers.pepper"]


def test_an_officer_holds_the_roles_that_were_given(tmp_path: Path) -> None:
    officers = Officers(tmp_path)
    key = officers.add("m.weber", roles=("privacy-officer", "compliance-officer", "privacy-officer"), tenant="east")

    found = officers.find(key)

    assert found is not None
    assert (found.roles, found.tenant) == (("compliance-officer", "privacy-officer"), "east")


def test_roles_are_replaced_and_the_key_stays(tmp_path: Path) -> None:
    officers = Officers(tmp_path)
    officers.add("m.weber", roles=("old",))
    officers.revoke("m.weber")
    key = officers.add("m.weber", roles=("compliance-officer",))
    officers.add("a.other", roles=("untouched",))

    officers.set_roles("m.weber", ("privacy-officer",))

    found = officers.find(key)
    assert found is not None
    assert found.roles == ("privacy-officer",)
    assert [entry.roles for entry in officers.entries()] == [("old",), ("privacy-officer",), ("untouched",)]


def test_nobody_gets_roles_without_a_key(tmp_path: Path) -> None:
    with pytest.raises(OfficerError, match="audit officer list"):
        Officers(tmp_path).set_roles("nobody", ())


@pytest.mark.parametrize("tenant", ["East", "a b", "-a", "a" * 64])
def test_an_odd_tenant_is_refused(tmp_path: Path, tenant: str) -> None:
    with pytest.raises(OfficerError, match="A tenant has"):
        Officers(tmp_path).add("m.weber", tenant=tenant)


def test_an_entry_from_before_there_were_roles_is_read_and_has_none(tmp_path: Path) -> None:
    officers = Officers(tmp_path)
    key = officers.add("m.weber", roles=("compliance-officer",))
    file = tmp_path / FILE_NAME
    document = json.loads(file.read_text())
    del document["officers"][0]["roles"], document["officers"][0]["tenant"], document["unrecorded"]
    file.write_text(json.dumps(document))

    found = officers.find(key)

    assert found is not None
    assert (found.roles, found.tenant, officers.changes()) == ((), "", ())


def test_every_change_waits_until_the_trail_has_it(tmp_path: Path) -> None:
    officers = Officers(tmp_path)
    officers.add("m.weber", roles=("compliance-officer",), tenant="east", by="root")
    officers.set_roles("m.weber", (), by="root")
    officers.revoke("m.weber", by="other")
    recorded: list[Event] = []

    officers.record_changes(recorded.append)
    officers.record_changes(recorded.append)

    assert [(event.kind, event.code, event.user, event.tenant) for event in recorded] == [
        (Kind.OPERATION, "officer_added", "root", "east"),
        (Kind.OPERATION, "officer_roles", "root", "east"),
        (Kind.OPERATION, "officer_revoked", "other", "east"),
    ]
    assert [event.facts.get("roles") for event in recorded] == [["compliance-officer"], None, None]
    assert {event.facts["officer"] for event in recorded} == {"m.weber"}


def test_a_change_that_the_trail_did_not_take_is_told_again_and_the_others_are_not(tmp_path: Path) -> None:
    officers = Officers(tmp_path)
    officers.add("a")
    officers.add("b")
    told: list[str] = []

    def once(event: Event) -> None:
        if told:
            raise RecorderUnavailableError("no recorder answers")
        told.append(str(event.facts["officer"]))

    with pytest.raises(RecorderUnavailableError):
        officers.record_changes(once)

    assert told == ["a"]
    assert [change.officer for change in officers.changes()] == ["b"]


def test_no_key_is_in_what_the_trail_is_told(tmp_path: Path) -> None:
    officers = Officers(tmp_path)
    key = officers.add("m.weber")

    assert key.split("_", 1)[1] not in repr(officers.changes())
    assert key.split("_")[1] not in repr(officers.changes())
