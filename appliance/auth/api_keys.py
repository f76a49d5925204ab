"""API keys: how one is made, what is kept of it, and how one is compared.

A key is ``sk-appl-<16 hex digits of the client>-<43 characters of secret>``; the secret has 256 random bits, so a
fast keyed hash is enough and a slow one would only cost latency (argon2 is for what people choose).  Only
HMAC-SHA256 under the appliance's pepper is kept: a stolen registry without the pepper proves nothing.
The key itself is shown once and never kept, logged or printed again.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from appliance.auth.private_file import create_private
from appliance.config import enter_private
from appliance.errors import ConfigError

SECRET_BYTES = 32
"""256 bits: beyond guessing, also for an attacker who holds registry and pepper."""

CLIENT_PART_BYTES = 8
"""64 random bits name a client; not a secret, only unlikely to collide."""

PEPPER_NAME = "api-key-pepper"
"""File in HOME/secrets."""

_KEY_FORM = re.compile(r"sk-appl-([0-9a-f]{16})-([A-Za-z0-9_-]{43})", re.ASCII)
_DOMAIN = b"clinical-inference-appliance/api-key/v1\x00"
"""Keeps these hashes apart from every other use of the pepper."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A presented or freshly made key, taken apart."""

    client_part: str
    """16 hex digits; ``client_<client_part>`` is the client's id."""

    secret: str = field(repr=False)

    def text(self) -> str:
        """Return the key as its holder sends it.  The caller MUST show it once and keep it nowhere."""
        return f"sk-appl-{self.client_part}-{self.secret}"


def new_key() -> ApiKey:
    """Return a fresh random key."""
    return ApiKey(client_part=secrets.token_hex(CLIENT_PART_BYTES), secret=secrets.token_urlsafe(SECRET_BYTES))


def parse_key(text: str) -> ApiKey | None:
    """Return the parts of a well-formed key, or None."""
    match = _KEY_FORM.fullmatch(text)
    return ApiKey(client_part=match[1], secret=match[2]) if match else None


def hash_key(key: ApiKey, pepper: bytes) -> str:
    """Return what the registry keeps of a key: 64 hex digits."""
    message = _DOMAIN + f"{key.client_part}\x00{key.secret}".encode()
    return hmac.digest(pepper, message, hashlib.sha256).hex()


def is_same_hash(left: str, right: str) -> bool:
    """Compare two hashes in constant time."""
    return hmac.compare_digest(left, right)


def load_pepper(folder: Path, *, create: bool) -> bytes:
    """Read the pepper, making it at first use if `create`.  Raises ConfigError if it is lost or damaged."""
    path = enter_private(folder) / PEPPER_NAME
    if create and not path.exists():
        create_private(path, secrets.token_bytes(SECRET_BYTES))
    try:
        pepper = path.read_bytes()
        mode = path.stat().st_mode & 0o077
    except OSError as error:
        message = f"{path} cannot be read, so no API key can be checked; restore it from the backup, or remove "
        message += "clients.json and issue new keys with 'appliance client add'."
        raise ConfigError(message, detail=type(error).__name__) from error
    if len(pepper) != SECRET_BYTES:
        raise ConfigError(f"{path} is damaged (it must hold {SECRET_BYTES} bytes); restore it from the backup.")
    if mode:
        raise ConfigError(f"{path} may be read by other users; run 'chmod 600' on it, and issue new keys if in doubt.")
    return pepper
