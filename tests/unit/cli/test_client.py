"""The operator adds, lists and revokes clients; a key is shown once and kept nowhere."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.auth.authenticate import Authenticator
from appliance.auth.registry import Registry
from appliance.errors import NotAuthenticatedError
from audit.query import Reader
from audit.question import ask
from audit.rows import Rows
from audit.store.address import sqlite_address
from tests.support.command_line import Done, run
from tests.support.recorder_process import running_recorder
from tests.support.trails import new_trail


@pytest.fixture
def home(tmp_path: Path, policies: Path) -> Path:
    (tmp_path / "appliance.yaml").write_text(f"policies: {policies}\n")
    return tmp_path


def _add(home: Path, *options: str) -> Done:
    return run("client", "add", "his", "--task", "medical-coding", *options, home=home)


def test_the_key_that_was_shown_opens_the_gateway(home: Path) -> None:
    added = _add(home, "--json").json()

    registry = Registry.open(home / "clients.json", home / "secrets")
    actor = Authenticator(registry).authenticate(f"Bearer {added['key']}")
    assert actor.client_id == added["client_id"]
    assert actor.tasks == {"medical-coding"}
    assert (actor.tenant, actor.roles) == ("sandbox", {"integration"})


def test_the_key_is_shown_once_and_stands_in_no_file(home: Path) -> None:
    key = _add(home, "--json").json()["key"]

    assert key not in run("client", "list", "--json", home=home).out
    assert all(key not in path.read_text(errors="replace") for path in home.rglob("*") if path.is_file())


def test_a_person_is_told_the_key_and_that_it_is_not_kept(home: Path) -> None:
    shown = _add(home)

    assert shown.code == 0
    assert "sk-appl-" in shown.out
    assert "cannot be shown again" in shown.out


def test_an_unknown_task_is_refused_with_the_list_of_tasks(home: Path) -> None:
    refused = run("client", "add", "his", "--task", "horoscope", home=home)

    assert refused.code == 1
    assert "'horoscope'" in refused.err
    assert "medical-coding" in refused.err
    assert run("client", "list", "--json", home=home).json() == []


def test_a_role_of_people_cannot_be_given_to_a_program(home: Path) -> None:
    refused = _add(home, "--role", "privacy-officer")

    assert refused.code == 1
    assert "integration" in refused.err


def test_a_client_without_a_task_is_wrong_use(home: Path) -> None:
    assert run("client", "add", "his", home=home).code == 2


def test_a_revoked_key_is_refused(home: Path) -> None:
    added = _add(home, "--json").json()

    revoked = run("client", "revoke", "his", home=home)

    assert revoked.code == 0
    with pytest.raises(NotAuthenticatedError):
        Authenticator(Registry.open(home / "clients.json", home / "secrets")).authenticate(f"Bearer {added['key']}")


def test_revoking_tells_programs_when(home: Path) -> None:
    client = _add(home, "--json").json()["client_id"]

    assert run("client", "revoke", client, "--json", home=home).json()["revoked"]


def test_a_client_that_does_not_exist_cannot_be_revoked(home: Path) -> None:
    refused = run("client", "revoke", "nobody", home=home)

    assert refused.code == 1
    assert "appliance client list" in refused.err


def test_the_list_shows_revoked_clients_too(home: Path) -> None:
    _add(home, "--tenant", "st-mary")
    run("client", "revoke", "his", home=home)

    shown = run("client", "list", home=home)

    assert "st-mary" in shown.out
    assert "revoked" in shown.out


@pytest.fixture
def recorded(home: Path) -> Path:
    new_trail(home)
    return home


def operations(home: Path) -> list[tuple[str, str]]:
    """Return code and client id of every change of the register that the trail tells of."""
    with Rows.open(sqlite_address(home / "audit" / "trail.db")) as rows:
        question = ask({"kind": "operation"}, now=datetime.now(UTC), by_event=True)
        page = Reader(rows).find(question, {})
    return [(found.entries[0].leaf.code, str(found.entries[0].facts["client_id"])) for found in reversed(page.rows)]


def test_each_change_of_the_register_is_an_operation_of_the_trail(recorded: Path) -> None:
    with running_recorder(recorded):
        client = _add(recorded, "--json").json()["client_id"]
        run("client", "revoke", "his", home=recorded)

    assert operations(recorded) == [("client_added", client), ("client_revoked", client)]


def test_a_client_whose_record_is_refused_is_not_let_in(recorded: Path) -> None:
    (recorded / "audit" / "keys").rename(recorded / "audit" / "kept")
    (recorded / "audit" / "keys").mkdir()
    (recorded / "audit" / "keys" / "checkpoint.key").write_bytes((recorded / "audit/kept/checkpoint.key").read_bytes())
    with running_recorder(recorded):
        refused = _add(recorded)

    assert refused.code == 1
    assert "audit" in refused.err
    assert run("client", "list", "--json", home=recorded).json() == []


def test_without_a_recorder_the_operator_is_told_when_the_change_is_recorded(home: Path) -> None:
    assert "at its start" in _add(home).err
