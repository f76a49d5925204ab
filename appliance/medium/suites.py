"""The releases of Debian and Ubuntu that the appliance is installed on, and what each brings along.

A medium is resolved for one release exactly: its Python decides which wheels fit, its C library which of them run.
MUST NOT name a mirror: where packages come from is the building machine's own setting.
"""

from dataclasses import dataclass
from typing import Literal

from appliance.errors import ConfigError

Distribution = Literal["debian", "ubuntu"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One release."""

    name: str
    """Its code name, as apt and Ansible know it."""

    distribution: Distribution

    python: str
    """The interpreter that the appliance runs on there, as `python3.11`'s number."""

    python_full: str
    """The whole version at the release's first day: what a lock's markers are answered with."""

    glibc_minor: int
    """The C library is 2.this: wheels for a newer one do not run."""

    @property
    def tag(self) -> str:
        """Return the interpreter's tag in a wheel's name."""
        return f"cp{self.python.replace('.', '')}"


SUITES = (
    Suite(name="bookworm", distribution="debian", python="3.11", python_full="3.11.2", glibc_minor=36),
    Suite(name="trixie", distribution="debian", python="3.13", python_full="3.13.5", glibc_minor=41),
    # Ubuntu 22.04's own python3 is 3.10, too old for us; its 3.11 stands in universe, and is a release candidate.
    Suite(name="jammy", distribution="ubuntu", python="3.11", python_full="3.11.0", glibc_minor=35),
    Suite(name="noble", distribution="ubuntu", python="3.12", python_full="3.12.3", glibc_minor=39),
)
"""Debian 12 and 13, Ubuntu 22.04 and 24.04."""


def suite_named(name: str) -> Suite:
    """Return a release by its code name.  Raises ConfigError for one that the appliance does not support."""
    for suite in SUITES:
        if suite.name == name:
            return suite
    known = ", ".join(suite.name for suite in SUITES)
    raise ConfigError(f"'{name}' is no release that the appliance is installed on; choose among {known}.")
