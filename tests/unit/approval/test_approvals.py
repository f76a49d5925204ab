"""Nothing leaves under a policy that two people have not approved, and only their receipt says that they have."""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.approval import Approvals
from appliance.approval.approvals import MAX_BYTES
from appliance.config import Config
from appliance.policy.bundle import Bundle
from audit.keyring import Trail, initialise
from audit.record import Event, Kind, Leaf, facts_document
from tests.support.approvals import DIGEST, approve, full_receipt, receipt
from tests.support.trails import START, new_trail

OTHER = "b" * 64


@pytest.fixture
def home(tmp_path: Path) -> Path:
    new_trail(tmp_path)
    return tmp_path


def _approvals(home: Path) -> Approvals:
    return Approvals.of(Config(home=home))


def _put(home: Path, text: str, digest: str = DIGEST) -> None:
    (home / "approvals").mkdir(exist_ok=True)
    (home / "approvals" / f"{digest}.json").write_text(text)


def test_a_policy_that_two_officers_approved_is_approved(home: Path) -> None:
    approve(home)
    approvals = _approvals(home)

    assert approvals.why_not(DIGEST) == ""
    newest = approvals.newest()
    assert newest is not None
    assert (newest.requested_by, newest.approved_by, newest.case) == ("p.first", "p.second", "CHG-7")
    assert newest.facts()["policy"] == DIGEST


def test_a_policy_that_nobody_approved_is_not(home: Path) -> None:
    assert _approvals(home).newest() is None
    assert "two officers have not approved" in _approvals(home).why_not(DIGEST)
    approve(home)
    assert "two officers have not approved" in _approvals(home).why_not(OTHER)


def test_an_approval_holds_as_soon_as_it_is_there_and_ends_as_soon_as_it_is_gone(home: Path) -> None:
    approvals = _approvals(home)
    before = approvals.why_not(DIGEST)
    path = approve(home)
    during = approvals.why_not(DIGEST)
    path.unlink()

    assert (bool(before), during, bool(approvals.why_not(DIGEST))) == (True, "", True)


@pytest.mark.parametrize("other", ["p.first", "P.First"])
def test_one_person_is_not_two_whatever_the_case_of_the_letters(home: Path, other: str) -> None:
    approve(home, approved_by=other)

    assert "one and the same person" in _approvals(home).why_not(DIGEST)


@pytest.mark.parametrize("missing", ["requested_by", "approved_by"])
def test_a_record_without_two_names_approves_nothing(home: Path, missing: str) -> None:
    approve(home, **{missing: ""})

    assert "does not name two people" in _approvals(home).why_not(DIGEST)


def test_a_receipt_of_another_policy_approves_nothing(home: Path) -> None:
    shutil.move(approve(home, OTHER), home / "approvals" / f"{DIGEST}.json")

    assert "approves another policy" in _approvals(home).why_not(DIGEST)


