"""The cosigner's own keys, made once, and the keys of the logs that it watches.

``cosigner.key`` is secret: its owner can cosign whatever they like in this witness's name.  ``cosigner.keys`` is
public: its two lines are what the operators of logs put into their settings.  Whoever may write to the folder of logs
decides which logs are watched, and by which keys.
"""

import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from audit.errors import FormatError, SettingsError, StoreError
from audit.keyring.files import make_folder, member_bytes, member_text, read_document, write_document, write_once
from audit.keyring.signatures import VerifierKey, is_origin
from audit.keyring.trail import read_verifier_keys
from audit.witness.cosignature import Cosigner

SEED_BYTES = 32
"""Of either key."""

KEYS_GLOB = "*.keys"
"""Files in the folder of logs: each a copy of a log's ``verifier.keys``, under any name that ends so."""


def make_cosigner(home: Path, *, name: str) -> Cosigner:
    """Make a cosigner's keys, unless they are there, and return them.  Raises SettingsError for a name that is none."""
    if not is_origin(name):
        raise SettingsError("the witness's name is a URL without schema, such as witness.hospital.example/w1")
    make_folder(home)
    seeds = {"ed25519": secrets.token_bytes(SEED_BYTES).hex(), "mldsa44": secrets.token_bytes(SEED_BYTES).hex()}
    write_document(home / "cosigner.key", {"name": name, **seeds})
    cosigner = read_cosigner(home)
    if cosigner.name != name:
        raise SettingsError(f"{home} holds the keys of {cosigner.name}; a witness keeps its name for ever")
    lines = "".join(f"{key.to_vkey()}\n" for key in cosigner.public_keys())
    write_once(home / "cosigner.keys", lines.encode())
    return cosigner


def read_cosigner(home: Path) -> Cosigner:
    """Return the keys of a cosigner.  Raises StoreError if there are none, FormatError if they are damaged."""
    path = home / "cosigner.key"
    if not path.exists():
        raise StoreError(f"{path} is missing; run 'audit witness init' once")
    members = read_document(path)
    return Cosigner(
        name=member_text(members, "name", path),
        ed25519=Ed25519PrivateKey.from_private_bytes(member_bytes(members, "ed25519", path, length=SEED_BYTES)),
        mldsa44=MLDSA44PrivateKey.from_seed_bytes(member_bytes(members, "mldsa44", path, length=SEED_BYTES)),
    )


class Logs:
    """The logs that are watched: a folder, read again whenever a file of it has changed."""

    def __init__(self, folder: Path) -> None:
        """Read the folder.  Raises StoreError or FormatError naming the file that is wrong."""
        self._folder = folder
        self._seen = self._stamp()
        self._keys = self._read()
        self.failure = ""
        """Why the folder as it is now is not used; empty while it is."""

    def keys_of(self, origin: str) -> tuple[VerifierKey, ...]:
        """Return a log's keys; empty for a log that is not watched.  A folder that went wrong changes nothing."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            try:
                self._keys, self.failure = self._read(), ""
            except (StoreError, FormatError) as error:
                self.failure = str(error)
        return self._keys.get(origin, ())

    def origins(self) -> tuple[str, ...]:
        """Return the names of the logs that are watched."""
        return tuple(sorted(self._keys))

    def _read(self) -> dict[str, tuple[VerifierKey, ...]]:
        if not self._folder.is_dir():
            raise StoreError(
                f"{self._folder} is no folder; make it, with the verifier.keys of each log under NAME.keys"
            )
        found: dict[str, tuple[VerifierKey, ...]] = {}
        for file in sorted(self._folder.glob(KEYS_GLOB)):
            keys = read_verifier_keys(file)
            origin = keys[0].name
            if any(key.name != origin for key in keys):
                raise FormatError(f"{file} holds keys of two logs; give each log a file of its own")
            if found.setdefault(origin, keys) != keys:
                raise FormatError(f"{file} holds other keys for {origin} than another file here; keep the right one")
        return found

    def _stamp(self) -> tuple[tuple[str, int, int], ...]:
        try:
            files = [(file, file.stat()) for file in sorted(self._folder.glob(KEYS_GLOB))]
        except OSError:
            return ()  # A file went away in between; the next request looks again.
        return tuple((file.name, status.st_mtime_ns, status.st_size) for file, status in files)
