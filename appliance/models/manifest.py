"""What a model on disk must be, byte for byte: the manifest beside its weights.

`manifest.json` is canonical JSON (sorted keys, no spaces, UTF-8, integers only), and the model's digest is the
SHA-256 of exactly those bytes, so `sha256sum manifest.json` prints it.  The round-trip law: `from_bytes(b)` succeeds
only if `to_bytes()` gives `b` again, and `from_bytes(m.to_bytes()) == m` for every manifest.  So one model has one
digest, and two manifests with one digest are equal.  A manifest never names code or a pickle: weights that run are
how CVE-2025-24357 and CVE-2026-22807 worked.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Annotated, BinaryIO, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from appliance.errors import ManifestMismatchError
from appliance.exchange import ModelIdentity

FILE_NAME = "manifest.json"
"""Stands in the model's folder and is the one file there that it does not list."""

UNFINISHED_NAME = f".{FILE_NAME}.unfinished"
"""What a crash while writing leaves; never read."""

MAX_BYTES = 4 * 1024 * 1024
"""About 20,000 files; a 70B model has 30."""

UNSAFE_SUFFIXES = frozenset(
    {
        *(".py", ".pyc", ".pyd", ".pyx", ".pyz", ".so", ".sh", ".whl"),  # code
        *(".bin", ".ckpt", ".dill", ".joblib", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth", ".pt2"),  # pickles
    }
)
"""Files that loading may execute; vLLM reads weights from ``.safetensors``, which cannot."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""64 lowercase hex digits."""

Words = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""One line for people."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileEntry(_Part):
    """One file's exact content."""

    sha256: Sha256
    size: int = Field(ge=0)
    """Bytes."""


class Quantization(_Part):
    """How the weights are stored, and what was done to get there."""

    method: Words
    """``awq``, ``gptq`` …, or ``none`` for weights of 16 bits."""

    container: Words
    """The loader's name for the layout: ``compressed-tensors``, ``awq`` …; ``none`` without one."""

    bits: int = Field(ge=1, le=32)
    group_size: int = Field(ge=-1)
    """Weights that share a scale; -1 for a whole row, 0 without quantization."""

    symmetric: bool
    """False when each group has a zero point too."""

    recipe: tuple[Words, ...] = ()
    """The steps in order, in words that let somebody repeat them; empty when we did not do them."""

    @field_validator("recipe", mode="before")
    @classmethod
    def _from_json(cls, value: object) -> object:
        return tuple(value) if isinstance(value, list) else value


class Manifest(_Part):
    """Everything that is pinned about one model."""

    version: Literal[1] = 1
    """Of this form; fields only grow."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    """As told to callers in the Appliance-Model header."""

    source: Words
    """Where the weights came from."""

    source_digests: Mapping[Words, Sha256] = {}
    """SHA-256 of what was fetched, by its file name; empty when a site pins a folder that it was given."""

    licence: Words
    """SPDX expression or the licence's own name."""

    quantization: Quantization
    calibration_digest: Sha256 | None = None
    """SHA-256 of the text that the scales were chosen on; None when it is not known."""

    tools: Mapping[Words, Words] = {}
    """Programs that made the files, with their versions."""

    created: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    """When it was pinned; of a model that we build, when its recipe was, so that building it twice gives one digest."""

    files: Mapping[str, FileEntry] = Field(min_length=1)
    """By path under the folder, with ``/``."""

    @field_validator("files")
    @classmethod
    def _check_paths(cls, files: Mapping[str, FileEntry]) -> Mapping[str, FileEntry]:
        for path in files:
            check_path(path)
        return files

    @field_validator("created")
    @classmethod
    def _check_created(cls, created: str) -> str:
        datetime.strptime(created, "%Y-%m-%dT%H:%M:%S%z")
        return created

    def to_bytes(self) -> bytes:
        """Return the canonical bytes, those of `manifest.json`."""
        value = self.model_dump(mode="json")
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read canonical bytes.  Raises ManifestMismatchError for anything else, whatever the bytes are."""
        try:
            manifest = cls.model_validate_json(data)
        except ValidationError as error:
            raise ManifestMismatchError(f"The model's manifest is not valid: {_first_fault(error)}.") from error
        if manifest.to_bytes() != data:
            raise ManifestMismatchError("The model's manifest was edited: its bytes are not in canonical form.")
        return manifest

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the canonical bytes, 64 hex digits: the model's identity."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @property
    def size_bytes(self) -> int:
        """Return how many bytes all files have."""
        return sum(entry.size for entry in self.files.values())

    def identity(self) -> ModelIdentity:
        """Return name and digest as every record and answer names them."""
        return ModelIdentity(name=self.name, digest=self.digest)


def check_path(path: str) -> None:
    """Refuse a path that leaves the folder, is written in two ways, or names code.  Raises ValueError."""
    pure = PurePosixPath(path)
    parts_are_plain = not any(part in {"..", "."} for part in pure.parts) and pure.as_posix() == path != "."
    if not parts_are_plain or pure.is_absolute() or not path.isprintable() or "\\" in path:
        raise ValueError("a file's path must stay in the model's folder and be written plainly")
    if path == FILE_NAME:
        raise ValueError("a manifest does not list itself")
    if is_unsafe(path):
        raise ValueError("code and pickles are never part of a model")


def is_unsafe(path: str) -> bool:
    """Say whether loading such a file may execute what is in it."""
    return PurePosixPath(path.lower()).suffix in UNSAFE_SUFFIXES


def load_manifest(folder: Path) -> Manifest:
    """Read a folder's manifest, not its files.  Raises ManifestMismatchError."""
    try:
        with open_itself(folder / FILE_NAME) as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ManifestMismatchError(
            f"{folder} has no {FILE_NAME}; run 'appliance model prepare' for the embedded default, "
            "or 'appliance model pin' for weights of your own."
        ) from error
    except OSError as error:
        raise ManifestMismatchError(f"{folder / FILE_NAME} cannot be read: {error.strerror}.") from error
    if len(data) > MAX_BYTES:
        raise ManifestMismatchError(f"{folder / FILE_NAME} is too large to be a manifest.")
    return Manifest.from_bytes(data)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest so that it is there whole or not at all, also after a power cut."""
    unfinished = folder / UNFINISHED_NAME
    with unfinished.open("wb") as file:
        file.write(manifest.to_bytes())
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / FILE_NAME)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable (fsync(2): a file's own fsync does not)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_itself(path: Path) -> BinaryIO:
    """Open a file for reading, never what a symbolic link points to.  Raises OSError."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def _first_fault(error: ValidationError) -> str:
    """Name the field, never its value."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in fault["loc"][:2])
    return f"'{place}' {fault['type']}" if place else fault["type"]
