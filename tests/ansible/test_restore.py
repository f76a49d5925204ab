"""The server is gone: its backup goes on, on another one, as a new epoch of the trail that names the old head.

What the hospital kept outside is all that crosses over: the backup and its receipt, the keeper's private key, the
trail's public keys, the custodian's passphrase, a checkpoint, the officers' own keys and the clients' keys.
"""

import base64
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.backup_keys import keeper
from tests.support.canaries import PEOPLE
from tests.support.target_host import Controller, TargetHost, World
from tests.support.target_host.clinic import Clinic, exchange_of
from tests.support.target_host.controller import Played
from tests.support.target_host.converged import PLACE, Converged

pytestmark = pytest.mark.skipif("HOST_THOROUGH" not in os.environ, reason="takes 10 minutes; 'make host-test' runs it")

TASK = "document-classification"
BACKUPS = "/var/backups/appliance"
HOME = "/var/lib/appliance"
READER = "compliance-officer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was outside the server when it was lost."""

    folder: Path
    """backup.tar.gpg under its own name, its receipt, verifier.keys, passphrase, checkpoint."""

    backup: Path
    origin: str
    client_key: str
    officers: tuple[str, str]
    """The officers' keys themselves."""

    before: str
    """Exchange that the backup holds."""

    after: str
    """Exchange that was answered when the backup had been made: it is lost with the server, and must be missed."""


