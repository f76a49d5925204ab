"""Checks the private link of an engine's hosts for scale.yml, on the controller; answers what is wrong, a line each.

It is given JSON: {"links": {HOST: {interface, network, address, head}}, "profiles": {HOST: PROFILE}}.
"""

import ipaddress
import json
import sys

PROFILE = "a100x2x2"
HOSTS = 2
"""As many pipeline stages as the profile has."""

KEYS = ("interface", "network", "address", "head", "token_file")


def findings(links: dict[str, dict[str, str]], profiles: dict[str, str]) -> list[str]:
    """Return every finding with what to do; empty if the link can be used."""
    found = [
        f"{host}: appliance_profile is {profile}; an engine over several hosts runs {PROFILE}, set it on each."
        for host, profile in profiles.items()
        if profile != PROFILE
    ]
    missing = [
        f"{host}: appliance_engine_link lacks {', '.join(key for key in KEYS if not link.get(key))}."
        for host, link in links.items()
        if not all(link.get(key) for key in KEYS)
    ]
    if missing:
        return [*found, *missing]
    alone = [f"{host}: {each}" for host, link in links.items() for each in _of_one(link)]
    return [*found, *alone, *_together(links)]


def _of_one(link: dict[str, str]) -> list[str]:
    try:
        network = ipaddress.IPv4Network(link["network"])
        address, head = ipaddress.IPv4Address(link["address"]), ipaddress.IPv4Address(link["head"])
    except ValueError as error:
        return [f"appliance_engine_link: {error}; give an IPv4 network in CIDR and addresses of it."]
    found = [
        f"appliance_engine_link.{name} {each} is no address of {network}; give the one on the private link."
        for name, each in (("address", address), ("head", head))
        if each not in network
    ]
    if not network.is_private or network.is_loopback or network.is_link_local:
        found.append(f"{network} is no private network (RFC 1918); drafts cross the link in the clear.")
    return found


def _together(links: dict[str, dict[str, str]]) -> list[str]:
    found = [
        f"appliance_engine_link.{key} differs between the hosts; it is the same for all of them."
        for key in ("network", "head")
        if len({link[key] for link in links.values()}) > 1
    ]
    if len(links) != HOSTS:
        found.append(f"appliance_engines has {len(links)} hosts; profile {PROFILE} needs {HOSTS}.")
    addresses = [link["address"] for link in links.values()]
    if len(set(addresses)) < len(addresses):
        found.append("two hosts have the same appliance_engine_link.address; each has its own.")
    if links and not {link["head"] for link in links.values()} & set(addresses):
        found.append("appliance_engine_link.head is no host's address; it is that of the host whose engine serves.")
    return found


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    sys.stdout.write("\n".join(findings(asked["links"], asked["profiles"])))
