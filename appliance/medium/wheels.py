"""The wheels of every environment, for one release's Python: fetched once and proven by the locks' digests.

Nothing is compiled and nothing is resolved: a wheel is taken because a lock names its digest, and a lock whose wheel
does not exist for a release's Python is told before anything is signed.  Our own wheel is made from the files that are
tracked, so nothing that merely lies in the checkout gets into it.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import ConfigError
from appliance.medium.commands import SHOWN_LINES, run
from appliance.medium.locks import Pinned
from appliance.medium.suites import Suite
from appliance.medium.verify import digest_of

OLDEST_GLIBC = 5
"""The first C library that a wheel can name by its version (PEP 600)."""

OLD_PLATFORMS = ("manylinux1_x86_64", "manylinux2010_x86_64", "manylinux2014_x86_64", "linux_x86_64")
"""Names of platforms from before PEP 600, still in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One wheel in the store."""

    pinned: Pinned
    file: Path
    sha256: str


def fetch(pinned: Sequence[Pinned], *, suite: Suite, store: Path) -> tuple[Wheel, ...]:
    """Return the wheel of each entry, fetching what the store does not hold.  Raises ConfigError naming others."""
    store.mkdir(parents=True, exist_ok=True)
    missing = _missing(pinned, _by_digest(store))
    if missing:
        _download(missing, suite=suite, store=store)
    held = _by_digest(store)
    if missing := _missing(pinned, held):
        names = ", ".join(f"{item.name} {item.version}" for item in missing)
        raise ConfigError(f"No wheel for Python {suite.python} ({suite.name}) has a digest of the lock's: {names}.")
    return tuple(_wheel(item, held) for item in pinned)


def _by_digest(store: Path) -> dict[str, Path]:
    return {digest_of(path): path for path in sorted(store.glob("*.whl"))}


def _missing(pinned: Iterable[Pinned], held: dict[str, Path]) -> list[Pinned]:
    return [item for item in pinned if not item.digests & held.keys()]


def _wheel(item: Pinned, held: dict[str, Path]) -> Wheel:
    digest = next(digest for digest in sorted(item.digests) if digest in held)
    return Wheel(pinned=item, file=held[digest], sha256=digest)


def _download(pinned: Iterable[Pinned], *, suite: Suite, store: Path) -> None:
    glibc = [f"manylinux_2_{minor}_x86_64" for minor in range(suite.glibc_minor, OLDEST_GLIBC - 1, -1)]
    target = [
        *("--python-version", suite.python, "--implementation", "cp"),
        *(part for abi in (suite.tag, "abi3", "none") for part in ("--abi", abi)),
        *(part for platform in (*glibc, *OLD_PLATFORMS) for part in ("--platform", platform)),
    ]
    with tempfile.NamedTemporaryFile("w", prefix="lock-", suffix=".txt") as lines:
        lines.write("".join(f"{item.line()}\n" for item in pinned))
        lines.flush()
        command = [
            *(sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--quiet"),
            *("--progress-bar", "off", "--require-hashes", "--no-deps", "--only-binary", ":all:"),
            *(*target, "--dest", str(store), "--requirement", lines.name),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - pip, our own lists
    if done.returncode:
        words = "\n".join(done.stderr.strip().splitlines()[-SHOWN_LINES:])
        raise ConfigError(f"The wheels for Python {suite.python} ({suite.name}) cannot all be had:\n{words}")


def build_own(source: Path, *, builder: Wheel, destination: Path, made_at: int) -> Path:
    """Make our own wheel of an exported source tree; the same source and time give the same bytes.

    It is made by the locked `setuptools` in an environment of its own: what is installed beside has no say in it.
    """
    tools = destination / "tools"
    tools.mkdir(parents=True)
    shutil.copyfile(builder.file, tools / builder.file.name)
    run(
        (
            *(
                sys.executable,
                "-m",
                "pip",
                "wheel",
                "--disable-pip-version-check",
                "--no-input",
                "--quiet",
                "--no-deps",
            ),
            *("--wheel-dir", destination, source),
        ),
        doing="Making the appliance's own wheel",
        # By variables, because pip hands only those on to the environment that it makes for the build.
        environment={"SOURCE_DATE_EPOCH": str(made_at), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tools)},
    )
    made = sorted(destination.glob("*.whl"))
    if len(made) != 1:
        raise ConfigError("Making the appliance's own wheel gave no file; read what 'pip wheel .' says.")
    return made[0]
