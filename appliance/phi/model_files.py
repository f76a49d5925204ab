"""Check that the guard's model files are the pinned ones before anything is read from them.

`models.json` beside this module holds each file's SHA-256; `.ci/guard-models` fills the folder from the same list.
A missing, changed or unreadable file stops the guard (OWASP LLM03, supply chain): a model that was swapped could be
one that sees no names.  Nothing is ever fetched here.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from appliance.errors import PhiGuardUnavailableError

PINS = Path(__file__).with_name("models.json")
"""Relative path of each file -> where in the wheels it comes from, and its SHA-256."""


def check_files(models: Path) -> None:
    """Compare every pinned file with its digest.  Raises PhiGuardUnavailableError naming the first that differs."""
    for name, pinned in pinned_files().items():
        try:
            with (models / name).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise PhiGuardUnavailableError(detail=f"model file {name} cannot be read; run 'make gateway'") from error
        if digest != pinned:
            raise PhiGuardUnavailableError(detail=f"model file {name} is not the pinned one; run 'make gateway'")


def pinned_files() -> Mapping[str, str]:
    """Return the SHA-256 of each model file by its path below the models' folder."""
    files = json.loads(PINS.read_text())["files"]
    return {name: file["sha256"] for name, file in files.items()}
