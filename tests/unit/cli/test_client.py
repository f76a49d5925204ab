"""The operator adds, lists and revokes clients; a key is shown once and kept nowhere."""

from pathlib import Path

import pytest

from appliance.auth.authenticate import Authenticator
from appliance.auth.registry import Registry
from appliance.errors import NotAuthenticatedError
from tests.support.command_line import Done, run


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
