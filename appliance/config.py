"""The appliance's settings: one file, one folder of state, wrong at start and never later.

``HOME/appliance.yaml`` is optional; without it the embedded default runs: loopback, self-made TLS, SQLite and
the sandbox tenant.  Unknown keys are refused.  Secrets are never here, only the files that hold them.

With a section ``site`` the five programs are five Unix users under systemd: each has a folder of its own in HOME and
in ``/run``, which the installer makes and the programs only check (`check_own`).  Without it nothing of that counts.
"""

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from appliance.durable_file import make_named
from appliance.errors import ConfigError

CHECKOUT = Path(__file__).resolve().parent.parent
"""Root of the installed tree; ``policies/`` and the default ``var/`` stand here."""

MAX_SOCKET_PATH_BYTES = 107
"""Linux ``sun_path`` holds 108 bytes with its final NUL (unix(7))."""

CREDENTIALS_FOLDER = "CREDENTIALS_DIRECTORY"
"""Where systemd says that it put a unit's credentials (systemd.exec(5)); only root and the unit's user read there."""

NOTHING, GROUP_READS = 0o000, 0o050
"""What others than its owner may do in a program's folder: nothing; its group may go through and list it."""

ProgramName = Literal["gateway", "engine", "broker", "recorder", "console"]
"""The five programs; at a site each is a Unix user, whose group has the same number."""

_Positive = Annotated[float, Field(gt=0)]
_UserId = Annotated[int, Field(gt=0, lt=2**32 - 1)]
"""Never root, and never the number that chown(2) reads as "leave it"."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EngineConfig(_Section):
    """Where local drafts come from."""

    profile: Literal["cpu", "a100x2", "a100x2x2"] = "cpu"
    """Typed set of vLLM's flags (`engine.profiles`)."""

    upstream: str | None = None
    """An OpenAI-compatible server in vLLM's place: ``http://127.0.0.1:PORT`` or ``unix:PATH``; loopback only."""

    upstream_model: str | None = None
    """The model name to ask an external upstream for; its first model when absent."""

    model: Path = CHECKOUT / "var" / "models" / "smollm2-135m-instruct-awq"
    """Folder with the pinned weights and their manifest."""

    python: Path = CHECKOUT / ".venv-engine" / "bin" / "python"
    """Interpreter of the engine's own environment."""


class Limits(_Section):
    """Bounds on what one caller, and all together, may ask for."""

    body_bytes: int = Field(default=2 * 1024 * 1024, ge=1024)
    """A long chart is about 1 MB of JSON."""

    header_bytes: int = Field(default=32 * 1024, ge=4096)
    json_depth: int = Field(default=32, ge=4)
    body_timeout_s: _Positive = 20.0
    """Whole body, and whole head, must have arrived by then: answers slow-loris."""

    concurrency: int = Field(default=8, ge=1)
    """Requests in the engine at once; the cpu profile's ``max_num_seqs``."""

    queue: int = Field(default=64, ge=0)
    """Requests that may wait for a place, over all priority classes."""

    connections: int = Field(default=512, ge=8)
    """Open connections; above it new ones are answered 503."""


class SiteUsers(_Section):
    """User ids of the five programs; each has a group with its number."""

    gateway: _UserId = 861
    engine: _UserId = 862
    broker: _UserId = 863
    recorder: _UserId = 864
    console: _UserId = 865

    @model_validator(mode="after")
    def _are_different(self) -> Self:
        """Two programs with one user could read each other's folders, and nothing would be told apart on a socket."""
        if len(set(dict(self).values())) < len(dict(self)):
            message = "the five programs need five different user ids"
            raise ValueError(message)
        return self


class Site(_Section):
    """Where the five programs stand when systemd starts each as its own user."""

    users: SiteUsers = SiteUsers()
    run: Path = Path("/run")
    """Above the programs' folders of sockets, ``appliance-PROGRAM`` each (systemd's ``RuntimeDirectory=``)."""

    hostname: str | None = None
    """The name by which callers reach the gateway; its certificate must hold it."""

    etc: Path = Path("/etc/appliance")
    """Root's folder with the certificates and credentials that systemd hands out; only commands look into it."""

    @field_validator("run")
    @classmethod
    def _holds_sockets(cls, run: Path) -> Path:
        if (
            not run.is_absolute()
            or len(os.fsencode(run / "appliance-recorder" / "recorder.sock")) > MAX_SOCKET_PATH_BYTES
        ):
            message = "must be an absolute path that is short enough for Unix sockets (107 bytes with their names)"
            raise ValueError(message)
        return run

    def run_of(self, program: ProgramName) -> Path:
        """Return the folder of one program's sockets and state files."""
        return self.run / f"appliance-{program}"


