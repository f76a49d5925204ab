"""``python -m appliance.isolation.check --unit NAME``: the ExecStartPre of every unit; no isolation, no start.

Runs as the unit's own user inside its own sandbox, tries to get out, and writes what came of it to
``/run/appliance-NAME/isolation.json``, which `appliance isolation verify` reads.  Exit codes: 0 isolated; 1 not, with
one line that says why; 2 wrong use.  It answers a kernel or a unit file that lost a protection without a word.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from appliance.errors import ApplianceError
from appliance.isolation.attempt import Attempt, failures
from appliance.isolation.expectations import PROGRAMS, Unit, expected
from appliance.isolation.network_file import NETWORK_FILE, read_network
from appliance.isolation.probe import try_from_start
from appliance.release import check_release

RESULT = "isolation.json"
"""In the unit's runtime folder."""

CODE_OF_MOST = ("gateway",)
"""The environment that every program of ours runs from."""

CODE = MappingProxyType({"engine": ("gateway", "engine")})
"""Units that run from more than one."""

_SHOWN = 4
"""Findings that the one line names; the rest stand in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What the command was asked."""

    unit: str
    home: Path
    network: Path
    release: Path


def main(words: Sequence[str] | None = None) -> int:
    """Check this unit; return the exit code."""
    asked = _arguments(words)
    try:
        network = read_network(asked.network)
        unit = expected(asked.unit, network, asked.home)
        attempts = try_from_start(unit, network, asked.home)
        _write(unit, attempts)
        for part in CODE.get(asked.unit, CODE_OF_MOST):
            check_release(asked.release, part)
    except ApplianceError as error:
        return _refuse(asked.unit, error.public)
    except OSError as error:
        return _refuse(asked.unit, f"{error.filename or 'a system call'}: {error.strerror}")
    found = failures(attempts)
    return _refuse(asked.unit, _sentence(found)) if found else 0


def _arguments(words: Sequence[str] | None) -> Arguments:
    parser = argparse.ArgumentParser(description="Refuse the start of a unit that is not isolated.")
    parser.add_argument("--unit", required=True, choices=PROGRAMS)
    parser.add_argument("--home", required=True, type=Path, help="folder with all state of the appliance")
    parser.add_argument("--network", type=Path, default=NETWORK_FILE, help="what the firewall was made from")
    parser.add_argument("--release", type=Path, default=Path(sys.prefix).parent, help="folder with release.json")
    held = parser.parse_args(words)
    return Arguments(unit=held.unit, home=held.home, network=held.network, release=held.release)


def _write(unit: Unit, attempts: Sequence[Attempt]) -> None:
    """Replace the unit's result.  Not durable on purpose: /run ends with the boot, and so does what it says."""
    held = {
        "unit": unit.name,
        "at": time.time(),
        "invocation": os.environ.get("INVOCATION_ID", ""),
        "attempts": [attempt.to_json() for attempt in attempts],
    }
    part = unit.run / f".{RESULT}.part"
    part.write_text(json.dumps(held))
    part.chmod(0o640)
    part.replace(unit.run / RESULT)


def _sentence(found: Sequence[Attempt]) -> str:
    shown = "; ".join(f"{each.group} {each.target}: {each.evidence}" for each in found[:_SHOWN])
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"{shown}{more}"


def _refuse(unit: str, reason: str) -> int:
    sys.stderr.write(f"appliance-{unit} is not isolated and does not start: {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
