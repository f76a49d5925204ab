"""Which packages of a release go onto a medium: `ansible/medium/packages.yml`, read strictly.

A release that the file does not name gets those of `all` only.  MUST NOT decide what a role installs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from appliance.errors import ConfigError

_Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+(=[A-Za-z0-9.+:~-]+)?$")]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    all: tuple[_Name, ...]
    bookworm: tuple[_Name, ...] = ()
    trixie: tuple[_Name, ...] = ()
    jammy: tuple[_Name, ...] = ()
    noble: tuple[_Name, ...] = ()
    gpu: tuple[_Name, ...] = Field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Names of packages."""

    by_suite: Mapping[str, tuple[str, ...]]
    gpu: tuple[str, ...]
    """For a medium with the GPU engine, where a source has them."""


def read_wanted(path: Path) -> Wanted:
    """Read the list.  Raises ConfigError naming what is wrong in it."""
    try:
        content = _File.model_validate(yaml.safe_load(path.read_text()))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is no YAML; yamllint names the line.") from error
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        raise ConfigError(f"{path}: '{where}' must be a list of package names, optionally NAME=VERSION.") from error
    suites = ("bookworm", "trixie", "jammy", "noble")
    return Wanted(by_suite={suite: (*content.all, *getattr(content, suite)) for suite in suites}, gpu=content.gpu)
