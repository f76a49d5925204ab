"""The ExecStartPre: one line and exit code 1 whenever isolation is not proven, for whatever reason."""

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.isolation.check import main
from tests.support.isolation import write_network
from tests.support.isolation_network import AS_ROOT


def test_a_host_without_the_firewalls_description_starts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--unit", "gateway", "--home", str(tmp_path), "--network", str(tmp_path / "network.yaml")])

    told = capsys.readouterr().err
    assert code == 1
    assert told.startswith("appliance-gateway is not isolated and does not start: ")
    assert told.count("\n") == 1


def test_an_unknown_unit_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--unit", "database", "--home", str(tmp_path)])


@AS_ROOT
def test_outside_of_its_unit_the_check_refuses(tmp_path: Path) -> None:
    network = write_network(tmp_path / "network.yaml")
    check = (sys.executable, "-m", "appliance.isolation.check")
    words = (*check, "--unit", "recorder", "--home", str(tmp_path), "--network", str(network))

    # In an empty network, so that nothing of it leaves the machine that runs the tests.
    done = subprocess.run(  # fixed words
        ("/usr/bin/unshare", "--net", *words), capture_output=True, text=True, check=False, timeout=30
    )

    assert done.returncode == 1
    assert "does not start" in done.stderr
