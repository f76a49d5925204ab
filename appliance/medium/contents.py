"""What a medium holds, in one small file that the roles read: `MEDIUM.json`.

Fields only grow; a reader refuses a format that it does not know.  The file is covered by the signature like every
other, so what it says may be believed once `verify` has passed, and not before.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from appliance.errors import ConfigError
from appliance.medium.verify import CONTENTS

Engine = Literal["cpu", "gpu"]
"""Variant of the engine's environment."""

Version = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)*([a-z0-9.]*)(\+[a-z0-9]+(\.[a-z0-9]+)*)?$")]
"""As PEP 440 writes it; it names a folder, so nothing else may stand in it."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Part):
    """What the medium was built from."""

    commit: str
    modified: bool
    """Whether files differed from the commit: such a medium is for trials."""


class SuiteContents(_Part):
    """What is there for one release."""

    python: str
    """Number of the interpreter that the environments are made with."""

    packages: int
    unknown_packages: tuple[str, ...] = ()
    """Packages that no source of the builder had; the role that needs one says so."""

    environments: Mapping[str, tuple[str, ...]]
    """Locks of each environment, `gateway`, `engine-cpu`, `engine-gpu` and `ansible`, as paths on the medium."""


class Contents(_Part):
    """All of `MEDIUM.json`."""

    format: Literal[1] = 1
    version: Version
    """Of the appliance; its folder on a host has this name."""

    built_at: str
    """UTC, in ISO 8601."""

    source: Source
    engines: tuple[Engine, ...]
    suites: Mapping[str, SuiteContents]
    models: Mapping[str, str]
    """Digest of each model, by its folder in `models/`."""

    def to_bytes(self) -> bytes:
        """Return the file's bytes: readable, keys sorted."""
        return (json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n").encode()

    @classmethod
    def from_medium(cls, folder: Path) -> Self:
        """Read what a medium says of itself.  Raises ConfigError when it is none, or newer than we know."""
        try:
            return cls.model_validate_json((folder / CONTENTS).read_bytes())
        except (OSError, ValidationError) as error:
            raise ConfigError(
                f"{folder / CONTENTS} cannot be read: {folder} is no install medium, or one of a newer format."
            ) from error
