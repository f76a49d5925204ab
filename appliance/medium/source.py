"""The source tree that a medium is built from: the tracked files, and no others.

What merely lies in a checkout (state, keys, caches, half-written files that nobody added) never gets onto a medium.
Whether tracked files differ from the commit is told in `MEDIUM.json`.
"""

import re
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import ConfigError
from appliance.medium.commands import run
from appliance.medium.contents import Source

OWN_WHEEL = ("appliance", "audit", "LICENSE", "README.md", "pyproject.toml")
"""What our own wheel is made of."""

LABEL = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*")
"""A local version label (PEP 440)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """The tracked files of a checkout, and what they are."""

    checkout: Path
    files: tuple[str, ...]
    source: Source
    version: str
    """With the label of this medium, if it has one."""

    committed_at: int
    """Seconds since 1970: the time that files made from this commit bear."""

    def under(self, *folders: str) -> list[str]:
        """Return the tracked files in these folders, or these files."""
        return [name for name in self.files if name.split("/")[0] in folders]

    def lay_out(self, folder: Path) -> None:
        """Copy what our own wheel is made of, with this medium's version."""
        for name in self.under(*OWN_WHEEL):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.checkout / name, target)
        settings = folder / "pyproject.toml"
        settings.write_text(
            re.sub(r'(?m)^version = "[^"]*"$', f'version = "{self.version}"', settings.read_text(), count=1)
        )


def read_source(checkout: Path, *, label: str | None) -> Export:
    """Ask git what is tracked.  Raises ConfigError outside a checkout, or for a label that is no version's part."""
    if label is not None and LABEL.fullmatch(label) is None:
        raise ConfigError("A label is lower-case letters and digits, with dots between, such as 'trial.2'.")
    doing = f"Reading what is tracked in {checkout}"
    # The checkout may belong to another user than the one who builds, such as root.
    git = ("git", "-c", f"safe.directory={checkout.absolute()}", "-C", checkout)
    names = run((*git, "ls-files", "-z"), doing=doing).decode().split("\0")
    present = tuple(name for name in names if name and (checkout / name).is_file())
    version = str(tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["version"])
    return Export(
        checkout=checkout,
        files=present,
        source=Source(
            commit=run((*git, "rev-parse", "HEAD"), doing=doing).decode().strip(),
            modified=bool(run((*git, "status", "--porcelain", "--untracked-files=no"), doing=doing).strip()),
        ),
        version=f"{version}+{label}" if label else version,
        committed_at=int(run((*git, "log", "-1", "--format=%ct"), doing=doing)),
    )
