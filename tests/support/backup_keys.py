"""An OpenPGP key pair as a backup's keeper has it, made once for all tests and far from the appliance."""

import atexit
import functools
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

GPG = shutil.which("gpg") or "/usr/bin/gpg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Who can open backups."""

    homedir: Path
    """Holds the private key."""

    public: Path
    """What the appliance gets."""

    def session_key(self, backup: Path) -> str:
        """Return the key of one file, as its keeper hands it over."""
        options = ("--show-session-key", "--output", "/dev/null", "--decrypt", str(backup))
        done = _gpg(self.homedir, *options)
        found = re.search(rb"session key: '([^']+)'", done.stderr)
        assert found, done.stderr
        return found[1].decode()


@functools.cache
def keeper(name: str = "keeper") -> Keeper:
    """Return a keeper of backups."""
    homedir = Path(tempfile.mkdtemp(prefix="gpg-"))
    atexit.register(_remove, homedir)
    _gpg(
        homedir, "--passphrase", "", "--quick-gen-key", f"{name}@hospital.example", "future-default", "default", "never"
    )
    public = homedir / "public.gpg"
    _gpg(homedir, "--output", str(public), "--export")
    return Keeper(homedir=homedir, public=public)


def _gpg(homedir: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([GPG, "--batch", "--homedir", str(homedir), *arguments], capture_output=True, check=True)


def _remove(homedir: Path) -> None:
    subprocess.run([f"{GPG}conf", "--homedir", str(homedir), "--kill", "all"], capture_output=True, check=False)
    shutil.rmtree(homedir, ignore_errors=True)
