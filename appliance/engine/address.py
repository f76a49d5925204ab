"""Where the engine listens: a Unix socket or a loopback port, and nothing else.

An upstream on any other host would be patient data leaving the building outside the broker (design promise 1), so
it is refused when the configuration is read.  Names are not resolved: ``localhost`` means 127.0.0.1.
"""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from typing_extensions import override

from appliance.config import MAX_SOCKET_PATH_BYTES, Config
from appliance.errors import ConfigError

_FORMS: Final = "write 'unix:/path/to/socket' or 'http://127.0.0.1:PORT'; other hosts are never used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One end point; either `socket` or `host` and `port`."""

    socket: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0
    is_external: bool = False
    """True when another server stands in our engine's place."""

    @override
    def __str__(self) -> str:
        """Return the form that is written in the configuration."""
        return f"unix:{self.socket}" if self.socket else f"http://{self.host}:{self.port}"


def engine_address(config: Config) -> Address:
    """Return where to send requests.  Raises ConfigError if the upstream is not on this machine."""
    if config.engine.upstream is None:
        return Address(socket=config.engine_socket)
    return parse_upstream(config.engine.upstream)


def parse_upstream(text: str) -> Address:
    """Read ``unix:PATH`` or ``http://LOOPBACK:PORT[/v1]``.  Raises ConfigError."""
    if text.startswith("unix:"):
        return _unix(text.removeprefix("unix:"))
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"engine.upstream is not a valid address; {_FORMS}.") from error
    if parts.scheme != "http" or parts.username or parts.query or parts.path.rstrip("/") not in ("", "/v1"):
        raise ConfigError(f"engine.upstream is not a valid address; {_FORMS}.")
    if not port:
        raise ConfigError(f"engine.upstream names no port; {_FORMS}.")
    return Address(host=_loopback(parts.hostname or ""), port=port, is_external=True)


def _unix(text: str) -> Address:
    path = Path(text.removeprefix("//"))
    if not path.is_absolute():
        raise ConfigError(f"engine.upstream must name an absolute socket path; {_FORMS}.")
    if len(bytes(path)) > MAX_SOCKET_PATH_BYTES:
        raise ConfigError(f"engine.upstream's socket path is longer than {MAX_SOCKET_PATH_BYTES} bytes (unix(7)).")
    return Address(socket=path, is_external=True)


def _loopback(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        raise ConfigError(f"engine.upstream must be a loopback address; {_FORMS}.") from error
    if not address.is_loopback:
        raise ConfigError(f"engine.upstream must be a loopback address; {_FORMS}.")
    return host