def _cache_of(validated: dict[str, Any]) -> Path:
    """Return the cache's place when none was given: the gateway's own folder at a site."""
    if validated.get("site") is None:
        return CHECKOUT / "var" / "cache"
    return Path(validated["home"]) / "gateway" / "cache"


class Config(_Section):
    """Everything that a process of the appliance is told at start."""

    home: Path
    """The folder with all state of this appliance."""

    site: Site | None = None
    """How five users share HOME; None for the embedded default, where one user runs everything."""

    tenant: str = "sandbox"
    """Tenant of newly added clients; a site sets its own name, and illustrative evidence ends."""

    host: str = "127.0.0.1"
    port: int = Field(default=8443, ge=0, le=65535)
    console_port: int = Field(default=8444, ge=0, le=65535)
    metrics_port: int = Field(default=8445, ge=0, le=65535)
    """Prometheus listener, always on loopback."""

    policies: Path = CHECKOUT / "policies"
    cache: Path = Field(default_factory=_cache_of)
    """What is made from installed libraries and named by their version; holds no state, may be deleted."""

    guard_models: Path = CHECKOUT / "var" / "models" / "guard"
    """Folder of the PHI guard's name models, filled by `make gateway` and checked by digest at every start."""

    engine: EngineConfig = EngineConfig()
    limits: Limits = Limits()

    @property
    def tls(self) -> Path:
        """Folder of the self-made CA and certificate; at a site of what the hospital issued, which only root reads."""
        return self.site.etc / "tls" if self.site else self.home / "tls"

    @property
    def gateway_home(self) -> Path:
        """Folder of what only the gateway reads and writes; HOME itself in the embedded default."""
        return self.home / "gateway" if self.site else self.home

    @property
    def clients(self) -> Path:
        """The client registry file."""
        return self.gateway_home / "clients.json"

    @property
    def secrets(self) -> Path:
        """Folder of the gateway's own secrets, such as the API key pepper; mode 0700."""
        return self.gateway_home / "secrets"

    @property
    def latest_time(self) -> Path:
        """The latest time that the gateway ever saw, so that a clock set back opens no ended agreement again."""
        return self.gateway_home / "latest-time.json"

    @property
    def trail(self) -> Path:
        """The recorder's folder: database, public keys, checkpoint key."""
        return self.home / "audit"

    @property
    def custodian(self) -> Path:
        """The custodian's folder: passphrase file and wrapped private keys; the recorder never reads it."""
        return self.home / "custodian"

    @property
    def backup_mark(self) -> Path:
        """Folder in which a backup says when it was made; root writes, the gateway reads."""
        return self.home / "backup"

    @property
    def approvals(self) -> Path:
        """Folder of what two people approved, one receipt a policy bundle, and of what is closed by hand."""
        return self.home / "approvals"

    @property
    def exclusions(self) -> Path:
        """The list of excluded patients, as keyed digests."""
        return self.home / "exclusions" / "exclusions.json" if self.site else self.home / "exclusions.json"

    @property
    def exclusion_secrets(self) -> Path:
        """Folder of the list's key and head; at a site beside the list: the gateway reads them, only root writes."""
        return self.home / "exclusions" if self.site else self.secrets

    @property
    def broker_home(self) -> Path:
        """The broker's own folder: credentials, what was spent today, the latest time that was seen."""
        return self.home / "broker"

    @property
    def broker_clock(self) -> Path:
        """The latest time that the broker ever saw; as `latest_time`."""
        return self.broker_home / "clock.json"

    @property
    def engine_home(self) -> Path:
        """Where the engine works and keeps its caches: nothing of ours can be imported from there."""
        return self.home / "engine" if self.site else self.home / "engine-cache"

    @property
    def log(self) -> Path:
        """Folder of one JSON-lines log a process; at a site systemd's journal takes its place."""
        return self.home / "log"

    @property
    def run(self) -> Path:
        """Folder of sockets, lock and state files; a private one under the temporary folder if HOME is too deep.

        At a site that of the gateway alone: each of the others has its own.
        """
        if self.site:
            return self.site.run_of("gateway")
        wanted = self.home / "run"
        if len(os.fsencode(wanted / "recorder.sock")) <= MAX_SOCKET_PATH_BYTES:
            return wanted
        name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"appliance-{os.getuid()}-{name}"

    def run_of(self, program: ProgramName) -> Path:
        """Return the folder of one program's sockets and state files; one for all in the embedded default."""
        return self.site.run_of(program) if self.site else self.run

    @property
    def engine_socket(self) -> Path:
        """The engine listens here."""
        return self.run_of("engine") / "engine.sock"

    @property
    def recorder_socket(self) -> Path:
        """The recorder listens here."""
        return self.run_of("recorder") / "recorder.sock"

    @property
    def broker_socket(self) -> Path:
        """The broker listens here."""
        return self.run_of("broker") / "broker.sock"

    @property
    def engine_state(self) -> Path:
        """Whoever runs the engine's process writes here what it is doing; the gateway reads it."""
        return self.run_of("engine") / "engine.json"


