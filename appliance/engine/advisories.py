"""The ledger of vLLM's advisories: what each can do on our route, and what stands in its way.

Most advisories never reach us, because the engine's request is built from an allowlist and its process has no
network; a ledger that says so per advisory is worth only what checks it.  `disagreements` is that check: it compares
the ledger with the versions that the lock files pin.  It never decides that an advisory is harmless: a person did,
and the ledger says when.  The statement for scanners is OpenVEX 0.2.0.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from appliance.errors import ConfigError

LEDGER: Final = Path(__file__).with_name("advisories.yaml")

Route = Literal["blocked", "bounded", "exposed"]
"""Whether a caller can reach the fault: not at all, with bounded harm, or freely."""

State = Literal["fixed", "blocked", "bounded", "exposed"]
"""What an advisory comes to for one pinned version."""

_Version = Annotated[str, Field(pattern=r"^(\d+(\.\d+){1,3})?$")]
_Control = Annotated[str, Field(pattern=r"^(weights|(flag|field|variable|environment|unit):\S.*)$")]

_JUSTIFICATIONS: Final[Mapping[State, tuple[str, str]]] = {
    "fixed": ("fixed", ""),
    "blocked": ("not_affected", "inline_mitigations_already_exist"),
    "bounded": ("affected", ""),
    "exposed": ("affected", ""),
}
"""OpenVEX status and justification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One published fault of vLLM."""

    ids: tuple[str, ...]
    what: str
    fixed: str
    """First version with the fix; empty where none is known."""

    route: Route
    controls: tuple[str, ...]
    """What stands in its way: ``weights`` or ``KIND:NAME``."""

    def state(self, pin: str) -> State:
        """Return what it comes to in a pinned version."""
        return "fixed" if self.fixed and _parts(pin) >= _parts(self.fixed) else self.route


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All advisories, and what they were judged for."""

    floor: str
    """No pin may be older."""

    pins: Mapping[str, str]
    """Version by distribution, such as ``vllm``."""

    reviewed: date
    review_within: timedelta
    advisories: tuple[Advisory, ...]

    def is_due(self, today: date) -> bool:
        """Say whether a person has to look at the advisories again."""
        return today > self.reviewed + self.review_within

    def disagreements(self, pins: Mapping[str, str]) -> tuple[str, ...]:
        """Return in a sentence each what does not fit the versions that are pinned; empty when all does."""
        found = [
            f"{name} is pinned at {pin}, and the ledger judges {self.pins.get(name, 'no such distribution')}: review it"
            for name, pin in pins.items()
            if self.pins.get(name) != pin
        ]
        found += [
            f"{name} {pin} is older than {self.floor}, the oldest version that may serve"
            for name, pin in pins.items()
            if _parts(pin) < _parts(self.floor)
        ]
        found += [
            f"{advisory.ids[0]} is open in {name} {pin} and nothing stands in its way"
            for advisory in self.advisories
            for name, pin in pins.items()
            if advisory.state(pin) == "exposed"
        ]
        return tuple(found)

    def to_vex(self, *, at: datetime) -> dict[str, object]:
        """Return the OpenVEX document that a scanner takes, with a statement an advisory and pin."""
        return {
            "@context": "https://openvex.dev/ns/v0.2.0",
            "@id": f"urn:clinical-inference-appliance:vex:{self.reviewed.isoformat()}",
            "author": "clinical inference appliance",
            "timestamp": at.isoformat(timespec="seconds"),
            "version": 1,
            "statements": [
                _statement(advisory, name=name, pin=pin)
                for advisory in self.advisories
                for name, pin in self.pins.items()
            ],
        }


def load_ledger(file: Path = LEDGER) -> Ledger:
    """Read the ledger.  Raises ConfigError naming the entry that is wrong."""
    try:
        document = _Document.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{file.name} cannot be read as YAML.", detail=type(error).__name__) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{file.name}: '{where}': {first['msg']}.") from error
    _check_ids(document, file)
    return Ledger(
        floor=document.floor,
        pins=document.pins,
        reviewed=document.reviewed,
        review_within=timedelta(days=document.review_within_days),
        advisories=tuple(Advisory(**entry.model_dump()) for entry in document.advisories),
    )


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Entry(_Section):
    ids: Annotated[tuple[str, ...], Field(min_length=1)]
    what: Annotated[str, Field(min_length=8)]
    fixed: _Version
    route: Route
    controls: tuple[_Control, ...]


class _Document(_Section):
    floor: _Version
    pins: dict[str, _Version]
    reviewed: date
    review_within_days: Annotated[int, Field(ge=1, le=366)]
    advisories: Annotated[tuple[_Entry, ...], Field(min_length=1)]


def _check_ids(document: _Document, file: Path) -> None:
    seen: set[str] = set()
    for entry in document.advisories:
        twice = seen.intersection(entry.ids)
        if twice:
            raise ConfigError(f"{file.name}: {min(twice)} is judged twice; keep one entry.")
        if entry.route != "exposed" and not entry.controls:
            raise ConfigError(f"{file.name}: {entry.ids[0]} is '{entry.route}' by nothing; name its control.")
        seen.update(entry.ids)


def _statement(advisory: Advisory, *, name: str, pin: str) -> dict[str, object]:
    status, justification = _JUSTIFICATIONS[advisory.state(pin)]
    statement: dict[str, object] = {
        "vulnerability": {"name": advisory.ids[0], "aliases": list(advisory.ids[1:])},
        "products": [{"@id": f"pkg:pypi/{name}@{pin}"}],
        "status": status,
        "status_notes": f"{advisory.what}; controls: {', '.join(advisory.controls)}",
    }
    if justification:
        statement["justification"] = justification
    if status == "affected":
        statement["action_statement"] = f"Bounded by {', '.join(advisory.controls)}; the engine restarts by itself."
    return statement


def _parts(version: str) -> tuple[int, ...]:
    """Return the numbers of a version; a local or a post-release part counts as none."""
    numbers = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in numbers.group().split(".")) if numbers else ()
