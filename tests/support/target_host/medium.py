"""The install medium of the working tree as it is: one release, the CPU's engine, the small model.

It is built under `.cache`, by one process at a time, and again only when a file that goes onto it has changed; what
was fetched from outside is kept beside it, so a second build takes seconds.
"""

import hashlib
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance.medium.build import build
from appliance.medium.layout import Layout
from appliance.medium.ordering import Wish, order_from
from appliance.models.builder_process import Step
from tests.support.target_host.places import CACHE, ROOT, one_at_a_time

MODEL = "smollm2-135m-instruct-awq"
"""The small model; `make model` builds it."""

_KEY = "Signs media for tests"
_WITHIN_S = 120
_KEPT_S = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """A medium and the site's copy of the key that signed it."""

    folder: Path
    key: Path
    digest: str
    """Of everything that went onto it."""


def built_medium(suite: str) -> Medium:
    """Return the medium for a suite, built if it is not there or is not of this tree.

    ``HOST_MEDIUM=FOLDER:KEY`` takes one that was built elsewhere.
    """
    if given := os.environ.get("HOST_MEDIUM"):
        place, _, signed_by = given.partition(":")
        sums = Path(place, "SHA256SUMS").read_bytes()
        return Medium(folder=Path(place), key=Path(signed_by), digest=hashlib.sha256(sums).hexdigest())
    with one_at_a_time("medium"):
        key = _public_key()
        digest = _digest(key)
        folder = CACHE / f"medium-{suite}-{digest[:12]}"
        if not folder.is_dir():
            _clear_old(suite)
            _build(folder, suite)
    return Medium(folder=folder, key=key, digest=digest)


def _clear_old(suite: str) -> None:
    """Remove media of earlier trees; not those of today, which a host of another run may still see."""
    for folder in CACHE.glob(f"medium-{suite}-*"):
        if time.time() - folder.stat().st_mtime > _KEPT_S:
            shutil.rmtree(folder, ignore_errors=True)


def why_no_medium() -> str:
    """Return why there can be no medium here; empty if there can."""
    model = ROOT / "var" / "models" / MODEL / "manifest.json"
    return "" if model.is_file() else f"{MODEL} is not built; run 'make model'"


def _build(folder: Path, suite: str) -> None:
    wish = Wish(
        checkout=ROOT,
        store=CACHE / "medium-store",
        suites=(suite,),
        engines=("cpu",),
        models=(ROOT / "var" / "models" / MODEL,),
        guard=ROOT / "var" / "models" / "guard",
        key=_KEY,
        gnupg=CACHE / "medium-gnupg",
    )
    build(order_from(wish), Layout(folder), now=datetime.now(UTC), report=_quiet)


def _quiet(_: Step) -> None:
    """Show nothing."""


def _public_key() -> Path:
    """Return the file of the signing key's public half, made with the key if there is none."""
    home, file = CACHE / "medium-gnupg", CACHE / "medium-key.gpg"
    if not file.is_file():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        gpg = ["gpg", "--homedir", str(home), "--batch", "--yes"]
        if not _output(*gpg, "--list-secret-keys").strip():
            _output(*gpg, "--passphrase", "", "--quick-gen-key", _KEY, "ed25519", "sign", "never")
        partial = file.with_suffix(".partial")
        _output(*gpg, "--output", str(partial), "--export", _KEY)
        _output("gpgconf", "--homedir", str(home), "--kill", "gpg-agent")
        partial.rename(file)
    return file


def _digest(key: Path) -> str:
    """Return the digest of every tracked file of the tree that can go onto a medium, and of the key."""
    tracked = _output(
        "git", "-C", str(ROOT), "ls-files", "-z", "--", "appliance", "audit", "ansible", "policies", ":/*.*"
    )
    digest = hashlib.sha256(key.read_bytes())
    for name in sorted(filter(None, tracked.split("\0"))):
        file = ROOT / name
        digest.update(f"{name}\0".encode() + (file.read_bytes() if file.is_file() else b"") + b"\0")
    return digest.hexdigest()


def _output(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=_WITHIN_S, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"'{' '.join(words[:4])} ...': {done.stderr.strip()}")
    return done.stdout
