"""Reads a lock file: which packages one Python takes of it, and the digests that their files must have.

A lock serves every Python, so some of its lines count for some of them only; here the target's version decides, never
that of the interpreter that builds (pip's own `download` would ask the latter).  MUST NOT resolve anything.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker, default_environment

from appliance.errors import ConfigError
from appliance.medium.suites import Suite

ENTRY = re.compile(r"(?P<name>[a-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\\n]+?))? *\\?\n")
"""How an entry begins; its digests follow, a line each."""

DIGEST = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """One package of a lock."""

    name: str
    version: str
    digests: frozenset[str]
    """SHA-256 of every file that the lock takes: one for each kind of machine and Python."""

    def line(self) -> str:
        """Return the entry as pip reads it, without its marker."""
        return f"{self.name}=={self.version} " + " ".join(f"--hash=sha256:{item}" for item in sorted(self.digests))


def read_lock(path: Path, suite: Suite) -> tuple[Pinned, ...]:
    """Return what this release's Python takes of a lock.  Raises ConfigError for a file that is no lock."""
    text = "".join(line for line in path.read_text().splitlines(keepends=True) if not line.startswith("#"))
    environment = _environment(suite)
    pinned = []
    for part in re.split(r"(?m)^(?=[a-z0-9])", text):
        match = ENTRY.match(part)
        digests = frozenset(DIGEST.findall(part))
        if not part.strip():
            continue
        if match is None or not digests:
            raise ConfigError(f"{path.name} is no lock file with hashes: run 'make lock'.")
        if match["marker"] is None or Marker(match["marker"]).evaluate(environment):
            pinned.append(Pinned(name=match["name"], version=match["version"], digests=digests))
    return tuple(pinned)


def _environment(suite: Suite) -> Mapping[str, str]:
    here = {key: str(value) for key, value in default_environment().items()}
    return {**here, "python_version": suite.python, "python_full_version": suite.python_full}
