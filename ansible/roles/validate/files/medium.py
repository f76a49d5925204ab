"""Say whether the medium is there, made for this server, and holds the model that the site chose.

Digests are the role medium's and, at every start, the engine's; here is looked whether what is named exists and has
the size that its manifest tells.  Reads one JSON object from its standard input and writes {"findings": [...],
"remarks": [...]}.
"""
# ruff: noqa: INP001 (sent to a host and run by its own Python, with its own programs)

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def check(wanted: dict[str, Any]) -> dict[str, list[str]]:
    """Return findings about the medium and the model."""
    medium = Path(wanted["medium"])
    findings = [*_medium(medium, wanted), *_model(medium, wanted["model"])]
    return {"findings": findings, "remarks": []}


def _medium(medium: Path, wanted: dict[str, Any]) -> Iterator[str]:
    try:
        held = json.loads((medium / "MEDIUM.json").read_text())
    except (OSError, ValueError):
        yield f"There is no medium at {medium} (no MEDIUM.json). Mount it there, or correct appliance_medium."
        return
    if wanted["release"] not in held.get("suites", {}):
        suites = ", ".join(sorted(held.get("suites", {})))
        yield f"The medium is made for {suites}, and this server runs {wanted['release']}. Bring a medium for it."
    engine = "cpu" if wanted["profile"] == "cpu" else "gpu"
    if engine not in held.get("engines", []):
        yield f"The medium holds no engine for profile {wanted['profile']}. Bring a medium with ENGINES={engine}."


def _model(medium: Path, model: str) -> Iterator[str]:
    folder = Path(model) if model.startswith("/") else medium / "models" / model
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError):
        if model.startswith("/") or (medium / "MEDIUM.json").exists():
            yield (
                f"There is no model with a manifest.json at {folder}. Correct appliance_model, or make the manifest "
                "with 'appliance model prepare'."
            )
        return
    for name, row in sorted(manifest.get("files", {}).items()):
        file = folder / name
        if not file.is_file():
            yield f"{file} is missing, and its manifest names it. Copy the weights again."
        elif file.stat().st_size != row["size"]:
            size = file.stat().st_size
            yield f"{file} has {size} bytes and not the {row['size']} of its manifest. Copy the weights again."


if __name__ == "__main__":
    json.dump(check(json.load(sys.stdin)), sys.stdout)
