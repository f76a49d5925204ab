"""The second day of an appliance, on a real systemd: backup, upgrade and going back, keys, and the end of it.

The steps are those of an operator, in order, on one host; a client on the LAN asks all the while.  They take longer
than the suite has, so `make host-test` runs them.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.backup_keys import keeper
from tests.support.target_host import Controller, TargetHost, World
from tests.support.target_host.clinic import Clinic
from tests.support.target_host.converged import Converged
from tests.support.target_host.day_two import newer_medium, steady_client

pytestmark = pytest.mark.skipif("HOST_THOROUGH" not in os.environ, reason="takes 15 minutes; 'make host-test' runs it")

TASK = "document-classification"
HOME = "/var/lib/appliance"
READER = "compliance-officer"
"""May approve that a trail goes on."""

BACKUPS = "/var/backups/appliance"
NEWER = "/media/newer"
BREAK = "/etc/systemd/system/appliance-gateway.service.d/break.conf"


@pytest.fixture(scope="module")
def variables(converged: Converged) -> Mapping[str, Any]:
    """Return the site's variables, with a keeper of backups."""
    backup = {"target": BACKUPS, "recipient": str(keeper().public)}
    return {**converged.site.variables, "appliance_backup": backup}


@pytest.fixture(scope="module")
def host(converged: Converged, outside: World, suite: str) -> Iterator[TargetHost]:
    with converged.off(outside) as host:
        host.binds[NEWER] = newer_medium(suite)
        host.boot()
        yield host