def default_home() -> Path:
    """Return ``APPLIANCE_HOME``, or ``var/`` in the checkout."""
    return Path(os.environ.get("APPLIANCE_HOME") or CHECKOUT / "var").absolute()


def load_config(home: Path | None = None) -> Config:
    """Read ``HOME/appliance.yaml`` if there is one.  Raises ConfigError naming file, key and reason."""
    root = (home or default_home()).absolute()
    file = root / "appliance.yaml"
    try:
        settings = yaml.safe_load(file.read_text()) if file.exists() else {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        message = f"{file} cannot be read as YAML; mend or remove it."
        raise ConfigError(message, detail=type(error).__name__) from error
    if not isinstance(settings, dict | None):
        message = f"{file} must hold a mapping of settings."
        raise ConfigError(message)
    try:
        return Config.model_validate({**(settings or {}), "home": root})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        message = f"{file}: '{key}': {first['msg']}."
        raise ConfigError(message) from error


def is_private(status: os.stat_result, *, user: int) -> bool:
    """Say whether nobody but root and this user can read a file.

    systemd gives root's file to the unit's user by an ACL, whose mask stands in the group's bits (acl(5)): root's group
    itself gains nothing by it.
    """
    is_roots = status.st_uid == 0 and status.st_gid == 0 and user != 0
    return not status.st_mode & (0o037 if is_roots else 0o077)


def make_private(folder: Path) -> Path:
    """Create a folder for this user alone and return it.  Raises ConfigError if it belongs to somebody else."""
    if not folder.exists():
        make_named(folder, mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        message = f"{folder} is not a folder of this user; remove it or choose another --home."
        raise ConfigError(message)
    folder.chmod(0o700)
    return folder


def enter_private(folder: Path) -> Path:
    """Return a program's private folder: as `make_private`, but root may work in it too, and it stays the program's.

    Only for folders below HOME, which the operator has named; elsewhere a foreign folder is a trap for root.
    """
    if not folder.exists():
        make_named(folder, mode=0o700)
    status = folder.lstat()
    if os.geteuid() != 0 or status.st_uid == 0:
        return make_private(folder)
    # Looked at and never changed: its owner could put a link in its place in between.
    if not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o077:
        raise ConfigError(f"{folder} is no folder of mode 0700; look who changed it, and run the playbook.")
    return folder


def check_own(folder: Path, *, others: int) -> Path:
    """Return a folder of this program at a site, made by the installer.  Raises ConfigError saying what is wrong."""
    advice = "run the playbook, which makes it and sets its owner and mode"
    try:
        status = folder.lstat()
    except OSError as error:
        raise ConfigError(f"{folder} cannot be used ({error.strerror}); {advice}.") from error
    if not stat.S_ISDIR(status.st_mode):
        raise ConfigError(f"{folder} is no folder; move away what stands there and {advice}.")
    if status.st_uid != os.geteuid():
        raise ConfigError(f"{folder} belongs to user {status.st_uid}, not to user {os.geteuid()}; {advice}.")
    if status.st_mode & 0o077 & ~others:
        raise ConfigError(f"{folder} has mode {status.st_mode & 0o777:04o}, which lets others in; {advice}.")
    return folder
