"""A stand-in for ``nvidia-smi``: answers the two questions that the playbooks ask, in the form of the real program.

The form is that of its documentation, with the escape codes of ``topo -m``; the figures are made up.  It never looks at
this machine's own GPUs.
"""

from pathlib import Path

_SCRIPT = """#!/bin/sh
case "$1" in
--query-gpu=*) cat "$0.gpus"; [ -s "$0.gpus" ] || { echo "No devices were found"; exit 6; } ;;
topo) cat "$0.topology" ;;
*) echo "the stand-in knows no $1" >&2; exit 2 ;;
esac
"""


def write_nvidia_smi(
    folder: Path, *, gpus: int = 2, name: str = "NVIDIA A100-SXM4-80GB", mib: int = 81920, joined: str = "NV12"
) -> Path:
    """Put a ``nvidia-smi`` into the folder that tells of so many GPUs, and return the folder for PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "nvidia-smi"
    program.write_text(_SCRIPT)
    program.chmod(0o755)
    rows = (f"{index}, {name}, {mib}, Enabled, 580.65.06\n" for index in range(gpus))
    program.with_name("nvidia-smi.gpus").write_text("".join(rows))
    program.with_name("nvidia-smi.topology").write_text(_topology(gpus, joined))
    return folder


def _topology(gpus: int, joined: str) -> str:
    names = [f"GPU{index}" for index in range(gpus)]
    head = "\t\x1b[4m" + "\t".join([*names, "CPU Affinity", "NUMA Affinity", "GPU NUMA ID"]) + "\x1b[0m\n"
    rows = (
        "\t".join([each, *(" X " if each == other else joined for other in names), "0-31", "0", "N/A"]) + "\n"
        for each in names
    )
    return (
        head + "".join(rows) + "\nLegend:\n\n  X    = Self\n  NV#  = Connection traversing a bonded set of # NVLinks\n"
    )
