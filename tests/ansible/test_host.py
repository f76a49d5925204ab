"""The whole way of a server, on a real systemd: from bare to a proven appliance, through work, deaths and a reboot.

Each test is a step, in the order in which an operator goes; the host is one, and everything that it sends to anybody is
captured from its first packet on.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.canaries import PEOPLE
from tests.support.packet_capture import Capture, capture, is_tls
from tests.support.target_host import Controller, TargetHost, World
from tests.support.target_host.clinic import SERVICES, Clinic, exchange_of
from tests.support.target_host.converged import Converged
from tests.support.target_host.site import LOCAL_TASK, MANAGED_TASK, VENDOR_HOST
from tests.support.target_host.world import LAN, NETWORK, SINK, VENDOR

pytestmark = pytest.mark.timeout(3000)
"""The first test waits for an installation, and on a new machine for a base system and a medium too."""

NOT_IN_A_CONTAINER = {"auditd.service"}
"""Needs the kernel's audit, which only the first namespace has; `test_machine` shows it."""

EARLY = f"""
[Unit]
DefaultDependencies=no
After=systemd-networkd.service
[Service]
ExecStart=/bin/bash -c 'for n in {{1..600}}; do echo early >/dev/udp/{SINK}/123; sleep 0.1; done'
"""
"""Tries to send from the first moment at which there is a network, for a minute."""


@pytest.fixture(scope="module")
def seen(outside: World) -> Iterator[Capture]:
    with capture(outside.net, LAN) as seen:
        yield seen


@pytest.fixture(scope="module")
def host(converged: Converged, outside: World, seen: Capture) -> Iterator[TargetHost]:  # noqa: ARG001 - from the start
    assert converged.runs.get("verify", converged.runs["check"]).code == 0, (
        "the installation failed; see the first tests"
    )
    with converged.off(outside) as host:
        unit = host.upper / "etc/systemd/system/early.service"
        unit.parent.mkdir(parents=True, exist_ok=True)
        unit.write_text(EARLY)
        wanted = unit.parent / "sysinit.target.wants" / unit.name
        wanted.parent.mkdir(exist_ok=True)
        wanted.symlink_to("/etc/systemd/system/early.service")
        host.boot()
        yield host


@pytest.fixture(scope="module")
def clinic(outside: World, host: TargetHost, converged: Converged) -> Clinic:
    return Clinic(outside=outside, host=host, site=converged.site)


def test_checking_on_a_bare_server_succeeds_and_changes_nothing(converged: Converged) -> None:
    assert converged.runs["check"].code == 0, converged.runs["check"].text
    assert converged.left_by_check == []


def test_one_run_makes_the_appliance(converged: Converged) -> None:
    assert converged.runs["first"].code == 0, converged.runs["first"].text


def test_a_second_run_changes_nothing(converged: Converged) -> None:
    assert converged.runs["again"].code == 0, converged.runs["again"].text
    assert converged.runs["again"].changed == []


def test_the_proof_holds(converged: Converged) -> None:
    assert converged.runs["verify"].code == 0, converged.runs["verify"].text


def test_nothing_was_sent_anywhere_while_the_server_was_made(converged: Converged) -> None:
    assert converged.abroad == []


def test_after_a_reboot_everything_is_back_by_itself(clinic: Clinic) -> None:
    clinic.wait_until_ready()

    assert all(map(clinic.is_active, SERVICES))
    failed = clinic.host.exec("systemctl", "--failed", "--plain", "--no-legend").output.splitlines()
    assert {line.split()[0] for line in failed} <= NOT_IN_A_CONTAINER


def test_isolation_is_proven_again_after_the_reboot(clinic: Clinic) -> None:
    proven = clinic.verify_isolation()

    assert proven.code == 0, proven.text


def test_the_first_packet_after_the_boot_was_filtered_already(clinic: Clinic, seen: Capture) -> None:
    assert clinic.host.exec("systemctl", "show", "-P", "ExecMainStartTimestampMonotonic", "early").output != "0\n"
    counted = clinic.host.in_network("nft", "list", "counter", "inet", "appliance", "refused_others").output
    assert int(re.findall(r"packets (\d+)", counted)[0]) > 0, "nothing was tried"
    assert _abroad(seen, clinic.host) == set()


def test_a_task_from_the_lan_is_answered_and_its_record_is_in_the_database(clinic: Clinic) -> None:
    key = clinic.add_client("ehr", LOCAL_TASK)
    before = int(clinic.sql("select count(*) from record"))

    answer = clinic.ask(LOCAL_TASK, key=key, person=PEOPLE[0], body={"input": {"text": PEOPLE[0].note()}})

    assert answer.status_code == 200, answer.text
    assert answer.headers["Appliance-Route"] == "local"
    clinic.host.until(lambda: int(clinic.sql("select count(*) from record")) >= before + 3)
    shown = clinic.told("audit", "show", exchange_of(answer))
    assert exchange_of(answer) in json.dumps(shown)


