"""``appliance isolation verify``: tries to get out from inside every unit of this host, and compares the firewall.

1. Every unit: its main process is confined, and its own check held at this very start.
2. A child that joined the unit tries the network, Unix sockets and files: both layers together.
3. A child with the unit's cgroup in an empty network: the address filter alone.
4. A child with the unit's user outside of the cgroup: the rules alone; their counters must show it.
5. The kernel's rules are those of the file, the file is the playbook's, and the ways out are the register's.
Needs root.  All children of one step run at once.  MUST NOT send anything but a SYN or a byte of padding.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from appliance.isolation import ruleset
from appliance.isolation.attempt import Attempt, labelled
from appliance.isolation.confinement import check_process
from appliance.isolation.expectations import PROGRAMS, Unit, expected
from appliance.isolation.families import try_raw
from appliance.isolation.files import try_files
from appliance.isolation.joined import Place, become, start
from appliance.isolation.layers import start_filter, start_rules
from appliance.isolation.network_file import NETWORK_FILE, Endpoint, Network, read_network
from appliance.isolation.probe import try_reach
from appliance.isolation.report import Report, UnitReport
from appliance.isolation.running import Running, running

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


def verify(home: Path, registered: Sequence[Endpoint], *, network_file: Path = NETWORK_FILE) -> Report:
    """Try everything.  Raises ConfigError if this is no installed host, or not root's process."""
    begun = time.monotonic()
    network = read_network(network_file)
    before = ruleset.live()
    units = [expected(name, network, home) for name in PROGRAMS if name in network.users]
    subjects = [_Subject(unit=unit, running=running(unit.service)) for unit in units]
    found = _try_units(subjects, network, home)
    after = ruleset.live()
    reports = tuple(
        UnitReport(
            name=each.unit.name,
            state=each.running.state,
            attempts=(*found[each.unit.name], *_counted(each.unit.name, found[each.unit.name], before, after)),
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


def _try_units(subjects: Sequence[_Subject], network: Network, home: Path) -> Mapping[str, tuple[Attempt, ...]]:
    """Try all units at once: the time is that of the slowest, not the sum."""
    up = [each for each in subjects if each.is_up]
    children = {
        each.unit.name: (
            start(each.unit.name, partial(become, _place(each)), partial(_try_joined, each.unit, network, home)),
            start_filter(each.unit, each.running.cgroup, network),
        )
        for each in up
    }
    rules = {each.unit.name: start_rules(each.unit, network) for each in subjects}
    found: dict[str, tuple[Attempt, ...]] = {}
    for each in subjects:
        name = each.unit.name
        joined, alone = children.get(name, (None, None))
        found[name] = (
            *check_process(each.unit, each.running),
            *labelled("joined", joined.finish() if joined else ()),
            *labelled("address filter alone", alone.finish() if alone else ()),
            *labelled("rules alone", rules[name].finish()),
        )
    return found


def _place(subject: _Subject) -> Place:
    return Place(unit=subject.unit, cgroup=subject.running.cgroup, pid=subject.running.pid)


def _try_joined(unit: Unit, network: Network, home: Path) -> Sequence[Attempt]:
    # No socket families and no system calls: the filter of system calls cannot be joined, only read from /proc and
    # proven by the check at the unit's start.
    return (*try_reach(unit, network), *try_raw(unit), *try_files(unit, home))


def _counted(
    unit: str, attempts: Iterable[Attempt], before: ruleset.Listing, after: ruleset.Listing
) -> Iterator[Attempt]:
    alone = (each for each in attempts if each.group.startswith("rules alone"))
    by_rules = [each for each in alone if each.evidence.startswith(_BY_RULES)]
    yield ruleset.check_counter(unit, before=ruleset.refused(before), after=ruleset.refused(after), tried=len(by_rules))
