"""The packages of one release, with everything that they need, as a signed repository.

They are resolved against an empty system: whatever a server has installed already, in whatever point release, the
repository can fulfil by itself.  apt keeps its state in a folder of its own, so no root is needed and any Debian or
Ubuntu can build for another release.  It MUST NOT name a mirror: sources are those of the building machine, for the
release asked, or those that the builder gives.
"""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import ConfigError
from appliance.medium.commands import run
from appliance.medium.suites import SUITES, Suite
from appliance.medium.verify import digest_of

CONFIGURATION = """\
Dir "{work}";
Dir::State "{work}/state";
Dir::State::status "{work}/status";
Dir::Cache "{work}/cache";
Dir::Etc "{work}/etc";
Dir::Etc::Parts "/etc/apt/apt.conf.d";
Dir::Bin::methods "/usr/lib/apt/methods";
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
"""
"""Everything of apt's in one folder, but the machine's own settings such as its proxy."""

RELEASE = {"Origin": "appliance", "Label": "appliance", "Suite": "medium", "Architectures": "amd64"}
"""What the repository says of itself; a site's pins may name it."""

KEYRINGS = {
    "debian": Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    "ubuntu": Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg"),
}
"""Whose signature each distribution's packages must bear (packages debian-archive-keyring and ubuntu-keyring)."""

INSTALL = re.compile(r"Inst (\S+) \((\S+) .*\[(\S+)\]\)")
"""A line of `apt-get --simulate`: name, version, architecture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package of the repository."""

    name: str
    version: str
    architecture: str
    file: Path
    """Where it lies in the store."""

    sha256: str
    """As the distribution's signed index states it, compared with the file."""

    asked: bool
    """Whether it was asked for, or is there because another one needs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What one release's repository will hold."""

    packages: tuple[Package, ...]
    unknown: tuple[str, ...]
    """Names asked for that no source here has: the driver of a GPU, where only its maker's archive has it."""


def default_sources(suite: Suite, *, codename: str, known: str) -> tuple[str, ...]:
    """Return the machine's own sources with this release in place of its own; `known` is what apt-get tells of them.

    Raises ConfigError when the machine is of the other distribution, so that nothing can be derived.
    """
    own = next((item for item in SUITES if item.name == codename), None)
    lines = []
    for row in dict.fromkeys(known.split("\n")):
        if own is not None and own.distribution == suite.distribution and row.count("|") == 2:  # noqa: PLR2004 - three fields
            address, release, component = row.split("|")
            if release.split("-")[0] == codename:
                lines.append(f"{address} {release.replace(codename, suite.name, 1)} {component}")
    if not lines:
        raise ConfigError(
            f"This machine has no apt source of {suite.distribution}'s, so packages for {suite.name} cannot be"
            f" resolved: build on a {suite.distribution.capitalize()} machine, or name one with --apt-source"
            " 'ADDRESS SUITE COMPONENT'."
        )
    return tuple(lines)


