"""Turns what a person asks for into an order that can be built: releases, engines, models, key, store.

Everything that can be wrong before an hour of fetching is found here.  MUST NOT fetch anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import ConfigError
from appliance.medium.apt import Apt, Resolved, default_sources, known_sources, own_codename
from appliance.medium.build import Order
from appliance.medium.contents import Engine
from appliance.medium.environments import Environment, environments
from appliance.medium.signing import Signer
from appliance.medium.source import read_source
from appliance.medium.suites import SUITES, Suite, suite_named
from appliance.medium.wanted import Wanted, read_wanted

PACKAGES_LIST = Path("ansible", "medium", "packages.yml")
"""Which packages the roles install."""

OS_RELEASE = Path("/etc/os-release")
"""Says which release the building machine is (os-release(5))."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the person who builds said."""

    checkout: Path
    store: Path
    """Where fetched packages and wheels stay for the next build."""

    suites: tuple[str, ...]
    """None: all that this machine has sources for."""

    engines: tuple[Engine, ...]
    models: tuple[Path, ...]
    guard: Path
    key: str
    gnupg: Path | None = None
    label: str | None = None
    """Marks the version, such as `trial.2`: the folder on a host has another name then."""

    apt_sources: tuple[str, ...] = ()
    """Beside those of the machine, as `ADDRESS SUITE COMPONENT`."""


def order_from(wish: Wish) -> Order:
    """Return the order.  Raises ConfigError for what cannot be built here, saying what to do."""
    named = tuple(suite_named(name) for name in wish.suites)
    sources = _Sources(given=wish.apt_sources)
    suites = named or sources.all_here()
    wanted = read_wanted(wish.checkout / PACKAGES_LIST)
    for suite in suites:
        sources.of(suite)

    def resolve(suite: Suite) -> Resolved:
        apt = Apt(suite, store=wish.store / "apt" / suite.name, sources=sources.of(suite))
        return apt.resolve(wanted.by_suite[suite.name], optional=_gpu(wanted, wish.engines))

    def find_wheels(suite: Suite) -> Sequence[Environment]:
        return environments(suite, engines=wish.engines, locks=wish.checkout, store=wish.store / "wheels")

    return Order(
        export=read_source(wish.checkout, label=wish.label),
        suites=suites,
        engines=wish.engines,
        models=wish.models,
        guard=wish.guard,
        signer=Signer(key=wish.key, home=wish.gnupg),
        resolve=resolve,
        environments=find_wheels,
    )


def _gpu(wanted: Wanted, engines: Sequence[Engine]) -> tuple[str, ...]:
    return wanted.gpu if "gpu" in engines else ()


class _Sources:
    """The apt sources of each release, those of this machine with the builder's beside them."""

    def __init__(self, *, given: tuple[str, ...]) -> None:
        self._given = given
        self._codename = own_codename(OS_RELEASE.read_text()) if OS_RELEASE.is_file() else ""
        self._known = known_sources()

    def of(self, suite: Suite) -> tuple[str, ...]:
        """Return a release's sources.  Raises ConfigError when there is none."""
        given = tuple(line for line in self._given if line.split()[1:2] and suite.name in line.split()[1])
        try:
            return (*default_sources(suite, codename=self._codename, known=self._known), *given)
        except ConfigError:
            if given:
                return given
            raise

    def all_here(self) -> tuple[Suite, ...]:
        """Return every release that packages can be had for here; told apart by trying."""
        found = tuple(suite for suite in SUITES if self._has(suite))
        if not found:
            raise ConfigError("This machine has apt sources for no supported release: build on Debian or Ubuntu.")
        return found

    def _has(self, suite: Suite) -> bool:
        try:
            return bool(self.of(suite))
        except ConfigError:
            return False
