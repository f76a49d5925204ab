"""One supervisor holds a home folder, and ports are decided and checked before anything starts."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.cli.supervisor_claims import (
    StartConflictError,
    check_ports,
    claimed,
    is_claimed,
    why_not_free,
    with_ports,
)
from appliance.config import Config
from appliance.errors import ConfigError


def test_a_claimed_home_folder_is_refused_with_the_holder(tmp_path: Path) -> None:
    with claimed(tmp_path), pytest.raises(StartConflictError, match=f"process {os.getpid()}"), claimed(tmp_path):
        pass


def test_a_claim_ends_with_its_process_however_it_dies(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys\nfrom appliance.cli.supervisor_claims import claimed\n"
        "with claimed(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)

    assert not is_claimed(tmp_path)
    with claimed(tmp_path):
        assert is_claimed(tmp_path)


def test_a_home_folder_that_was_never_used_is_not_claimed(tmp_path: Path) -> None:
    assert not is_claimed(tmp_path)


def test_console_and_metrics_follow_the_gateways_port(tmp_path: Path) -> None:
    decided = with_ports(Config(home=tmp_path, port=9000))

    assert (decided.port, decided.console_port, decided.metrics_port) == (9000, 9001, 9002)


def test_ports_that_are_set_stay(tmp_path: Path) -> None:
    decided = with_ports(Config(home=tmp_path, port=9000, console_port=9100))

    assert (decided.console_port, decided.metrics_port) == (9100, 9002)


def test_port_zero_becomes_three_free_ports(tmp_path: Path) -> None:
    decided = with_ports(Config(home=tmp_path, port=0))

    assert decided.port > 0
    assert (decided.console_port, decided.metrics_port) == (decided.port + 1, decided.port + 2)
    check_ports(decided)


def test_a_console_port_of_zero_is_decided_too(tmp_path: Path) -> None:
    assert with_ports(Config(home=tmp_path, port=9000, console_port=0)).console_port > 0


@pytest.mark.parametrize("ports", [{"port": 65535}, {"port": 9000, "console_port": 9000}])
def test_ports_that_cannot_be_are_refused(tmp_path: Path, ports: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="three different"):
        with_ports(Config.model_validate({"home": tmp_path, **ports}))


def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(StartConflictError, match=f"Port {port} on 127.0.0.1 is in use.*--console-port"):
            check_ports(with_ports(Config(home=tmp_path, port=0, console_port=port)))


def test_an_address_of_another_machine_is_no_place_to_listen() -> None:
    assert "cannot be used" in why_not_free("192.0.2.1", 9000)
