"""Signs with an OpenPGP key that the builder's own gpg holds, so that it may as well stand in a token.

OpenPGP, because apt and a bare Debian can check it without anything of ours.  MUST NOT see the private key.
"""

from dataclasses import dataclass
from pathlib import Path

from appliance.medium.commands import run


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """One signing key."""

    key: str
    """Fingerprint, or a name that gpg finds it by."""

    home: Path | None = None
    """Where gpg keeps its keys; its own place when not given."""

    def detached(self, content: bytes) -> bytes:
        """Return a detached signature.  Raises ConfigError in gpg's words."""
        return self._sign("--detach-sign", content)

    def inline(self, content: bytes) -> bytes:
        """Return the text with its signature around it, as apt's InRelease."""
        return self._sign("--clearsign", content)

    def public(self) -> bytes:
        """Return the public key, which a site keeps a copy of."""
        return run(("gpg", *self._home(), "--batch", "--export", self.key), doing="Exporting the signing key")

    def _sign(self, how: str, content: bytes) -> bytes:
        command = ("gpg", *self._home(), "--batch", "--local-user", self.key, "--digest-algo", "SHA512", how)
        return run(command, doing=f"Signing with the key '{self.key}'", given=content)

    def _home(self) -> tuple[str | Path, ...]:
        return ("--homedir", self.home) if self.home else ()
