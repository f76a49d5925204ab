"""Checks of what only a site has: five users' folders, the hospital's certificates, units in the supervisor's place.

The installer makes all of it; a check says what differs, and the playbook puts it back.  Run by root, because nobody
else may look into every program's folder.  Changes nothing, and opens no secret.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from appliance.auth.issued_certificate import check_pair
from appliance.cli.doctor_finding import Finding, failed, ok, warning
from appliance.cli.record import ask_health
from appliance.cli.site_state import TARGET, find_running
from appliance.cli.supervisor_state import Running
from appliance.clock import Clock
from appliance.config import Config, Site
from appliance.errors import ConfigError
from appliance.last_backup import last_backup

WARN_BEFORE = timedelta(days=45)
"""A hospital's authority may take weeks to issue a certificate."""

LATE_BACKUP = timedelta(hours=36)
"""One a night, with half a day for a slow medium; the alert ApplianceBackupOld says the same."""

PLAYBOOK = "run the playbook, which puts it back, after finding out who changed it"
"""What to do about an owner or a mode."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder as the installer makes it."""

    path: Path
    owner: int
    mode: int
    """The most that anybody may do there."""

    is_secret: bool = False
    """True if no file in it may be read by anybody but its owner."""


def folders_of(config: Config, site: Site) -> tuple[_Folder, ...]:
    """Return the folders of a site, with their owners and modes."""
    users = site.users
    return (
        _Folder(config.home, 0, 0o755),
        _Folder(config.gateway_home, users.gateway, 0o700),
        _Folder(config.secrets, users.gateway, 0o700, is_secret=True),
        _Folder(config.broker_home, users.broker, 0o700),
        _Folder(config.engine_home, users.engine, 0o700),
        _Folder(config.trail, users.recorder, 0o750),
        _Folder(config.custodian, users.console, 0o700),
        _Folder(config.approvals, users.console, 0o755),
        _Folder(config.exclusion_secrets, 0, 0o750),
        _Folder(site.etc / "tls", 0, 0o700),
        _Folder(site.etc / "credentials", 0, 0o700, is_secret=True),
    )


def modes(config: Config, site: Site) -> Iterator[Finding]:
    """Hold each program's folder against the owner and the mode that the installer gave it."""
    wanted = [folder for folder in folders_of(config, site) if folder.path.exists()]
    wrong = [told for folder in wanted for told in _wrong(folder)]
    for told in wrong:
        yield failed("file modes", told, PLAYBOOK)
    if not wrong:
        yield ok("file modes", f"{len(wanted)} folders of five users, as installed")


def certificates(config: Config, site: Site) -> Iterator[Finding]:
    """Check the pairs of gateway and console as a caller will."""
    for program in ("gateway", "console"):
        certificate, key = (config.tls / f"{program}.{end}" for end in ("crt", "key"))
        try:
            ends = check_pair(certificate, key, hostname=site.hostname).not_valid_after_utc
        except ConfigError as error:
            yield failed("certificates", error.public, "as the sentence says")
            continue
        yield _lifetime(program, ends)


def backups(config: Config) -> Iterator[Finding]:
    """Look when the last backup was made."""
    made = last_backup(config.backup_mark)
    cure = "'systemctl status appliance-backup.service'; without one name appliance_backup in the inventory"
    found = f"the last one is of {made:%Y-%m-%d %H:%M} UTC" if made else "none was made yet"
    if made and Clock().now() - made <= LATE_BACKUP:
        yield ok("backups", found)
    else:
        yield warning("backups", found, cure)


def trail(config: Config) -> Iterator[Finding]:
    """Ask the recorder, who alone opens the database at a site."""
    health = ask_health(config.recorder_socket)
    if "problem" in health:
        yield warning("trail", str(health["problem"]), "'systemctl status appliance-recorder'")
    elif health.get("state") != "open":
        reason = str(health.get("reason") or health.get("state"))
        yield failed("trail", f"the recorder takes no record: {reason}", "'audit verify', and keep every file as it is")
    else:
        yield ok(
            "trail", f"the recorder takes records, {health.get('size', 0)} so far; 'audit verify' proves the trail"
        )


def programs(config: Config) -> Iterator[Finding]:
    """Look what systemd runs."""
    running = find_running(config)
    if running is None:
        yield ok("supervisor", f"not running; start it with 'systemctl start {TARGET}'")
        return
    yield from _processes(running)


def _processes(running: Running) -> Iterator[Finding]:
    for name, process in running.processes.items():
        found = f"{name} {process.state.replace('_', ' ')}"
        if process.state == "running":
            yield ok("supervisor", found)
        else:
            why = process.detail or "no reason known"
            yield warning("supervisor", f"{found}: {why}", f"'systemctl status appliance-{name}'")


def _lifetime(program: str, ends: datetime) -> Finding:
    found = f"{program}.crt is good until {ends:%Y-%m-%d}"
    if ends - Clock().now() <= WARN_BEFORE:
        advice = "ask the hospital's certificate authority for the next one, and run rotate.yml"
        return warning("certificates", found, advice)
    return ok("certificates", found)


def _wrong(folder: _Folder) -> Iterator[str]:
    status = folder.path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        yield f"{folder.path} is no folder"
        return
    if status.st_uid != folder.owner:
        yield f"{folder.path} belongs to user {status.st_uid}, not to user {folder.owner}"
    if status.st_mode & 0o7777 & ~folder.mode:
        yield f"{folder.path} has mode {status.st_mode & 0o7777:04o}, more than {folder.mode:04o}"
    if folder.is_secret:
        yield from (f"{file.path}: others may read it" for file in _open_files(folder.path))


def _open_files(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return [entry for entry in entries if entry.stat(follow_symlinks=False).st_mode & 0o077]
