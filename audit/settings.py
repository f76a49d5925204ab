"""The site's settings of its trail: ``HOME/trail.yaml``, wrong at start and never later.

Without the file the embedded default runs: SQLite in the trail's folder, and one witness file beside that folder.
Unknown keys are refused.  Secrets never stand here, only the files that hold them: a database address with a password
in it is refused, because it would end up in backups and in the list of processes.

Example::

    database: postgresql:///trail?host=/var/run/postgresql&user=appliance-recorder
    readers: postgresql:///trail?host=/var/run/postgresql&user=appliance-console
    witnesses:
      - {kind: file, path: /mnt/worm/checkpoints.log}
      - {kind: syslog, host: siem.hospital.example, ca: /etc/appliance/siem-ca.pem, relay: /run/witness/relay.sock}
    run: /run/appliance-recorder
    reserve_mib: 512
"""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from audit.errors import SettingsError

FILE_NAME = "trail.yaml"
"""Name of the file in the appliance's home."""

SYSLOG_TLS_PORT = 6514
"""RFC 5425 section 4.1."""

RESERVE_MIB = 256
"""Space that a full disk leaves for what is in flight: an hour of records at ten requests a second."""

CHECKOUT = Path(__file__).resolve().parent.parent
"""Root of the installed tree; ``policies/`` stands here."""


def _check_relay(path: Path) -> Path:
    """Refuse a path that depends on where the recorder was started."""
    if not path.is_absolute():
        raise ValueError("must be the absolute path of the relay's socket")
    return path


_Port = Annotated[int, Field(ge=1, le=65535)]
_Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]

_Relay = Annotated[Path, AfterValidator(_check_relay)]
"""Unix socket that passes the witness's connection on, where the recorder has no network; the same TLS goes through."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileWitness(_Section):
    """Checkpoints in an append-only file, better on other media than the database."""

    kind: Literal["file"]
    name: _Name = "file"
    """What findings, logs and health call this witness."""

    path: Path


class SyslogWitness(_Section):
    """Checkpoints to a syslog server over TLS (RFC 5425); it cannot be asked back at start."""

    kind: Literal["syslog"]
    name: _Name = "syslog"
    host: str
    port: _Port = SYSLOG_TLS_PORT
    ca: Path
    """PEM file with the server's CA; no other is believed."""

    certificate: Path | None = None
    """PEM file of this appliance's client certificate, where the server asks for one."""

    key: Path | None = None
    relay: _Relay | None = None


class LogWitness(_Section):
    """A second appliance, or any witness, that speaks C2SP tlog-witness over TLS."""

    kind: Literal["tlog-witness"]
    name: _Name = "witness"
    url: Annotated[str, Field(pattern=r"^https://[^/?#@]+(/[^?#]*)?$")]
    """Prefix of ``/add-checkpoint``."""

    ca: Path
    """PEM file with the server's CA; no other is believed."""

    keys: Path
    """File with the witness's vkey lines: whose cosignature counts."""

    relay: _Relay | None = None


Witness = Annotated[FileWitness | SyslogWitness | LogWitness, Field(discriminator="kind")]
"""One place outside that remembers checkpoints."""


class Settings(_Section):
    """Everything about the trail that a site chooses."""

    database: str = ""
    """Address that the recorder writes to; empty for SQLite in the trail's folder."""

    readers: str = ""
    """Address that console and commands read from, as a read-only role; `database` when empty."""

    witnesses: Annotated[tuple[Witness, ...], Field(min_length=1)] | None = None
    """At least one; None for the embedded default, a file beside the trail's folder."""

    run: Path | None = None
    """Folder of the recorder's socket at a site, such as ``/run/appliance-recorder``; HOME/run when absent."""

    reserve_mib: int = Field(default=RESERVE_MIB, ge=0)
    """Free space, in MiB, that is left to what is in flight when a disk runs full; 0 reserves nothing."""

    policies: Path = CHECKOUT / "policies"
    """Cedar files and ``retention.yaml``: who may read, open, export, and how long bodies are kept."""


def read_settings(home: Path) -> Settings:
    """Return the settings of a home; the defaults without a file.  Raises SettingsError naming the wrong key."""
    path = home / FILE_NAME
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise SettingsError(f"{path} cannot be read as YAML; correct it or restore it from the backup") from error
    try:
        settings = Settings.model_validate(document if document is not None else {})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise SettingsError(f"{path}: '{where}': {first['msg']}; correct it and start again") from error
    names = [witness.name for witness in settings.witnesses or ()]
    if len(set(names)) < len(names):
        raise SettingsError(f"{path}: 'witnesses': two have the same name; give each its own 'name'")
    return settings
