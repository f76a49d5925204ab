"""Say whether a server has the GPUs of its profile, joined as the profile needs them.

Before the driver is there the PCI bus is counted; with it, 'nvidia-smi' tells memory, ECC and how the GPUs are joined.
Reads one JSON object from its standard input and writes {"findings": [...], "remarks": [...]}.
"""
# ruff: noqa: INP001, S603, S607 (sent to a host and run by its own Python, with its own programs)

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NVIDIA = "0x10de"
DISPLAY = "0x03"
"""PCI base class of display and 3D controllers (PCI Code and ID Assignment, 1.4)."""

NVLINK = re.compile(r"NV\d+")
FIELDS = ("index", "name", "memory.total", "ecc.mode.current", "driver_version")
ANSWER_WITHIN_S = 60


def check(wanted: dict[str, Any]) -> dict[str, list[str]]:
    """Return findings and remarks about the GPUs; none when the profile needs none."""
    if not wanted["count"]:
        return {"findings": [], "remarks": []}
    if shutil.which("nvidia-smi") is None:
        return {
            "findings": list(_too_few(_on_bus(Path(wanted["root"])), wanted)),
            "remarks": [
                "The GPUs' driver is not here yet, so memory and NVLink were not looked at; role gpu brings it."
            ],
        }
    rows, failure = _asked()
    if failure:
        return {"findings": [failure], "remarks": []}
    return {
        "findings": [*_too_few(len(rows), wanted), *_kinds(rows, wanted), *_links(len(rows), wanted)],
        "remarks": [f"GPU {row['index']} has ECC off; 'nvidia-smi -e 1' and a reboot switch it on."
                    for row in rows if row["ecc.mode.current"] == "Disabled"],
    }  # fmt: skip


def _too_few(found: int, wanted: dict[str, Any]) -> Iterator[str]:
    if found < wanted["count"]:
        number = {0: "no GPU", 1: "one GPU"}.get(found, f"{found} GPUs")
        yield (
            f"There is {number}, and profile {wanted['profile']} needs {wanted['count']}. Look at slot, power and BIOS "
            "('Above 4G decoding'), or choose appliance_profile: cpu."
        )


def _on_bus(root: Path) -> int:
    folders = (root / "sys/bus/pci/devices").glob("*")
    return sum(
        (each / "vendor").read_text().strip() == NVIDIA and (each / "class").read_text().startswith(DISPLAY)
        for each in folders
    )


def _asked() -> tuple[list[dict[str, str]], str]:
    """Return one row a GPU, or why there is none."""
    done = _smi(f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits")
    if done is None:
        return [], f"'nvidia-smi' gave no answer within {ANSWER_WITHIN_S} s; see 'dmesg | grep NVRM', and reboot."
    if done.returncode:
        if "No devices" in done.stdout + done.stderr:
            return [], ""
        return [], "'nvidia-smi' cannot speak to the driver; reboot, and see 'dmesg | grep NVRM' if it stays so."
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines() if line.strip()]
    return [dict(zip(FIELDS, row, strict=True)) for row in rows if len(row) == len(FIELDS)], ""


def _kinds(rows: list[Any], wanted: dict[str, Any]) -> Iterator[str]:
    for row in rows:
        if wanted["name"] not in row["name"]:
            yield f"GPU {row['index']} is a {row['name']}; profile {wanted['profile']} is made for {wanted['name']}s."
        elif int(row["memory.total"]) < wanted["memory_mib"]:
            yield (
                f"GPU {row['index']} has {row['memory.total']} MiB, and profile {wanted['profile']} needs "
                f"{wanted['memory_mib']}; the model would not fit. Switch MIG off, or use the 80 GB kind."
            )


def _links(number: int, wanted: dict[str, Any]) -> Iterator[str]:
    """Look for NVLink in the matrix of 'nvidia-smi topo -m': a row a GPU, a column a GPU."""
    if number < wanted["count"] or wanted["count"] < 2:  # noqa: PLR2004 (a pair)
        return
    done = _smi("topo", "-m")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout if done else "")
    rows = {line.split()[0]: line.split()[1:] for line in plain.splitlines() if re.match(r"GPU\d+\s", line)}
    for first in range(number):
        for second in range(first + 1, number):
            cells = rows.get(f"GPU{first}", [])
            joined = cells[second] if second < len(cells) else "nothing"
            if not NVLINK.fullmatch(joined):
                yield (
                    f"GPU {first} and GPU {second} are joined by {joined} and not by NVLink; tensor parallel over PCIe "
                    "is several times slower. Seat the NVLink bridges."
                )


def _smi(*words: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            ["nvidia-smi", *words], check=False, capture_output=True, text=True, timeout=ANSWER_WITHIN_S
        )
    except subprocess.TimeoutExpired:
        return None


if __name__ == "__main__":
    json.dump(check(json.load(sys.stdin)), sys.stdout)