@pytest.fixture(scope="module")
def operator(
    outside: World, host: TargetHost, variables: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Controller:
    folder = tmp_path_factory.mktemp("controller")
    return Controller(world=outside, hosts=[host], folder=folder, variables=variables)


@pytest.fixture(scope="module")
def clinic(outside: World, host: TargetHost, converged: Converged) -> Clinic:
    made = Clinic(outside=outside, host=host, site=converged.site)
    made.wait_until_ready()
    return made


@pytest.fixture(scope="module")
def key(clinic: Clinic) -> str:
    return clinic.add_client("steady", TASK)


def version(host: TargetHost) -> str:
    return host.exec("readlink", "/opt/appliance/current").output.strip().rpartition("/")[2]


def codes(clinic: Clinic) -> list[str]:
    """Return the operations that the trail tells, oldest first."""
    rows = clinic.told("audit", "query", "--kind", "operation")
    return [code for row in rows["events"] for code in [row["code"]]] if isinstance(rows, dict) else []


def check_recorded(clinic: Clinic, exchanges: list[str]) -> None:
    """Check that each answer that a client has is in the trail, to its outcome."""
    for exchange in exchanges:
        count = clinic.sql(f"select count(*) from record where exchange = '{exchange}'")  # noqa: S608 - our own id
        assert int(count) >= 3, exchange


def test_a_backup_is_made_and_recorded_while_everything_runs(operator: Controller, clinic: Clinic) -> None:
    assert operator.play("site.yml", options=["--tags", "backup"]).code == 0
    made = operator.play("backup.yml")

    assert made.code == 0, made.text
    assert "backup_made" in json.dumps(clinic.told("audit", "query", "--kind", "operation"))
    assert clinic.host.exec("sh", "-c", f"ls {BACKUPS}/*.tar.gpg.receipt.json").code == 0


def test_an_upgrade_that_fails_goes_back_by_itself_and_the_trail_tells_both(
    operator: Controller, clinic: Clinic, key: str
) -> None:
    before = version(clinic.host)
    clinic.host.exec("mkdir", "-p", str(Path(BREAK).parent))
    fails = "! readlink /opt/appliance/current | grep -q next"
    clinic.host.write(BREAK, f"[Service]\nExecStartPre=+/bin/sh -c '{fails}'\n")

    with steady_client(clinic, TASK, key=key) as client:
        failed = operator.play("upgrade.yml", extra={"appliance_medium": NEWER})

    assert failed.code != 0
    assert "went back to" in failed.output, failed.text
    assert version(clinic.host) == before
    assert (client.wrong, bool(client.exchanges)) == ([], True)
    check_recorded(clinic, client.exchanges)
    told = json.dumps(clinic.told("audit", "query", "--kind", "operation"))
    assert all(code in told for code in ("upgrade_begun", "upgrade_failed", "went_back"))


def test_an_upgrade_answers_nobody_wrongly_and_loses_no_record(operator: Controller, clinic: Clinic, key: str) -> None:
    clinic.host.exec("rm", BREAK)
    before = version(clinic.host)

    with steady_client(clinic, TASK, key=key) as client:
        done = operator.play("upgrade.yml", extra={"appliance_medium": NEWER})

    assert done.code == 0, done.text
    assert version(clinic.host) != before
    assert (client.wrong, bool(client.exchanges)) == ([], True)
    check_recorded(clinic, client.exchanges)
    assert clinic.host.exec("audit", "verify", within_s=300).code == 0


def test_one_command_goes_back(operator: Controller, clinic: Clinic, key: str) -> None:
    after = version(clinic.host)

    with steady_client(clinic, TASK, key=key) as client:
        done = operator.play("rollback.yml")

    assert done.code == 0, done.text
    assert version(clinic.host) != after
    assert client.wrong == []
    check_recorded(clinic, client.exchanges)


@pytest.mark.parametrize("tag", ["tls", "credentials", "months", "root"])
def test_keys_and_certificates_are_rotated(operator: Controller, clinic: Clinic, tag: str) -> None:
    done = operator.play("rotate.yml", options=["--tags", tag])

    assert done.code == 0, done.text
    assert clinic.host.exec("audit", "verify", within_s=300).code == 0
    owners = clinic.host.exec("find", f"{HOME}/custodian", f"{HOME}/audit", "-printf", "%h %u\n").output.splitlines()
    assert {line.rpartition(" ")[2] for line in owners} == {"appliance-recorder", "appliance-console"}


def test_with_another_checkpoint_key_the_trail_goes_on_in_a_new_tree_that_names_the_old(
    operator: Controller, clinic: Clinic
) -> None:
    old = clinic.origin()
    keys = (clinic.add_officer("c.first", role=READER), clinic.add_officer("c.second", role=READER))
    approval = clinic.approve_restore(old, keys)

    done = operator.play("rotate.yml", options=["--tags", "checkpoint"], extra={"epoch_approval": approval})

    assert done.code == 0, done.text
    assert clinic.origin() != old
    assert clinic.host.exec("audit", "verify", within_s=300).code == 0
    archive = clinic.host.exec("find", f"{HOME}/archive", "-mindepth", "1", "-maxdepth", "1").output.strip()
    assert clinic.host.exec("audit", "verify", "--home", archive, within_s=300).code == 0
    assert clinic.http("GET", "/readyz").status_code == 200
    assert list(operator.folder.rglob("kept/*.keys"))


def test_a_model_without_the_gates_record_is_refused(operator: Controller) -> None:
    refused = operator.play("upgrade_model.yml")

    assert refused.code != 0
    assert "passed the quality gate" in refused.output


def test_nothing_is_destroyed_without_the_words(operator: Controller) -> None:
    refused = operator.play("decommission.yml")

    assert refused.code != 0
    assert not refused.changed


def test_after_the_end_nothing_opens_and_every_proof_still_holds(operator: Controller, clinic: Clinic) -> None:
    words = {"decommission_confirm": clinic.host.name, "decommission_case": "END-1", "decommission_by": "a and b"}
    done = operator.play("decommission.yml", extra=words)

    assert done.code == 0, done.text
    proof = json.loads(next(operator.folder.rglob("proof.json")).read_text())
    assert re.search("root.json", " ".join(proof["destroyed"]))
    assert proof["verified_without_keys"]["verdict"] == "verified"
