"""``appliance isolation verify``: tries to get out from inside every unit of this host, and compares the firewall.

1. Every unit: its main process is confined, and its own check held at this very start.
2. A child that joined the unit tries the network, Unix sockets and files: both layers together.
3. A child with the unit's cgroup in an empty network: the address filter alone.
4. A child with the unit's user outside of the cgroup: the rules alone; their counters must show it.
5. The kernel's rules are those of the file, the file is the playbook's, and the ways out are the register's.
Without any rules in the kernel 2 and 4 send nothing and fail.  Needs root.  All children of one step run at once.
MUST NOT send anything but a SYN or a byte of padding.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from appliance.isolation import ruleset
from appliance.isolation.attempt import Attempt, Outcome, labelled
from appliance.isolation.confinement import check_process
from appliance.isolation.connections import try_all
from appliance.isolation.destinations import destinations
from appliance.isolation.expectations import Unit, expected, present
from appliance.isolation.families import try_raw
from appliance.isolation.files import try_files
from appliance.isolation.joined import Place, become, start
from appliance.isolation.layers import start_filter, start_rules
from appliance.isolation.network_file import NETWORK_FILE, Endpoint, Network, read_network
from appliance.isolation.report import Report, UnitReport
from appliance.isolation.running import Running, running
from appliance.isolation.unix_sockets import try_unix_sockets

_BY_RULES = ("a filter of this machine", "this machine refused: EPERM")
"""How the evidence of a try begins that the rules refused and so must have counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """One unit and how it runs."""

    unit: Unit
    running: Running

    @property
    def is_up(self) -> bool:
        """Whether it has a main process to join."""
        return self.running.pid > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """What all tries of one verification share."""

    network: Network
    home: Path
    is_shut: bool
    """Whether the kernel holds a firewall at all."""


NOT_TRIED = Attempt(
    group="tcp",
    target="everywhere",
    outcome=Outcome.UNPROVEN,
    evidence="the kernel holds no rules, so nothing was sent; run 'systemctl reload nftables'",
)
"""Where it is known that a packet would leave, none is sent to show it."""


def verify(home: Path, registered: Sequence[Endpoint], *, network_file: Path = NETWORK_FILE) -> Report:
    """Try everything.  Raises ConfigError if this is no installed host, or not root's process."""
    begun = time.monotonic()
    network = read_network(network_file)
    before = ruleset.live()
    units = [expected(name, network, home) for name in present(network)]
    subjects = [_Subject(unit=unit, running=running(unit.service)) for unit in units]
    found = _try_units(subjects, _Site(network=network, home=home, is_shut=ruleset.is_shut(before)))
    after = ruleset.live()
    reports = tuple(
        UnitReport(
            name=each.unit.name,
            state=each.running.state,
            attempts=(*found[each.unit.name], *_counted(each.unit.user, found[each.unit.name], before, after)),
        )
        for each in subjects
    )
    return Report(
        at=time.time(),
        seconds=time.monotonic() - begun,
        units=reports,
        host=_host(after, network, registered),
    )


def _host(listing: ruleset.Listing, network: Network, registered: Iterable[Endpoint]) -> tuple[Attempt, ...]:
    return (
        ruleset.compare(listing, ruleset.wanted()),
        ruleset.compare_file(network),
        *ruleset.compare_ways_out(listing, network, registered),
    )


def _try_units(subjects: Sequence[_Subject], site: _Site) -> Mapping[str, tuple[Attempt, ...]]:
    """Try all units at once: the time is that of the slowest, not the sum."""
    up = [each for each in subjects if each.is_up]
    children = {
        each.unit.name: (
            start(each.unit.name, partial(become, _place(each)), partial(_try_joined, each.unit, site)),
            start_filter(each.unit, each.running.cgroup, site.network),
        )
        for each in up
    }
    rules = {each.unit.name: start_rules(each.unit, site.network) for each in subjects if site.is_shut}
    found: dict[str, tuple[Attempt, ...]] = {}
    for each in subjects:
        name = each.unit.name
        joined, alone = children.get(name, (None, None))
        found[name] = (
            *check_process(each.unit, each.running),
            *labelled("joined", joined.finish() if joined else ()),
            *labelled("address filter alone", alone.finish() if alone else ()),
            *labelled("rules alone", rules[name].finish() if name in rules else (NOT_TRIED,)),
        )
    return found


def _place(subject: _Subject) -> Place:
    return Place(unit=subject.unit, cgroup=subject.running.cgroup, pid=subject.running.pid)


def _try_joined(unit: Unit, site: _Site) -> Sequence[Attempt]:
    # No socket families and no system calls: the filter of system calls cannot be joined, only read from /proc and
    # proven by the check at the unit's start.
    sent = (*try_all(destinations(unit, site.network)), *try_raw(unit)) if site.is_shut else (NOT_TRIED,)
    return (*sent, *try_unix_sockets(unit), *try_files(unit, site.home))


def _counted(
    user: str, attempts: Iterable[Attempt], before: ruleset.Listing, after: ruleset.Listing
) -> Iterator[Attempt]:
    alone = (each for each in attempts if each.group.startswith("rules alone"))
    by_rules = [each for each in alone if each.evidence.startswith(_BY_RULES)]
    yield ruleset.check_counter(user, before=ruleset.refused(before), after=ruleset.refused(after), tried=len(by_rules))
