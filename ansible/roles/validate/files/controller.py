"""Say what is wrong with the site's own files on the controller: missing ones, and a policy that cannot load.

The whole check of a policy is our own 'appliance policy check', which role validate runs on the server once the
software is there; this one knows YAML only, and finds a slip before anything is changed.  Reads one JSON object from
its standard input and writes {"findings": [...], "remarks": [...]}.
"""
# ruff: noqa: INP001 (sent to a host and run by its own Python, with its own programs)

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FILES = ("providers.yaml", "roles.yaml", "retention.yaml", "phi.yaml", "schema.cedarschema")
"""Without these no policy loads."""

REMARK_DAYS = 30


def check(wanted: dict[str, Any]) -> dict[str, list[str]]:
    """Return findings and remarks about the site's files."""
    findings = [
        f"{name}: there is no file {path} on the controller. Put it there, or correct {name}."
        for name, path in sorted(wanted["files"].items())
        if not Path(path).is_file()
    ]
    if not wanted["policies"]:
        return {"findings": findings, "remarks": []}
    folder = Path(wanted["policies"])
    if not folder.is_dir():
        return {
            "findings": [*findings, f"appliance_policies: there is no folder {folder} on the controller."],
            "remarks": [],
        }
    register, broken = _read(folder)
    if broken:
        return {"findings": [*findings, *broken], "remarks": []}
    try:
        return {"findings": [*findings, *_providers(register, wanted)], "remarks": list(_agreements(register))}
    except (AttributeError, KeyError, TypeError, ValueError):
        odd = f"{folder / 'providers.yaml'} is not as its comment tells; 'appliance policy check' names the line."
        return {"findings": [*findings, odd], "remarks": []}


def _read(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the register of providers, and what does not load."""
    broken = [
        f"{folder / name} is missing; the policy does not load without it."
        for name in FILES
        if not (folder / name).is_file()
    ]
    if not list(folder.glob("*.cedar")):
        broken.append(f"{folder} holds no *.cedar file: nothing would be permitted. Copy the medium's policies first.")
    register: dict[str, Any] = {}
    for file in sorted(folder.rglob("*.y*ml")):
        try:
            held = yaml.safe_load(file.read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            broken.append(f"{file}{line} cannot be read as YAML; mend it ('appliance policy check' tells more).")
            continue
        if file == folder / "providers.yaml":
            register = held if isinstance(held, dict) else {}
            if not isinstance(register.get("providers"), list):
                broken.append(f"{file} has no list 'providers'; write 'providers: []' if there is none.")
    return register, broken


def _providers(register: dict[str, Any], wanted: dict[str, Any]) -> Iterator[str]:
    """Refuse a provider that could not be reached: without a credential, or by a name that nobody can look up."""
    for host in register.get("hosts") or []:
        is_range = any(ipaddress.ip_network(each, strict=False).num_addresses > 1 for each in host.get("addresses", []))
        if is_range and host["name"] not in wanted["provider_addresses"]:
            yield (
                f"providers.yaml pins {host['name']} to ranges, and this server asks no DNS. Write its addresses of "
                "today into appliance_provider_addresses."
            )
    for provider in register["providers"]:
        name = provider.get("credential", "")
        if name and name not in wanted["credentials"]:
            yield (
                f"providers.yaml names the credential '{name}' for {provider['name']}, and "
                "appliance_provider_credentials has none by this name. Add it to the vault."
            )


def _agreements(register: dict[str, Any]) -> Iterator[str]:
    """Remark an agreement that ended or soon ends: its provider closes by itself, and local work goes on."""
    today = dt.datetime.now(dt.UTC).date()
    for provider in register["providers"]:
        ends = sorted(dt.date.fromisoformat(str(each["expires"])[:10]) for each in provider.get("agreements", []))
        if not ends or ends[-1] <= today:
            yield f"No agreement with {provider['name']} is in force any more; nothing goes there until one is."
        elif (ends[-1] - today).days < REMARK_DAYS:
            yield f"The last agreement with {provider['name']} ends on {ends[-1]}; renew it."


if __name__ == "__main__":
    json.dump(check(json.load(sys.stdin)), sys.stdout)