def test_a_receipt_of_another_trail_approves_nothing(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    initialise(other / "audit", other / "custodian", origin="another.example/a1", now=START)
    _put(home, receipt(Trail(folder=other / "audit"), DIGEST))

    assert "another trail" in _approvals(home).why_not(DIGEST)


def test_a_forged_receipt_in_the_name_of_this_trail_approves_nothing(home: Path, tmp_path: Path) -> None:
    forger = tmp_path / "forger"
    initialise(forger / "audit", forger / "custodian", origin=Trail(folder=home / "audit").origin(), now=START)
    _put(home, receipt(Trail(folder=forger / "audit"), DIGEST))

    assert "does not hold" in _approvals(home).why_not(DIGEST)


@pytest.mark.parametrize(("old", "new"), [("p.second", "p.secunda"), (DIGEST, OTHER)])
def test_altered_facts_approve_nothing(home: Path, old: str, new: str) -> None:
    text = receipt(Trail(folder=home / "audit"), DIGEST)
    assert old in text
    digest = new if new == OTHER else DIGEST
    _put(home, text.replace(old, new), digest)

    assert "does not hold" in _approvals(home).why_not(digest)


def test_the_record_of_something_else_approves_nothing(home: Path) -> None:
    _put(home, receipt(Trail(folder=home / "audit"), DIGEST, code="client_added"))

    assert "another record" in _approvals(home).why_not(DIGEST)


def test_a_receipt_of_two_records_approves_nothing(home: Path) -> None:
    trail = Trail(folder=home / "audit")
    document = json.loads(receipt(trail, DIGEST))["records"][0]
    leaf = Leaf.from_bytes(document["leaf"].encode())
    _put(home, full_receipt(trail, [(leaf, document["facts"].encode())] * 2))

    assert "another record" in _approvals(home).why_not(DIGEST)


def test_a_record_without_facts_approves_nothing(home: Path) -> None:
    trail = Trail(folder=home / "audit")
    document = facts_document(Event(kind=Kind.OPERATION, client="somebody"))
    leaf = Leaf.from_bytes(json.loads(receipt(trail, DIGEST))["records"][0]["leaf"].encode())
    _put(home, full_receipt(trail, [_with_facts(leaf, document)]))

    assert "says nothing" in _approvals(home).why_not(DIGEST)


def _with_facts(leaf: Leaf, document: bytes) -> tuple[Leaf, bytes]:
    return replace(leaf, facts_digest=hashlib.sha256(document).hexdigest()), document


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"v":1', b"[" * 100_000, b" " * (MAX_BYTES + 1)], ids=len
)
def test_a_damaged_file_approves_nothing_and_ends_nothing(home: Path, content: bytes) -> None:
    approve(home)
    (home / "approvals" / f"{OTHER}.json").write_bytes(content)
    approvals = _approvals(home)

    assert approvals.why_not(OTHER)
    assert approvals.why_not(DIGEST) == ""


def test_every_truncation_of_a_receipt_approves_nothing(home: Path) -> None:
    path = approve(home)
    text = path.read_text()
    approvals = _approvals(home)

    for length in range(0, len(text) - 1, 997):
        path.write_text(text[:length])
        assert approvals.why_not(DIGEST)


def test_the_later_approval_takes_the_place_of_the_earlier(home: Path) -> None:
    approve(home, DIGEST, sequence=5)
    approve(home, OTHER, sequence=9)
    approvals = _approvals(home)

    assert approvals.why_not(OTHER) == ""
    assert f"a later approval, of policy {OTHER[:12]}," in approvals.why_not(DIGEST)


def test_a_file_that_cannot_be_opened_approves_nothing(home: Path) -> None:
    (home / "approvals" / f"{DIGEST}.json").mkdir(parents=True)

    assert _approvals(home).why_not(DIGEST) == "its file cannot be read"


def test_a_folder_that_is_none_approves_nothing(home: Path) -> None:
    (home / "approvals").write_text("")

    assert "cannot be read" in _approvals(home).why_not(DIGEST)


@pytest.mark.parametrize("keys", [None, "no key at all\n"])
def test_without_the_trails_public_keys_nothing_is_approved(home: Path, keys: str | None) -> None:
    approve(home)
    approvals = _approvals(home)
    assert approvals.why_not(DIGEST) == ""
    file = home / "audit" / "verifier.keys"
    file.unlink()
    if keys is not None:
        file.write_text(keys)

    assert "public keys cannot be read" in approvals.why_not(DIGEST)


def test_a_receipt_is_not_read_again_while_nothing_has_changed(home: Path) -> None:
    path = approve(home)
    approvals = _approvals(home)
    first = approvals.newest()
    second = approvals.newest()
    os.utime(path)

    assert first is second
    assert approvals.newest() is not first


def test_a_policy_without_a_provider_needs_no_approval(home: Path, bundle: Bundle) -> None:
    assert not bundle.providers
    assert _approvals(home).why_not_bundle(bundle) == ""
