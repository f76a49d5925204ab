"""The command refuses where there is nothing to prove, and says where it is run."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from appliance.cli.isolation import app
from appliance.errors import ConfigError


def test_an_appliance_without_a_site_has_no_isolation_to_prove(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["verify", "--home", str(tmp_path)])

    assert isinstance(done.exception, ConfigError)
    assert "sudo appliance isolation verify" in done.exception.public


def test_a_site_without_its_network_file_is_told_what_to_run(tmp_path: Path) -> None:
    (tmp_path / "appliance.yaml").write_text("site: {}\n")
    if Path("/etc/appliance/network.yaml").exists():
        pytest.skip("this machine is a site")

    done = CliRunner().invoke(app, ["verify", "--home", str(tmp_path)])

    assert isinstance(done.exception, ConfigError)


def test_the_check_of_an_unknown_unit_is_wrong_use(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["check", "--unit", "database", "--home", str(tmp_path)])

    assert done.exit_code == 2
