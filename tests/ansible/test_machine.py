"""What only a whole machine shows; `make vm-test` runs it, because it boots one without hardware help."""

import os
from collections.abc import Iterator

import pytest

from tests.support.target_host import reason_to_skip, world
from tests.support.target_machine import TargetMachine, machine

SEALS = """
printf secret | systemd-creds encrypt --with-key=host+tpm2 --tpm2-pcrs=7 --name=key - /root/key.sealed
systemd-creds decrypt --name=key /root/key.sealed -
"""

LUKS = """
printf pw > /root/pw
cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/vdb /root/pw
PASSWORD=pw systemd-cryptenroll --tpm2-device=auto --tpm2-pcrs=7+11 /dev/vdb
/lib/systemd/systemd-cryptsetup attach data /dev/vdb - tpm2-device=auto,headless=1
/lib/systemd/systemd-cryptsetup detach data
"""

CHANGED = """
tpm2_pcrextend 11:sha256=$(printf changed | sha256sum | cut -d' ' -f1)
timeout 60 /lib/systemd/systemd-cryptsetup attach data /dev/vdb - tpm2-device=auto,headless=1
"""

DENIED = """
systemd-run --wait --pipe --quiet -p PrivateNetwork=yes -p IPAddressDeny=any python3 -c '
import socket
listening = socket.create_server(("127.0.0.1", 0))
asks = socket.socket()
asks.settimeout(2)
try:
    asks.connect(listening.getsockname())
    print("reached")
except OSError:
    print("denied")
'
"""


@pytest.fixture(scope="module")
def booted(suite: str) -> Iterator[TargetMachine]:
    if "HOST_MACHINE" not in os.environ:
        pytest.skip("a whole machine takes half an hour; 'make vm-test' boots it")
    if reason := reason_to_skip():
        pytest.skip(reason)
    with world() as outside, machine(outside, suite) as booted:
        yield booted


def test_the_releases_own_kernel_holds_address_filters_and_apparmor(booted: TargetMachine) -> None:
    assert booted.script(DENIED).output == "denied\n"
    assert "apparmor" in booted.ssh("cat", "/sys/kernel/security/lsm").output


def test_audit_runs_and_takes_rules(booted: TargetMachine) -> None:
    assert "enabled 1" in booted.ssh("auditctl", "-s").output


def test_a_credential_is_sealed_to_this_machines_tpm(booted: TargetMachine) -> None:
    assert booted.script(SEALS).output.endswith("secret")


def test_a_volume_that_the_tpm_unlocks_stays_shut_once_the_boot_has_changed(booted: TargetMachine) -> None:
    booted.script(LUKS)

    assert booted.script(CHANGED, check=False).code != 0


def test_a_power_cut_loses_what_was_never_flushed_and_keeps_what_was(booted: TargetMachine) -> None:
    booted.script("echo kept > /root/kept; sync; echo lost > /root/lost")

    booted.cut_power()
    booted.boot()

    assert booted.ssh("cat", "/root/kept").output == "kept\n"
    assert booted.ssh("cat", "/root/lost", check=False).output in ("", "lost\n")
