"""Say what about a server's system, room and clock would keep it from being an appliance.

Reads one JSON object from its standard input and writes {"findings": [...], "remarks": [...]}: a finding stops the
playbook, a remark is shown.  Runs with the Python of the server itself, before anything is installed: only what every
Debian and Ubuntu has.  It changes nothing.
"""
# ruff: noqa: INP001, S603, S607 (sent to a host and run by its own Python, with its own programs)

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GIB = 1024**3


def check(wanted: dict[str, Any]) -> dict[str, list[str]]:
    """Return findings and remarks about the machine."""
    root = Path(wanted["root"])
    findings = [
        *_system(root, wanted["releases"]),
        *_memory(root, wanted["memory_gib"]),
        *_disks(wanted["disks"]),
        *_clock(wanted["now"], wanted["clock_tolerance_s"]),
    ]
    return {"findings": findings, "remarks": list(_addresses())}


def _system(root: Path, releases: dict[str, list[str]]) -> Iterator[str]:
    facts = dict(line.partition("=")[::2] for line in (root / "etc/os-release").read_text().splitlines() if "=" in line)
    name, version = facts.get("ID", "").strip('"'), facts.get("VERSION_ID", "").strip('"')
    if version not in releases.get(name, []):
        known = ", ".join(f"{each} {' or '.join(releases[each])}" for each in sorted(releases))
        yield (
            f"This is {name or 'an unknown system'} {version}; the medium is made for {known}. Install one of these, "
            "64 bit, without a desktop."
        )
    machine = os.uname().machine
    if machine != "x86_64":
        yield f"This machine is {machine}; the programs are built for x86_64. Use a server with such processors."
    if not (root / "run/systemd/system").is_dir():
        yield "systemd does not run this system; boot it with systemd as process 1."


def _memory(root: Path, needed_gib: float) -> Iterator[str]:
    lines = (root / "proc/meminfo").read_text().splitlines()
    total_kib = next(int(line.split()[1]) for line in lines if line.startswith("MemTotal:"))
    # The kernel keeps a few percent of what is built in.
    if total_kib * 1024 < 0.94 * needed_gib * GIB:
        yield (
            f"There are {total_kib / 1024**2:.1f} GiB of memory, and this profile needs {needed_gib:g}. Build more "
            "in, or choose another appliance_profile."
        )


def _disks(wanted: list[Any]) -> Iterator[str]:
    """Add up what is wanted of one file system; what the appliance holds already counts as free."""
    rooms: dict[int, dict[str, Any]] = {}
    for each in wanted:
        folder = Path(each["path"])
        place = next(parent for parent in (folder, *folder.parents) if parent.exists())
        room = rooms.setdefault(place.stat().st_dev, {"place": place, "needed": 0.0, "held": 0, "paths": []})
        room["needed"] += each["gib"] * GIB
        room["held"] += _size(folder) if folder.exists() else 0
        room["paths"].append(str(folder))
    for room in rooms.values():
        free = shutil.disk_usage(room["place"]).free
        if free + room["held"] < room["needed"]:
            yield (
                f"The disk of {' and '.join(room['paths'])} has {free / GIB:.1f} GiB free, and "
                f"{(room['needed'] - room['held']) / GIB:.1f} are needed. Make it larger, or mount a larger one there."
            )


def _size(folder: Path) -> int:
    done = subprocess.run(
        ["du", "--summarize", "--block-size=1", "--one-file-system", str(folder)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    return int(done.stdout.split()[0]) if done.stdout else 0


def _clock(now_s: float, tolerance_s: float) -> Iterator[str]:
    off_s = time.time() - now_s
    if abs(off_s) > tolerance_s:
        direction = "ahead of" if off_s > 0 else "behind"
        yield (
            f"The clock is {abs(off_s):.0f} s {direction} the controller's. Set the one that is wrong (as root: "
            "'timedatectl set-time'; the hardware clock by 'hwclock --systohc'): certificates, agreements and the "
            "trail go by it."
        )


def _addresses() -> Iterator[str]:
    """Remark an address that must be renewed: the firewall lets nothing ask for it."""
    if shutil.which("ip") is None:
        return
    done = subprocess.run(["ip", "-json", "address"], check=False, capture_output=True, text=True)
    for link in json.loads(done.stdout or "[]"):
        for each in link.get("addr_info", []):
            if each.get("dynamic"):
                yield (
                    f"The address {each['local']} of {link['ifname']} is lent by DHCP, and the firewall lets nothing "
                    "renew it. Give the server a fixed address."
                )


if __name__ == "__main__":
    json.dump(check(json.load(sys.stdin)), sys.stdout)
