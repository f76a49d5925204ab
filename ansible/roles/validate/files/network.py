"""Say which users, ports and networks of a site cannot be: taken by others, misspelt, or locking the play out.

Reads one JSON object from its standard input and writes {"findings": [...], "remarks": [...]}.  Runs with the Python
of the server itself and changes nothing.
"""
# ruff: noqa: INP001, S607 (sent to a host and run by its own Python, with its own programs)

from __future__ import annotations

import grp
import ipaddress
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def check(wanted: dict[str, Any]) -> dict[str, list[str]]:
    """Return findings and remarks about users, ports and networks."""
    findings = [
        *_users(wanted["users"]),
        *_ports(wanted["ports"], wanted["users"]),
        *_networks(wanted["networks"]),
        *_addresses(wanted["addresses"]),
        *_session(wanted["networks"]["appliance_admin_networks"], wanted["ssh_port"]),
    ]
    return {"findings": findings, "remarks": list(_remarks(wanted))}


def _users(users: dict[str, Any]) -> Iterator[str]:
    """Refuse a number or a name that is somebody else's: the firewall lets out by number."""
    for kind, entries in (("user", _entries(pwd.getpwall(), 2)), ("group", _entries(grp.getgrall(), 2))):
        for short, number in users.items():
            name = f"appliance-{short}"
            for other in sorted({each for each, held in entries if held == number and each != name}):
                yield (
                    f"The {kind} number {number} belongs to '{other}', and {name} needs it. Give '{other}' another "
                    f"({'usermod --uid' if kind == 'user' else 'groupmod --gid'}), or change appliance_users."
                )
            for held in (held for each, held in entries if each == name and held != number):
                yield f"The {kind} {name} has the number {held} and not {number}. Remove it, or change appliance_users."


def _entries(rows: Iterable[Any], index: int) -> list[tuple[str, int]]:
    return [(row[0], row[index]) for row in rows]


def _ports(ports: dict[str, Any], users: dict[str, Any]) -> Iterator[str]:
    """Refuse a port at which a program of somebody else listens."""
    if shutil.which("ss") is None:
        return
    done = subprocess.run(["ss", "-Hltnpe"], check=False, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        port = line.split()[3].rpartition(":")[2]
        if port not in ports:
            continue
        owner = re.search(r"\buid:(\d+)", line)
        program = re.search(r'users:\(\("([^"]+)",pid=(\d+)', line)
        if (int(owner.group(1)) if owner else 0) == users[ports[port]]:
            continue
        who = f"'{program.group(1)}' (process {program.group(2)})" if program else "another program"
        yield f"Port {port} is in use by {who}, and the {ports[port]} needs it. Stop that program, or move it."


def _networks(networks: dict[str, Any]) -> Iterator[str]:
    for variable, members in networks.items():
        for text in members:
            try:
                network = ipaddress.ip_network(text, strict=False)
            except ValueError:
                yield f"{variable}: '{text}' is no network such as 10.20.0.0/24; mend it."
                continue
            if network.prefixlen == 0:
                yield f"{variable}: {text} is the whole world; name the hospital's own networks."
    if not networks["appliance_admin_networks"]:
        yield "appliance_admin_networks is empty: nobody could reach this server by ssh any more. Name the network."
    if not networks["appliance_client_networks"]:
        yield "appliance_client_networks is empty: no client could reach the gateway. Name the integrations' networks."


def _addresses(addresses: list[Any]) -> Iterator[str]:
    """Refuse what is no address: the server asks no DNS."""
    for variable, text in addresses:
        try:
            ipaddress.ip_address(text)
        except ValueError:
            yield f"{variable}: '{text}' is no IP address, and the server asks no DNS; write the address."


def _session(admins: list[Any], ssh_port: int) -> Iterator[str]:
    """Refuse to lock out the very session that runs this."""
    client, port = _ssh_client()
    if client is None:
        return
    if port != ssh_port:
        yield f"This play came in at port {port}, and the firewall opens {ssh_port}. Set firewall_ssh_port to {port}."
    address = ipaddress.ip_address(client)
    try:
        is_admin = any(address in ipaddress.ip_network(each, strict=False) for each in admins)
    except ValueError:
        return
    if not is_admin:
        yield (
            f"This play comes from {client}, which is in none of appliance_admin_networks: the firewall would lock it "
            "out. Add its network, or run the play from there."
        )


def _ssh_client() -> tuple[str | None, int]:
    """Return address and port of the ssh session: sudo takes it out of our environment, not out of its parents'."""
    pid = os.getpid()
    while pid > 1:
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            status = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None, 0
        found = re.search(rb"(?:^|\0)SSH_CONNECTION=(\S+) \d+ \S+ (\d+)", environment)
        if found:
            return found.group(1).decode().partition("%")[0], int(found.group(2))
        pid = int(status.rpartition(")")[2].split()[1])
    return None, 0


def _remarks(wanted: dict[str, Any]) -> Iterator[str]:
    if shutil.which("ss") is None:
        yield "There is no 'ss' here, so the ports were not looked at; install iproute2 from the medium."
    if not wanted["networks"]["appliance_officer_networks"]:
        yield "appliance_officer_networks is empty: no officer can reach the console."
    if not wanted["has_time_servers"]:
        yield "appliance_ntp_servers is empty: nothing sets this server's clock, and the trail goes by it."


if __name__ == "__main__":
    json.dump(check(json.load(sys.stdin)), sys.stdout)
