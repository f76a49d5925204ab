"""The kernel's rules beside those that ``/etc/nftables.conf`` gives, and beside the register of providers.

The same file is loaded into an empty network namespace and both are listed by the same program, so nothing of nft's
syntax is known here.  Only counters and handles, which differ by nature, are left out.  A table that somebody else
added is a difference too: a rule elsewhere can undo ours.  MUST NOT change a rule of the host.
"""

import hashlib
import ipaddress
import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from appliance.errors import ConfigError
from appliance.isolation.attempt import Attempt, Outcome
from appliance.isolation.network_file import Endpoint, Network

RULES = Path("/etc/nftables.conf")

GROUP = "rules"

NFT, UNSHARE, SHELL = "/usr/sbin/nft", "/usr/bin/unshare", "/bin/sh"

_PATIENCE_S = 5.0
"""nft answers in milliseconds."""

_SHOWN = 5
"""Differences that a report names."""

_ALIKE = "no difference"

_MOVING = frozenset({"handle", "packets", "bytes", "metainfo"})
"""Keys that say nothing of what the rules are."""

Listing = Sequence[Mapping[str, Any]]
"""What ``nft -j list ruleset`` prints under ``nftables``."""

Place = tuple[str, int]
"""A network and a port."""


def live() -> Listing:
    """List the host's rules.  Raises ConfigError if they cannot be read."""
    return _listing((NFT, "-j", "list", "ruleset"))


def wanted(file: Path = RULES) -> Listing:
    """List what the file gives in an empty network namespace.  Raises ConfigError if it cannot be loaded there."""
    script = f'{NFT} -f "$1" && exec {NFT} -j list ruleset'
    return _listing((UNSHARE, "--net", SHELL, "-c", script, "sh", str(file)))


def _listing(words: Sequence[str]) -> Listing:
    try:
        said = subprocess.run(  # noqa: S603  # fixed programs by their full paths
            words, capture_output=True, text=True, check=True, timeout=_PATIENCE_S, env={"PATH": os.defpath}
        ).stdout
        held = json.loads(said)["nftables"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        message = "nftables cannot be asked for its rules; run this as root, with the playbook's role firewall applied."
        raise ConfigError(message, detail=type(error).__name__) from error
    return [each for each in held if "metainfo" not in each]


def is_shut(listing: Listing) -> bool:
    """Say whether some chain drops what leaves this machine unless a rule lets it out."""
    chains = (each["chain"] for each in listing if "chain" in each)
    return any(each.get("hook") == "output" and each.get("policy") == "drop" for each in chains)


def compare(live_rules: Listing, wanted_rules: Listing) -> Attempt:
    """Say whether the two are the same, and what differs."""
    held, given = _lines(live_rules), _lines(wanted_rules)
    added = [f"not in the file: {each}" for each in held if each not in given]
    missing = [f"not in the kernel: {each}" for each in given if each not in held]
    found = [*added, *missing] or ([] if held == given else ["the rules stand in another order"])
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return _attempt(
        "live rules are the file's",
        holds=not found,
        evidence="; ".join([*found[:_SHOWN], *more]) or _ALIKE,
    )


def _lines(listing: Listing) -> list[str]:
    return [json.dumps(_still(each), sort_keys=True) for each in listing]


def _still(value: Any) -> Any:  # noqa: ANN401  # JSON, of any depth
    """Leave out what moves by itself, and sort the members of a set."""
    if isinstance(value, Mapping):
        kept = {name: _still(each) for name, each in value.items() if name not in _MOVING}
        if isinstance(kept.get("elem"), list):
            kept["elem"] = sorted(kept["elem"], key=json.dumps)
        return kept
    return [_still(each) for each in value] if isinstance(value, list) else value


def compare_file(network: Network, file: Path = RULES) -> Attempt:
    """Say whether the file is the one that was made together with the network file."""
    try:
        found = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        return _attempt("the file is the playbook's", holds=False, evidence=f"{file}: {error.strerror}")
    holds = found == network.fingerprint
    return _attempt(
        "the file is the playbook's",
        holds=holds,
        evidence=found[:12] if holds else f"{file} was changed by hand; run the playbook with --tags firewall",
    )


def compare_ways_out(listing: Listing, network: Network, registered: Iterable[Endpoint]) -> tuple[Attempt, ...]:
    """Compare where the kernel lets the broker go with the network file, and that with the register of providers."""
    allowed = set(_ways_out(listing, network.users["broker"]))
    listed = set(_places(network.endpoints))
    return (
        _same("the broker's ways out are the listed", allowed, listed),
        _same("the listed are the register's", listed, set(_places(registered))),
    )


def _same(target: str, left: set[Place], right: set[Place]) -> Attempt:
    differing = sorted(f"{network} port {port}" for network, port in left ^ right)
    return _attempt(target, holds=not differing, evidence="; ".join(differing) or _ALIKE)


def _places(endpoints: Iterable[Endpoint]) -> Iterator[Place]:
    for endpoint in endpoints:
        for network in _collapsed(endpoint.addresses):
            yield str(network), endpoint.port


def _collapsed(
    networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network],
) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Merge neighbours as nft's ``auto-merge`` does, each version by itself."""
    held = list(networks)
    four = [each for each in held if isinstance(each, ipaddress.IPv4Network)]
    six = [each for each in held if isinstance(each, ipaddress.IPv6Network)]
    return [*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)]


