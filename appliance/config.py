"""The appliance's settings: one file, one folder of state, wrong at start and never later.

``HOME/appliance.yaml`` is optional; without it the embedded default runs: loopback, self-made TLS, SQLite and
the sandbox tenant.  Unknown keys are refused.  Secrets are never here, only the files that hold them.
"""

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.durable_file import flush_folder
from appliance.errors import ConfigError

CHECKOUT = Path(__file__).resolve().parent.parent
"""Root of the installed tree; ``policies/`` and the default ``var/`` stand here."""

MAX_SOCKET_PATH_BYTES = 107
"""Linux ``sun_path`` holds 108 bytes with its final NUL (unix(7))."""

_Positive = Annotated[float, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EngineConfig(_Section):
    """Where local drafts come from."""

    profile: Literal["cpu", "a100x2"] = "cpu"
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


class Config(_Section):
    """Everything that a process of the appliance is told at start."""

    home: Path
    """The folder with all state of this appliance."""

    tenant: str = "sandbox"
    """Tenant of newly added clients; a site sets its own name, and illustrative evidence ends."""

    host: str = "127.0.0.1"
    port: int = Field(default=8443, ge=0, le=65535)
    console_port: int = Field(default=8444, ge=0, le=65535)
    metrics_port: int = Field(default=8445, ge=0, le=65535)
    """Prometheus listener, always on loopback."""

    policies: Path = CHECKOUT / "policies"
    cache: Path = CHECKOUT / "var" / "cache"
    """What is made from installed libraries and named by their version; holds no state, may be deleted."""

    guard_models: Path = CHECKOUT / "var" / "models" / "guard"
    """Folder of the PHI guard's name models, filled by `make gateway` and checked by digest at every start."""

    engine: EngineConfig = EngineConfig()
    limits: Limits = Limits()

    @property
    def tls(self) -> Path:
        """Folder of the CA and the server's certificate and key."""
        return self.home / "tls"

    @property
    def clients(self) -> Path:
        """The client registry file."""
        return self.home / "clients.json"

    @property
    def secrets(self) -> Path:
        """Folder of the gateway's own secrets, such as the API key pepper; mode 0700."""
        return self.home / "secrets"

    @property
    def trail(self) -> Path:
        """The recorder's folder: database, public keys, checkpoint key."""
        return self.home / "audit"

    @property
    def custodian(self) -> Path:
        """The custodian's folder: passphrase file and wrapped private keys; the recorder never reads it."""
        return self.home / "custodian"

    @property
    def approvals(self) -> Path:
        """Folder of what two people approved, one receipt a policy bundle, and of what is closed by hand."""
        return self.home / "approvals"

    @property
    def exclusions(self) -> Path:
        """The list of excluded patients, as keyed digests."""
        return self.home / "exclusions.json"

    @property
    def broker_home(self) -> Path:
        """The broker's own folder: credentials, what was spent today, the latest time that was seen."""
        return self.home / "broker"

    @property
    def log(self) -> Path:
        """Folder of one JSON-lines log a process."""
        return self.home / "log"

    @property
    def run(self) -> Path:
        """Folder of sockets, lock and state files; a private one under the temporary folder if HOME is too deep."""
        wanted = self.home / "run"
        if len(os.fsencode(wanted / "recorder.sock")) <= MAX_SOCKET_PATH_BYTES:
            return wanted
        name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"appliance-{os.getuid()}-{name}"

    @property
    def engine_socket(self) -> Path:
        """The engine listens here."""
        return self.run / "engine.sock"

    @property
    def recorder_socket(self) -> Path:
        """The recorder listens here."""
        return self.run / "recorder.sock"

    @property
    def broker_socket(self) -> Path:
        """The broker listens here."""
        return self.run / "broker.sock"

    @property
    def engine_state(self) -> Path:
        """The supervisor writes what the engine's process is doing here; the gateway reads it."""
        return self.run / "engine.json"


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


def make_private(folder: Path) -> Path:
    """Create a folder for this user alone and return it.  Raises ConfigError if it belongs to somebody else."""
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flush_folder(folder.parent)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        message = f"{folder} is not a folder of this user; remove it or choose another --home."
        raise ConfigError(message)
    folder.chmod(0o700)
    return folder
