"""Doctor finds a site as it was installed good, and names what differs with what to do."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from appliance.cli import doctor_home, doctor_site
from appliance.cli.doctor_finding import Finding, Verdict
from appliance.cli.record import operator
from appliance.clock import Clock
from appliance.config import Config, load_config
from appliance.last_backup import tell_backup
from tests.support.listening_as import listening_as
from tests.support.other_users import needs_root
from tests.support.recorder_stand_in import recorder_that_answers
from tests.support.witnesses import Authority

pytestmark = needs_root

HOST = "appliance.hospital.example"


@pytest.fixture
def config(tmp_path: Path, run_folder: Path, policies: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return a site as the installer leaves it, on a machine without systemd."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "home").mkdir()
    (tmp_path / "etc" / "tls").mkdir(parents=True)
    (tmp_path / "ca").mkdir()
    site = {"run": str(run_folder), "etc": str(tmp_path / "etc"), "hostname": HOST}
    settings = {"site": site, "policies": str(policies), "port": 9, "console_port": 9}
    (tmp_path / "home" / "appliance.yaml").write_text(yaml.safe_dump(settings))
    made = load_config(tmp_path / "home")
    assert made.site is not None
    for folder in doctor_site.folders_of(made, made.site):
        folder.path.mkdir(exist_ok=True)
        folder.path.chmod(folder.mode)
        os.chown(folder.path, folder.owner, folder.owner)
    issue(made, Authority.make(tmp_path / "ca"), days=(-1, 90))
    return made


def issue(config: Config, authority: Authority, *, days: tuple[int, int]) -> None:
    """Put the pairs of gateway and console into root's folder."""
    for name in ("gateway", "console"):
        for file, ending in zip(authority.issue(name, host=HOST, days=days), ("crt", "key"), strict=True):
            shutil.copy(file, config.tls / f"{name}.{ending}")
            (config.tls / f"{name}.{ending}").chmod(0o600)


def told(findings: list[Finding], verdict: Verdict) -> list[str]:
    """Return what was found with a verdict."""
    return [finding.found for finding in findings if finding.verdict is verdict]


def test_a_site_as_installed_has_good_folders_and_certificates(config: Config) -> None:
    [modes] = doctor_home.modes(config)
    certificates = list(doctor_home.certificates(config))

    assert (modes.verdict, modes.found) == (Verdict.OK, "11 folders of five users, as installed")
    assert [finding.verdict for finding in certificates] == [Verdict.OK, Verdict.OK]
    assert certificates[0].found.startswith("gateway.crt is good until ")


def test_a_folder_of_another_user_too_open_or_no_folder_is_named(config: Config) -> None:
    os.chown(config.broker_home, 1000, 1000)
    config.custodian.chmod(0o770)
    config.engine_home.rmdir()
    config.engine_home.symlink_to(config.home)
    (config.secrets / "pepper").touch()
    (config.secrets / "pepper").chmod(0o640)

    findings = list(doctor_home.modes(config))

    assert set(told(findings, Verdict.FAILED)) == {
        f"{config.broker_home} belongs to user 1000, not to user 863",
        f"{config.custodian} has mode 0770, more than 0700",
        f"{config.engine_home} is no folder",
        f"{config.secrets / 'pepper'}: others may read it",
    }
    assert all("run the playbook" in finding.advice for finding in findings)


def test_a_certificate_that_ends_soon_is_a_warning_and_a_missing_one_a_failure(config: Config, tmp_path: Path) -> None:
    issue(config, Authority.make(tmp_path / "ca"), days=(-1, 20))
    (config.tls / "console.crt").unlink()

    gateway, console = doctor_home.certificates(config)

    assert (gateway.verdict, console.verdict) == (Verdict.WARNING, Verdict.FAILED)
    assert "run rotate.yml" in gateway.advice
    assert "console.crt cannot be read" in console.found


def test_the_trail_is_the_recorders_to_tell_of(config: Config, tmp_path: Path) -> None:
    [silent] = doctor_home.trail(config)

    assert silent.verdict is Verdict.WARNING
    assert silent.found.startswith("the recorder does not answer")

    config.run_of("recorder").symlink_to(tmp_path / "run")
    with recorder_that_answers(tmp_path, {"health": {"result": {"state": "open", "size": 7}}}):
        [good] = doctor_home.trail(config)
    with recorder_that_answers(tmp_path, {"health": {"result": {"state": "quarantined", "reason": "a leaf differs"}}}):
        [bad] = doctor_home.trail(config)

    assert (good.verdict, bad.verdict) == (Verdict.OK, Verdict.FAILED)
    assert "takes records, 7 so far" in good.found
    assert "takes no record: a leaf differs" in bad.found


def test_the_programs_are_those_of_systemd(config: Config, tmp_path: Path) -> None:
    [idle] = doctor_home.supervisor(config)
    assert (idle.verdict, idle.found) == (
        Verdict.OK,
        "not running; start it with 'systemctl start appliance.target'",
    )

    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "systemctl"
    program.write_text(
        "#!/bin/sh\necho Id=appliance-broker.service\necho LoadState=loaded\n"
        "echo ActiveState=activating\necho MainPID=7\n"
    )
    program.chmod(0o755)
    config.run_of("recorder").mkdir()
    with listening_as(config.recorder_socket, 864):
        found = list(doctor_home.supervisor(config))

    assert told(found, Verdict.OK) == ["recorder running"]
    assert "broker starting: no reason known" in told(found, Verdict.WARNING)
    assert "'systemctl status appliance-broker'" in [finding.advice for finding in found]


def test_the_trail_tells_the_person_behind_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "m.admin")
    assert operator() == "m.admin"

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("LOGNAME", "somebody")
    assert operator() == "somebody"


def test_a_backup_that_is_late_or_was_never_made_is_a_warning_and_last_nights_is_not(config: Config) -> None:
    config.backup_mark.mkdir(exist_ok=True)
    found = []
    for age in (None, timedelta(hours=20), timedelta(hours=37)):
        if age is not None:
            tell_backup(config.backup_mark, name="appliance-1.tar.gpg", made=Clock().now() - age)
        [finding] = doctor_home.backups(config)
        found.append(finding.verdict)

    assert found == [Verdict.WARNING, Verdict.OK, Verdict.WARNING]