def _ways_out(listing: Listing, uid: int) -> Iterator[Place]:
    """Give the networks and ports of every rule that accepts what this user sends."""
    sets = {f"@{each['set']['name']}": each["set"].get("elem", []) for each in listing if "set" in each}
    for rule in (each["rule"] for each in listing if "rule" in each):
        matches = dict(_matches(rule["expr"]))
        if rule["chain"] == "output" and matches.get("skuid") == uid and {"accept": None} in rule["expr"]:
            members = _members(matches.get("daddr", "anywhere"), sets)
            for network in _collapsed(members):
                yield str(network), int(matches.get("dport", 0))


def _matches(expressions: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    for match in (each["match"] for each in expressions if "match" in each):
        left = match["left"]
        yield str(left.get("meta", {}).get("key") or left.get("payload", {}).get("field")), match["right"]


def _members(
    value: Any,  # noqa: ANN401  # an address, a prefix, a range, a set or its name: JSON
    sets: Mapping[str, Sequence[Any]],
) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    if isinstance(value, str) and value in sets:
        for each in sets[value]:
            yield from _members(each, sets)
    elif isinstance(value, Mapping) and "prefix" in value:
        yield ipaddress.ip_network(f"{value['prefix']['addr']}/{value['prefix']['len']}")
    elif isinstance(value, Mapping) and "range" in value:
        first, last = (ipaddress.ip_address(each) for each in value["range"])
        yield from ipaddress.summarize_address_range(first, last)
    elif value == "anywhere":
        yield from (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
    else:
        yield ipaddress.ip_network(str(value))


def refused(listing: Listing) -> Mapping[str, int]:
    """Return how many packets each user's counter of refusals has counted."""
    counters = (each["counter"] for each in listing if "counter" in each)
    prefix = "refused_"
    return {
        each["name"].removeprefix(prefix): int(each["packets"]) for each in counters if each["name"].startswith(prefix)
    }


def check_counter(unit: str, *, before: Mapping[str, int], after: Mapping[str, int], tried: int) -> Attempt:
    """Say whether the rules counted the tries that they refused: a rule that never matched refused nothing."""
    counted = after.get(unit, 0) - before.get(unit, 0)
    return Attempt(
        group="counter",
        target=f"refused_{unit}",
        outcome=Outcome.EXPECTED if counted >= tried > 0 else Outcome.UNPROVEN,
        evidence=f"{counted} counted, {tried} tried",
    )


def _attempt(target: str, *, holds: bool, evidence: str) -> Attempt:
    return Attempt(
        group=GROUP, target=target, outcome=Outcome.EXPECTED if holds else Outcome.REACHED, evidence=evidence
    )
