"""Values of the proof of isolation, as a site would have them: a network file, a unit, tries and reports."""

import copy
import time
from pathlib import Path
from typing import Any

import yaml

from appliance.isolation.attempt import Attempt, Outcome
from appliance.isolation.expectations import Unit, expected
from appliance.isolation.network_file import Network, read_network
from appliance.isolation.report import Report, UnitReport

NETWORK: dict[str, Any] = {
    "users": {
        "gateway": 861,
        "engine": 862,
        "broker": 863,
        "recorder": 864,
        "console": 865,
        "metrics": 866,
        "witness": 867,
        "syslog": 868,
    },
    "endpoints": [{"name": "api.vendor.example", "port": 443, "addresses": ["203.0.113.8/30"]}],
    "networks": {"client": ["10.1.0.0/16"], "officer": ["10.2.0.0/16"], "admin": ["10.3.0.0/16"], "monitoring": []},
    "ports": {"gateway": 8443, "console": 8444, "metrics": 8445, "scrape": 9443, "ssh": 22},
    "ntp": [],
    "syslog": {},
    "witness_relay": {"address": "10.9.0.7", "port": 6514},
    "fingerprint": "00" * 32,
}
"""``network.yaml`` as the playbook writes it."""


LINK: dict[str, Any] = {"network": "192.168.77.0/30", "ports": {"first": 20000, "last": 65535}, "lender": False}
"""The engine's link as the playbook writes it on the host whose engine serves."""

STATUS = {
    "Uid": "861\t861\t861\t861",
    "Gid": "861\t861\t861\t861",
    "Groups": "862 863 864 65534",
    "CapInh": "0000000000000000",
    "CapPrm": "0000000000000000",
    "CapEff": "0000000000000000",
    "CapBnd": "0000000000000000",
    "CapAmb": "0000000000000000",
    "NoNewPrivs": "1",
    "Seccomp": "2",
}
"""/proc/PID/status of a confined gateway."""


def write_network(file: Path, **changed: object) -> Path:
    """Write a network file; a key that is None is left out."""
    held = {**copy.deepcopy(NETWORK), **changed}
    file.write_text(yaml.safe_dump({name: value for name, value in held.items() if value is not None}))
    return file


def a_network(folder: Path, **changed: object) -> Network:
    """Return a network as it is read from a file."""
    return read_network(write_network(folder / "network.yaml", **changed))


def a_unit(folder: Path, name: str = "gateway", **changed: object) -> Unit:
    """Return what a unit may do at such a site."""
    return expected(name, a_network(folder, **changed), folder)


def an_attempt(outcome: Outcome = Outcome.REFUSED) -> Attempt:
    """Return one try."""
    return Attempt(group="tcp", target="Internet 192.0.2.1:443", outcome=outcome, evidence="EPERM")


def a_report(*attempts: Attempt, age_s: float = 0.0) -> Report:
    """Return a report of one unit."""
    unit = UnitReport(name="gateway", state="active", attempts=attempts or (an_attempt(),))
    return Report(at=time.time() - age_s, seconds=5.0, units=(unit,), host=())
