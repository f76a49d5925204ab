"""A probe that runs with other rights than the program would prove nothing about the program."""

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.isolation.identity import check_identity, check_no_core
from tests.support.isolation import STATUS, a_unit

CGROUP = "0::/appliance.slice/appliance-gateway.service\n"
DEVICES = "Inter-|   Receive\n face |bytes\n    lo:  0\n"


def broken(
    folder: Path, *, cgroup: str = CGROUP, devices: str = DEVICES, own: bool = False, **changed: str
) -> list[str]:
    """Return what does not hold for a process with this status."""
    (folder / "net").mkdir()
    (folder / "status").write_text("".join(f"{name}:\t{value}\n" for name, value in {**STATUS, **changed}.items()))
    (folder / "cgroup").write_text(cgroup)
    (folder / "net/dev").write_text(devices)
    unit = replace(a_unit(folder), has_own_network=own)
    return [each.target for each in check_identity(unit, proc=folder) if not each.holds]


def test_a_confined_process_passes(tmp_path: Path) -> None:
    assert broken(tmp_path, own=True) == []


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"Uid": "0\t861\t861\t861"}, "user"),
        ({"Gid": "0\t0\t0\t0"}, "group"),
        ({"Groups": "861 27"}, "groups"),
        ({"CapBnd": "0000000000002000"}, "capabilities"),
        ({"CapEff": "0000000000000001"}, "capabilities"),
        ({"NoNewPrivs": "0"}, "no new privileges"),
        ({"Seccomp": "0"}, "system call filter"),
        ({"cgroup": "0::/system.slice/ssh.service\n"}, "cgroup"),
        ({"cgroup": "0::/appliance.slice/not-appliance-gateway.service\n"}, "cgroup"),
    ],
)
def test_each_lost_protection_is_named(tmp_path: Path, changed: dict[str, str], found: str) -> None:
    assert broken(tmp_path, **changed) == [found]


def test_an_interface_in_a_network_that_should_be_empty_is_named(tmp_path: Path) -> None:
    assert broken(tmp_path, own=True, devices=DEVICES + "  eth0: 0\n") == ["own network"]


def test_the_core_limit_is_told() -> None:
    assert check_no_core().evidence.startswith("limit ")