def test_what_the_caller_kept_is_verified_outside_with_nothing_but_the_public_keys(
    clinic: Clinic, tmp_path: Path
) -> None:
    key = clinic.add_client("auditor", LOCAL_TASK)
    answer = clinic.ask(LOCAL_TASK, key=key, person=PEOPLE[1], body={"input": {"text": PEOPLE[1].note()}})
    receipt = answer.headers["Appliance-Receipt"]
    kept, keys = tmp_path / "kept.tlog-proof", tmp_path / "verifier.keys"
    kept.write_text(clinic.http("GET", f"/api/v1/exchanges/{exchange_of(answer)}/proof", key=key).text)
    keys.write_text(clinic.host.read("/var/lib/appliance/audit/verifier.keys"))

    options = ["--public-key", str(keys), "--receipt", receipt, "--home", str(tmp_path)]
    command = [sys.executable, "-m", "audit", "verify", str(kept), *options]
    verified = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert clinic.host.exec("audit", "verify", check=False, within_s=300).code == 0


def test_a_draft_leaves_for_the_agreed_provider_when_two_officers_opened_the_way(
    clinic: Clinic, converged: Converged, outside: World
) -> None:
    person = PEOPLE[1]
    key = clinic.add_client("ward", MANAGED_TASK)
    body = {"input": {"notes": person.note()}, "people": [person.resource()]}
    with converged.site.vendor(outside) as vendor:
        before = clinic.ask(MANAGED_TASK, key=key, person=person, body=body)
        clinic.approve_policy()
        clinic.host.until(lambda: clinic.readiness()[0] == 200 and not clinic.readiness()[1].get("warnings"))
        answer = clinic.ask(MANAGED_TASK, key=key, person=person, body=body)

    assert before.status_code != 200
    assert answer.status_code == 200, answer.text
    assert answer.headers["Appliance-Route"] == "managed:vendor"
    assert person.family in answer.text
    assert vendor.names
    assert set(vendor.names) == {VENDOR_HOST}
    assert len(vendor.received) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_a_program_that_is_killed_comes_back(clinic: Clinic, service: str) -> None:
    first = clinic.main_process(service)

    clinic.host.exec("systemctl", "kill", "--kill-whom=main", "--signal=KILL", f"appliance-{service}.service")
    clinic.host.until(
        lambda: clinic.main_process(service) not in (0, first) and clinic.is_active(service), within_s=600
    )

    clinic.wait_until_ready()


def test_what_an_operator_changed_by_hand_is_found_shown_and_put_back(
    clinic: Clinic, converged: Converged, controller: Callable[..., Controller]
) -> None:
    unit = "/etc/systemd/system/appliance-console.service"
    right = clinic.host.read(unit)
    clinic.host.write(unit, right.replace("IPAddressDeny=any", "IPAddressDeny="))
    playing = controller(clinic.host, variables=converged.site.variables)

    shown = playing.play(options=["--check", "--diff", "--tags", "console"])
    mended = playing.play(options=["--tags", "console"])

    assert shown.code == 0, shown.text
    assert "+IPAddressDeny=any" in shown.output
    assert mended.code == 0, mended.text
    assert clinic.host.read(unit) == right


def test_with_the_firewall_gone_the_units_own_filter_still_holds_and_the_proof_turns_red(clinic: Clinic) -> None:
    clinic.host.in_network("nft", "flush", "ruleset")
    try:
        proven = clinic.verify_isolation()
    finally:
        clinic.host.exec("systemctl", "reload", "nftables")
    again = clinic.verify_isolation()

    assert proven.code != 0
    assert again.code == 0, again.text


def test_stopping_and_reloading_the_firewall_leave_no_window(clinic: Clinic, seen: Capture) -> None:
    clinic.host.exec("systemctl", "restart", "early")
    for word in ("reload", "restart", "stop"):
        clinic.host.exec("systemctl", word, "nftables", within_s=300)
    rules = clinic.host.in_network("nft", "list", "ruleset").output
    clinic.host.exec("systemctl", "start", "nftables", "appliance.target", within_s=300)

    assert "policy drop" in rules
    assert _abroad(seen, clinic.host) <= {("tcp", VENDOR, 443)}


def test_everything_that_left_was_tls_to_the_listed_host_and_no_canary_was_anywhere(
    clinic: Clinic, seen: Capture
) -> None:
    clinic.wait_until_ready()
    assert _abroad(seen, clinic.host) == {("tcp", VENDOR, 443)}
    sent = [
        stream for (source, _, to, _), stream in seen.streams().items() if (source, to) == (clinic.host.address, VENDOR)
    ]

    assert sent
    assert all(map(is_tls, sent))
    assert seen.holds(*(canary for person in PEOPLE for canary in person.canaries())) == []


def _abroad(seen: Capture, host: TargetHost) -> set[tuple[str, str, int]]:
    """Return whom the host sent anything beyond its LAN."""
    sent = seen.destinations(host.address, host.address_6)
    return {place for place in sent if not place[1].startswith((f"{NETWORK}.", "ff02:"))}
