"""What each unit may reach, make and write: everything else must be refused.

The units' files (``ansible/roles``) and the firewall say the same in their own words; this is the third account, from
which nothing is generated, so that a slip in one of them is found.  MUST NOT grow an entry to make a finding go away.
"""

import grp
import ipaddress
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import yaml

from appliance.errors import ConfigError
from appliance.isolation.network_file import Endpoint, Link, Network

RUN = Path("/run")

_LOCAL = frozenset({socket.AF_UNIX})
_INTERNET = _LOCAL | {socket.AF_INET, socket.AF_INET6}
_INTERFACES = _INTERNET | {socket.AF_NETLINK}
"""gloo and NCCL read the interfaces over netlink, also of the engine's own empty network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What one unit may do."""

    name: str
    """Without ``appliance-`` and ``.service``."""

    user: str
    """The program as whose user it runs, without ``appliance-``: its own name for all but Ray."""

    uid: int
    """Its user and its group, which have the same number."""

    groups: frozenset[int]
    """The other groups that it may have."""

    families: frozenset[int]
    """The address families of which it may make sockets."""

    has_own_network: bool
    """Whether it lives in an empty network namespace (PrivateNetwork=)."""

    may_speak_to_itself: bool
    """Whether the address filter lets loopback through."""

    endpoints: tuple[Endpoint, ...]
    """Where it may go; empty for all but the broker and the relays."""

    link: Link | None
    """The way to the other hosts of an engine; None for all but the engine and Ray, and for them on a single host."""

    state: tuple[Path, ...]
    """The folders in which it may write, besides its own temporary ones."""

    sockets: tuple[Path, ...]
    """The sockets, or folders of sockets, of others that may answer it."""

    @property
    def service(self) -> str:
        """The systemd unit."""
        return f"appliance-{self.name}.service"

    @property
    def run(self) -> Path:
        """Its runtime folder."""
        return RUN / f"appliance-{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """The part of a unit that does not depend on the site."""

    families: frozenset[int] = _INTERNET
    has_own_network: bool = False
    may_speak_to_itself: bool = True
    user: str = ""
    """The program as whose user it runs; its own name if empty."""

    state: tuple[str, ...] = ()
    """Folders under HOME."""

    groups: tuple[str, ...] = ()
    """Programs whose sockets it may open."""

    sockets: tuple[str, ...] = ()
    """Other sockets, under /run."""

    host_groups: tuple[str, ...] = ()
    """Groups of the distribution, whose numbers differ from host to host."""


_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "gateway": _Kind(state=("gateway",), groups=("engine", "broker", "recorder")),
        "engine": _Kind(families=_INTERFACES, has_own_network=True, state=("engine",)),
        # Only where an engine stands on several hosts: it starts the engine's workers, as the engine's user.
        "ray": _Kind(families=_INTERFACES, user="engine", state=("engine",)),
        "broker": _Kind(may_speak_to_itself=False, state=("broker",), groups=("recorder",)),
        "recorder": _Kind(
            families=_LOCAL,
            has_own_network=True,
            may_speak_to_itself=False,
            state=("audit", "witness", "archive"),
            sockets=("postgresql", "appliance-witness"),
        ),
        "console": _Kind(state=("custodian", "approvals"), groups=("recorder",), sockets=("postgresql",)),
        "metrics": _Kind(),
        "witness": _Kind(may_speak_to_itself=False),
        # It reads the journal's files, and that is all that the group is for.
        "syslog": _Kind(may_speak_to_itself=False, state=("syslog",), host_groups=("systemd-journal",)),
    }
)

PROGRAMS = tuple(_KINDS)
"""Every unit that is tried: the five programs, Ray and the three relays."""

CORE = ("gateway", "engine", "ray", "broker", "recorder", "console")
"""What runs the check at its start and must run where it is `present`; the relays run only where a site wants them."""

EVERYBODYS = ("systemd/notify", "systemd/journal")
"""What any unit needs of systemd: to say that it is ready, and to log."""


def present(network: Network) -> tuple[str, ...]:
    """Return the units of this host: Ray only on an engine's link, and nothing else on a host that lends its cards."""
    if network.engine_link and network.engine_link.is_lender:
        return ("ray",)
    return tuple(name for name in PROGRAMS if name in network.users or (name == "ray" and network.engine_link))


def expected(name: str, network: Network, home: Path) -> Unit:
    """Return what a unit may do at this site.  Raises ConfigError if there is no such unit or it has no user."""
    kind = _KINDS.get(name)
    if kind is None:
        message = f"there is no unit '{name}'; give one of {', '.join(PROGRAMS)}."
        raise ConfigError(message)
    user = kind.user or name
    missing = [each for each in (user, *kind.groups) if each not in network.users]
    if missing:
        message = f"the network file names no user for '{missing[0]}'; run the playbook with --tags firewall."
        raise ConfigError(message)
    link = network.engine_link if user == "engine" else None
    own = (f"appliance-{name}", *(f"appliance-{each}" for each in kind.groups))
    return Unit(
        name=name,
        user=user,
        uid=network.users[user],
        groups=frozenset(network.users[each] for each in kind.groups) | _numbers(kind.host_groups),
        families=kind.families,
        has_own_network=kind.has_own_network and not link,
        may_speak_to_itself=kind.may_speak_to_itself,
        endpoints=_endpoints(name, network),
        link=link,
        state=(*(home / each for each in kind.state), *_other_media(name, home), RUN / f"appliance-{name}"),
        sockets=tuple(RUN / each for each in (*own, *kind.sockets, *EVERYBODYS)),
    )


def _other_media(name: str, home: Path) -> tuple[Path, ...]:
    """Return the folders of the recorder's file witnesses, which lie on other media.  Raises ConfigError."""
    file = home / "trail.yaml"
    if name != "recorder" or not file.exists():
        return ()
    try:
        held = yaml.safe_load(file.read_text()) or {}
        return tuple(Path(each["path"]).parent for each in held.get("witnesses") or () if each["kind"] == "file")
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        message = f"{file} cannot be read; run the playbook with --tags software, which writes it."
        raise ConfigError(message, detail=type(error).__name__) from error


def _endpoints(name: str, network: Network) -> tuple[Endpoint, ...]:
    if name == "broker":
        return network.endpoints
    loopback = (ipaddress.ip_network("127.0.0.1/32"),)
    single = {
        "witness": network.witness_relay,
        "syslog": network.syslog,
        "metrics": Endpoint(name="metrics", addresses=loopback, port=network.metrics_port),
    }.get(name)
    return (single,) if single else ()


def _numbers(groups: Iterable[str]) -> frozenset[int]:
    return frozenset(each.gr_gid for each in grp.getgrall() if each.gr_name in groups)