class Apt:
    """One release's packages, looked up and fetched into a store that the next build finds again."""

    def __init__(self, suite: Suite, *, store: Path, sources: Sequence[str], keyring: Path | None = None) -> None:
        """Take the store's folder, made when absent, the sources as `ADDRESS SUITE COMPONENT`, and who must sign."""
        self._suite = suite
        self._work = store.absolute()
        self._environment = {"APT_CONFIG": str(self._work / "apt.conf"), "DEBIAN_FRONTEND": "noninteractive"}
        self._sources = tuple(sources)
        self._keyring = keyring or KEYRINGS[suite.distribution]

    def resolve(self, asked: Sequence[str], *, optional: Sequence[str] = ()) -> Resolved:
        """Fetch the packages and all that they need.  Raises ConfigError naming what cannot be had."""
        self._prepare()
        run(
            ("apt-get", "--quiet", "update"),
            doing=f"Reading {self._suite.name}'s package lists",
            environment=self._environment,
        )
        unknown = self._unknown([*asked, *optional])
        if absent := [name for name in unknown if name not in optional]:
            raise ConfigError(
                f"{self._suite.name} has no package {', '.join(absent)}: correct ansible/medium/packages.yml, or name a"
                " source that has it with --apt-source."
            )
        wanted = [name for name in dict.fromkeys([*asked, *optional]) if name not in unknown]
        chosen = self._choose(wanted)
        self._fetch(wanted)
        return Resolved(packages=self._checked(chosen, wanted), unknown=tuple(unknown))

    def _prepare(self) -> None:
        for name in ("state/lists/partial", "cache/archives/partial", "etc/sources.list.d", "etc/preferences.d"):
            (self._work / name).mkdir(parents=True, exist_ok=True)
        if not self._keyring.is_file():
            raise ConfigError(
                f"{self._keyring} is not there, so {self._suite.name}'s packages cannot be proven: install the package"
                f" {self._suite.distribution}-archive-keyring (Debian) or ubuntu-keyring."
            )
        (self._work / "status").write_text("")
        (self._work / "apt.conf").write_text(CONFIGURATION.format(work=self._work))
        # `copy:` is `file:` that fetches: what only lies elsewhere could change before it is on the medium.
        sources = [re.sub("^file:", "copy:", source) for source in self._sources]
        lines = [f"deb [signed-by={self._keyring}] {source}\n" for source in sources]
        (self._work / "etc" / "sources.list").write_text("".join(lines))

    def _unknown(self, names: Sequence[str]) -> list[str]:
        plain = [name.split("=")[0] for name in names]
        told = run(
            ("apt-cache", "--no-all-versions", "show", *plain, "apt"),
            doing=f"Looking up {self._suite.name}'s packages",
            environment=self._environment,
        )
        present = set(re.findall(r"^Package: (\S+)$", told.decode(), re.MULTILINE))
        return [name for name, word in zip(names, plain, strict=True) if word not in present]

    def _choose(self, names: Sequence[str]) -> list[tuple[str, str, str]]:
        told = run(
            ("apt-get", "--quiet", "--simulate", "install", *names),
            doing=f"Resolving packages for {self._suite.name}",
            environment=self._environment,
        ).decode()
        return [(match[1], match[2], match[3]) for match in INSTALL.finditer(told)]

    def _fetch(self, names: Sequence[str]) -> None:
        run(
            ("apt-get", "--quiet", "--yes", "--download-only", "install", *names),
            doing=f"Fetching packages for {self._suite.name}",
            environment=self._environment,
        )

    def _checked(self, chosen: Sequence[tuple[str, str, str]], asked: Sequence[str]) -> tuple[Package, ...]:
        """Compare each file with the signed index: an earlier build's file may have been altered since."""
        digests = self._digests([f"{name}={version}" for name, version, _ in chosen])
        wanted = {name.split("=")[0] for name in asked}
        packages = []
        for name, version, architecture in chosen:
            file = self._work / "cache" / "archives" / f"{name}_{version.replace(':', '%3a')}_{architecture}.deb"
            if digest_of(file) != digests.get((name, version)):
                file.unlink(missing_ok=True)
                raise ConfigError(
                    f"{file.name} was not what {self._suite.name}'s index names; build again to fetch it."
                )
            packages.append(
                Package(
                    name=name,
                    version=version,
                    architecture=architecture,
                    file=file,
                    sha256=digests[name, version],
                    asked=name in wanted,
                )
            )
        return tuple(packages)

    def _digests(self, names: Sequence[str]) -> dict[tuple[str, str], str]:
        told = run(
            ("apt-cache", "show", *names), doing="Reading the packages' digests", environment=self._environment
        ).decode()
        digests = {}
        for paragraph in told.split("\n\n"):
            fields = dict(re.findall(r"^(Package|Version|SHA256): (\S+)$", paragraph, re.MULTILINE))
            if len(fields) == 3:  # noqa: PLR2004 - the three of the pattern
                digests[fields["Package"], fields["Version"]] = fields["SHA256"]
        return digests


def write_index(repository: Path, *, environment: Mapping[str, str]) -> bytes:
    """Write `Packages` over the repository's `pool` and return what its signed `InRelease` must hold."""
    doing = "Indexing the packages"
    packages = run(("apt-ftparchive", "packages", "pool"), doing=doing, folder=repository, environment=environment)
    (repository / "Packages").write_bytes(packages)
    options = [part for key, value in RELEASE.items() for part in ("-o", f"APT::FTPArchive::Release::{key}={value}")]
    return run(("apt-ftparchive", *options, "release", "."), doing=doing, folder=repository, environment=environment)


def own_codename(os_release: str) -> str:
    """Return the building machine's release by the text of its os-release(5), or nothing."""
    match = re.search(r"^VERSION_CODENAME=(\S+)$", os_release, re.MULTILINE)
    return match[1].strip('"') if match else ""


def known_sources() -> str:
    """Return the machine's own sources, a line each: address, release and component with bars between."""
    if shutil.which("apt-get") is None:
        return ""
    form = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    told = run(
        ("apt-get", "indextargets", "--format", form, "Created-By: Packages"),
        doing="Reading this machine's apt sources",
    )
    return told.decode()
