"""Checks that a process is confined as its unit says: user, groups, no capability, no new rights, a filter, a cgroup.

Reads /proc, of the process itself or of another one.  A probe that ran with other rights than the program would prove
nothing about the program, so this comes first.
"""

import resource
from collections.abc import Iterator, Mapping
from pathlib import Path

from appliance.isolation.attempt import Attempt, Outcome
from appliance.isolation.expectations import Unit

GROUP = "identity"

_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")

_FILTERED = "2"
"""`SECCOMP_MODE_FILTER` in /proc/PID/status."""

OVERFLOW_ID = 65534
"""How a group outside of a user namespace looks from inside it (/proc/sys/kernel/overflowgid)."""


def check_identity(unit: Unit, *, proc: Path = Path("/proc/self")) -> tuple[Attempt, ...]:
    """Check the status and the cgroup of a process."""
    status = dict(_fields((proc / "status").read_text()))
    return (*_rights(unit, status), _cgroup(unit, (proc / "cgroup").read_text()), *_network(unit, proc))


def check_no_core() -> Attempt:
    """Check that this process leaves no core dump: it would hold patients' text."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    return _attempt("core dump", holds=soft == 0 and hard == 0, evidence=f"limit {hard}")


def _fields(status: str) -> Iterator[tuple[str, str]]:
    for line in status.splitlines():
        name, _, value = line.partition(":")
        yield name, value.strip()


def _rights(unit: Unit, status: Mapping[str, str]) -> Iterator[Attempt]:
    own = {str(unit.uid)}
    yield _attempt("user", holds=set(status["Uid"].split()) == own, evidence=status["Uid"].replace("\t", " "))
    yield _attempt("group", holds=set(status["Gid"].split()) == own, evidence=status["Gid"].replace("\t", " "))
    groups = {int(word) for word in status["Groups"].split()}
    more = groups - unit.groups - {unit.uid, OVERFLOW_ID}
    yield _attempt("groups", holds=not more, evidence=" ".join(str(each) for each in sorted(groups)) or "none")
    held = [name for name in _CAPABILITIES if int(status[name], 16)]
    yield _attempt("capabilities", holds=not held, evidence=", ".join(held) or "none")
    yield _attempt("no new privileges", holds=status["NoNewPrivs"] == "1", evidence=status["NoNewPrivs"])
    yield _attempt("system call filter", holds=status["Seccomp"] == _FILTERED, evidence=f"mode {status['Seccomp']}")


def _cgroup(unit: Unit, text: str) -> Attempt:
    """Check that the process stands in its unit's cgroup, where the address filter hangs."""
    path = text.strip().rpartition("::")[2]
    return _attempt("cgroup", holds=unit.service in path.split("/"), evidence=path)


def _network(unit: Unit, proc: Path) -> Iterator[Attempt]:
    """Check that a unit with a network of its own sees no interface but its loopback."""
    if unit.has_own_network:
        lines = (proc / "net/dev").read_text().splitlines()[2:]
        found = sorted(line.partition(":")[0].strip() for line in lines)
        yield _attempt("own network", holds=found == ["lo"], evidence=", ".join(found) or "no interface")


def _attempt(target: str, *, holds: bool, evidence: str) -> Attempt:
    return Attempt(
        group=GROUP, target=target, outcome=Outcome.EXPECTED if holds else Outcome.REACHED, evidence=evidence
    )
