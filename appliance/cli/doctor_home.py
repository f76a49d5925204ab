"""Checks of the home folder: weights, policy, certificates, clients, trail, file modes, supervisor.

Before the first `appliance up` most of it does not exist yet, which is no fault.  No check changes anything, and the
trail is opened for reading only, without a key.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from appliance.auth.registry import Registry
from appliance.cli import doctor_site
from appliance.cli.doctor_finding import Finding, failed, ok, warning
from appliance.cli.supervisor_state import read_left, read_running
from appliance.clock import Clock
from appliance.config import Config
from appliance.errors import PhiGuardUnavailableError
from appliance.last_backup import last_backup
from appliance.models.verify import verify
from appliance.phi.model_files import check_files, pinned_files
from appliance.policy.load import load_bundle
from audit.errors import AuditError
from audit.places import find_places
from audit.rows import Rows

NOT_YET = "not made yet: 'appliance up' makes it"
"""What a check says about something that the first start creates."""

WARN_BEFORE = timedelta(days=45)
"""Earlier than the renewal at start (30 days), so that whoever never restarts hears of it."""


def model(config: Config) -> Iterator[Finding]:
    """Read every byte of the weights and hold it against the manifest."""
    if config.engine.upstream is not None:
        yield warning(
            "model",
            f"{config.engine.upstream}: weights cannot be checked",
            "use the engine with pinned weights where answers matter",
        )
        return
    manifest = verify(config.engine.model)
    yield ok("model", f"{len(manifest.files)} files as pinned, sha256:{manifest.digest[:12]}")


def policy(config: Config) -> Iterator[Finding]:
    """Load the bundle as a start would."""
    bundle = load_bundle(config.policies)
    yield ok("policy", f"{len(bundle.tasks)} tasks, {len(bundle.statements)} rules, sha256:{bundle.digest[:12]}")


def guard_models(config: Config) -> Iterator[Finding]:
    """Read every byte of the guard's name models and hold it against the pins."""
    files = len(pinned_files())
    if not config.guard_models.exists():
        yield warning(
            "guard models",
            f"{config.guard_models} is missing: nothing can leave for a managed model",
            "run 'make gateway', which fetches them",
        )
        return
    try:
        check_files(config.guard_models)
    except PhiGuardUnavailableError as error:
        yield failed("guard models", f"{config.guard_models}: {error.detail}", "run 'make gateway' again")
        return
    yield ok("guard models", f"{files} files as pinned")


def certificates(config: Config) -> Iterator[Finding]:
    """Look when the server's certificate and its authority end."""
    if config.site is not None:
        yield from doctor_site.certificates(config, config.site)
        return
    for name in ("ca", "server"):
        file = config.tls / f"{name}.crt"
        if not file.exists():
            yield ok("certificates", f"{file.name}: {NOT_YET}")
            continue
        try:
            certificate = x509.load_pem_x509_certificate(file.read_bytes())
        except ValueError:
            yield failed("certificates", f"{file} is no certificate", "restore it from the backup")
            continue
        end, now = certificate.not_valid_after_utc, Clock().now()
        found = f"{file.name} is good until {end:%Y-%m-%d}"
        if now >= end:
            yield failed("certificates", f"{file.name} ended {end:%Y-%m-%d}", "restart; 'appliance up' renews it")
        elif now >= end - WARN_BEFORE:
            yield warning("certificates", found, "restart within a month; 'appliance up' renews it")
        else:
            yield ok("certificates", found)


def clients(config: Config) -> Iterator[Finding]:
    """Read the register of clients in full."""
    if not config.clients.exists():
        yield ok("clients", "none yet: add one with 'appliance client add'")
        return
    active = [client for client in Registry.open(config.clients, config.secrets).list() if client.revoked is None]
    yield ok("clients", f"{len(active)} active")


def trail(config: Config) -> Iterator[Finding]:
    """Open the trail's database for reading, on SQLite and PostgreSQL alike, and look whether it is one."""
    if config.site is not None:
        yield from doctor_site.trail(config)
        return
    try:
        places = find_places(config.home)
        if not (config.trail / "trail.json").exists() and places.database.is_sqlite:
            yield ok("trail", NOT_YET)
            return
        with Rows.open(places.readers) as rows:
            size = rows.size()
    except AuditError as error:
        yield failed("trail", str(error), "do what it says, and keep the database as it is until then")
        return
    yield ok("trail", f"{size} records in {places.readers}; 'audit verify' proves that it is whole")


def backups(config: Config) -> Iterator[Finding]:
    """Look when the last backup was made; only a site is late with one."""
    if config.site is not None:
        yield from doctor_site.backups(config)
        return
    made = last_backup(config.backup_mark)
    yield ok(
        "backups", f"the last one is of {made:%Y-%m-%d}" if made else "none yet: 'appliance backup make' makes one"
    )


def modes(config: Config) -> Iterator[Finding]:
    """Look for private files and folders that other users can read."""
    if config.site is not None:
        yield from doctor_site.modes(config, config.site)
        return
    private = (config.secrets, config.custodian, config.trail, config.tls / "ca.key", config.tls / "server.key")
    files = [file for place in private if place.exists() for file in (place, *_inside(place))]
    open_ones = [
        file for file in (*files, config.clients, config.exclusions) if file.exists() and file.stat().st_mode & 0o077
    ]
    if open_ones:
        count = f" and {len(open_ones) - 1} more" if len(open_ones) > 1 else ""
        yield failed("file modes", f"{open_ones[0]}{count}: others may read it", "chmod go= them")
    else:
        yield ok("file modes", f"{len(files)} private files and folders")


def supervisor(config: Config) -> Iterator[Finding]:
    """Look what runs, and whether a killed supervisor left its state behind."""
    if config.site is not None:
        yield from doctor_site.programs(config)
        return
    running, left = read_running(config), read_left(config)
    if running is not None:
        yield ok("supervisor", f"process {running.pid}, ready: {'yes' if running.ready else 'no'}")
    elif left is not None and any(process.pid for process in left.processes.values()):
        yield warning("supervisor", "the last one was killed", "nothing to do: the next 'appliance up' cleans up")
    else:
        yield ok("supervisor", "not running")


def _inside(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from place.rglob("*")