@pytest.fixture(scope="module")
def variables(converged: Converged, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Return the site's variables, with a keeper of backups and where the passphrase is kept."""
    secret = tmp_path_factory.mktemp("kept") / "passphrase"
    backup = {"target": BACKUPS, "recipient": str(keeper().public)}
    return {**converged.site.variables, "appliance_backup": backup, "appliance_custodian_secret_file": str(secret)}


@pytest.fixture(scope="module")
def kept(outside: World, converged: Converged, variables: Mapping[str, Any]) -> Kept:
    """Let a server work, back it up, let it work on, and lose it."""
    secret = Path(variables["appliance_custodian_secret_file"])
    with converged.off(outside) as host:
        host.boot()
        clinic = Clinic(outside=outside, host=host, site=converged.site)
        clinic.wait_until_ready()
        officers = [host.read(clinic.add_officer(name, role=READER)).strip() for name in ("d.first", "d.second")]
        key = clinic.add_client("ward", TASK)
        before = asked(clinic, key)
        controller = Controller(world=outside, hosts=[host], folder=secret.parent / "first", variables=variables)
        for playbook, options in (("site.yml", ("--tags", "backup")), ("backup.yml", ())):
            played = controller.play(playbook, options=options)
            assert played.code == 0, played.text
        after = asked(clinic, key)
        backup = fetched(host, secret.parent)
        (secret.parent / "verifier.keys").write_text(host.read(f"{HOME}/audit/verifier.keys"))
        (secret.parent / "checkpoint").write_text(host.exec("audit", "checkpoint").output)
        secret.write_text(host.read(f"{HOME}/custodian/passphrase"))
        origin = clinic.origin()
        host.cut_power()
    return Kept(
        folder=secret.parent, backup=backup, origin=origin, client_key=key, officers=(officers[0], officers[1]),
        before=before, after=after,
    )  # fmt: skip


def asked(clinic: Clinic, key: str) -> str:
    """Ask for a task and return the exchange."""
    answer = clinic.ask(TASK, key=key, person=PEOPLE[0], body={"input": {"text": PEOPLE[0].note()}})
    assert answer.status_code == 200, answer.text
    return exchange_of(answer)


def fetched(host: TargetHost, folder: Path) -> Path:
    """Bring the newest backup and its receipt to a folder of this machine."""
    newest = host.exec("sh", "-c", f"ls {BACKUPS}/*.tar.gpg").output.splitlines()[-1]
    backup = folder / Path(newest).name
    backup.write_bytes(base64.b64decode(host.exec("base64", newest).output))
    receipt = f"{newest}.receipt.json"
    (folder / Path(receipt).name).write_text(host.read(receipt))
    return backup


@pytest.fixture(scope="module")
def second(outside: World, converged: Converged, kept: Kept) -> Iterator[Clinic]:
    """Boot a server on which nothing was done yet."""
    assert kept.backup.is_file()
    with outside.host("second", suite=converged.suite) as host:
        host.binds[PLACE] = converged.site.medium.folder
        host.boot()
        yield Clinic(outside=outside, host=host, site=converged.site)


@pytest.fixture(scope="module")
def controller(outside: World, second: Clinic, kept: Kept, variables: Mapping[str, Any]) -> Controller:
    return Controller(world=outside, hosts=[second.host], folder=kept.folder / "second", variables=variables)


def restore(controller: Controller, kept: Kept, **more: str) -> Played:
    """Run the playbook of the disaster."""
    named = {"restore_file": str(kept.backup), "restore_keys": str(kept.folder)}
    return controller.play("restore.yml", extra={**named, "restore_gnupg": str(keeper().homedir), **more})


def test_a_backup_whose_trail_is_not_the_one_that_was_kept_is_refused_before_anything_is_replaced(
    controller: Controller, second: Clinic, kept: Kept, tmp_path: Path
) -> None:
    installed = controller.play("site.yml")
    assert installed.code == 0, installed.text
    (tmp_path / "verifier.keys").write_text(second.host.read(f"{HOME}/audit/verifier.keys"))
    young = second.origin()

    refused = restore(controller, kept, restore_keys=str(tmp_path))

    assert refused.code != 0
    assert any("Check and unpack it" in task for task in refused.failed), refused.text
    assert second.host.exec("systemctl", "start", "appliance.target", within_s=300).code == 0
    second.wait_until_ready()
    assert second.origin() == young


def test_the_backup_goes_into_its_place_and_the_officers_are_told_what_to_do(
    controller: Controller, second: Clinic, kept: Kept
) -> None:
    unpacked = restore(controller, kept)

    assert unpacked.code == 0, unpacked.text
    assert f"audit approval request restore {kept.origin}" in unpacked.output
    assert not second.is_active("gateway")


def test_with_two_officers_approval_the_trail_goes_on_and_names_what_it_came_from(
    controller: Controller, second: Clinic, kept: Kept
) -> None:
    files = [f"/root/{number}.key" for number in range(2)]
    for file, key in zip(files, kept.officers, strict=True):
        second.host.write(file, f"{key}\n", mode="0600")
    approval = second.approve_restore(kept.origin, (files[0], files[1]))

    done = restore(controller, kept, epoch_approval=approval)

    assert done.code == 0, done.text
    assert second.origin() == f"{kept.origin}/e2"
    assert second.readiness()[0] == 200
    assert second.host.exec("audit", "verify", within_s=300).code == 0
    begun = json.loads(second.host.read(f"{HOME}/audit/epoch.json"))["facts"]
    assert (begun["old_origin"], begun["approval"]) == (kept.origin, approval)
    codes = [row["code"] for row in second.told("audit", "query", "--kind", "operation")["rows"]]
    assert "restored" in codes


def test_what_the_backup_held_is_there_and_what_came_after_it_is_missed_by_name(second: Clinic, kept: Kept) -> None:
    archive = second.host.exec("find", f"{HOME}/archive", "-mindepth", "1", "-maxdepth", "1").output.strip()
    second.host.copy(kept.folder / "checkpoint", "/root/checkpoint")
    alone = second.host.exec("audit", "verify", "--home", archive, check=False, within_s=300)
    against = second.host.exec(
        "audit", "verify", "--home", archive, "--checkpoint", "/root/checkpoint", check=False, within_s=300
    )

    assert alone.code == 0, alone.text
    assert against.code == 3, against.text
    assert second.host.exec("audit", "show", kept.before, "--home", archive, check=False).code == 0
    assert second.host.exec("audit", "show", kept.after, "--home", archive, check=False).code == 7


def test_clients_go_on_with_the_keys_that_they_have(second: Clinic, kept: Kept) -> None:
    exchange = asked(second, kept.client_key)

    assert int(second.sql(f"select count(*) from record where exchange = '{exchange}'")) >= 3  # noqa: S608 - our own id


def test_running_the_site_again_changes_nothing_of_the_restored_trail(
    controller: Controller, second: Clinic, kept: Kept
) -> None:
    again = controller.play("site.yml")

    assert again.code == 0, again.text
    assert second.origin() == f"{kept.origin}/e2"
    assert second.host.exec("audit", "verify", within_s=300).code == 0
