"""One disclosure as its record tells it: when, to whom, what, and why (45 CFR 164.528(b)(2)).

Facts are data that another program wrote.  A member that is missing or of another type reads as empty, so that a
disclosure is always listed, at worst with a gap that a person can see.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from audit.canonical import Value
from audit.query import Entry
from audit.view import to_time

NOT_RECORDED = "not recorded"
"""What stands where a record is silent."""

PURPOSES = MappingProxyType(
    {
        "TREAT": "treatment",
        "HPAYMT": "payment",
        "HOPERAT": "health care operations",
        "ETREAT": "emergency treatment",
        "BTG": "emergency access (break the glass)",
    }
)
"""Purposes of use in plain words (HL7 v3 PurposeOfUse)."""

_MANAGED = "managed:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """One disclosure; empty where the record says nothing."""

    sequence: int
    event_id: str
    exchange_id: str
    time_ms: int
    provider: str
    service: str
    region: str
    agreement: str
    """Id of the business associate agreement that covered it."""

    recipient: str
    recipient_address: str
    kinds: tuple[str, ...]
    """Kinds of identifiers and health information that were in it, as the inspection found them."""

    counts: Mapping[str, int]
    """How many of each kind."""

    size_bytes: int
    digest: str
    """Digest of the bytes that left, as the disclosing process stated it."""

    description: str
    purpose: str
    task: str
    client: str

    @property
    def time(self) -> str:
        """Return the moment, ISO 8601 in UTC."""
        return to_time(self.time_ms)

    @property
    def to_whom(self) -> str:
        """Return the entity that received it."""
        return self.recipient or self.provider or NOT_RECORDED

    @property
    def what(self) -> str:
        """Return a brief description of what was disclosed."""
        return "; ".join(part for part in (self.description, self.contents) if part) or NOT_RECORDED

    @property
    def contents(self) -> str:
        """Return the kinds with their numbers, such as ``date (2), name (1)``."""
        counted = (f"{kind} ({self.counts[kind]})" if kind in self.counts else kind for kind in self.kinds)
        return ", ".join(counted)

    @property
    def why(self) -> str:
        """Return the statement of the purpose."""
        words = PURPOSES.get(self.purpose, self.purpose) or NOT_RECORDED
        return f"{words}; task {self.task}" if self.task else words


def read_disclosure(entry: Entry) -> Disclosure:
    """Return what a disclosure event tells."""
    facts, leaf = entry.facts, entry.leaf
    counts = dict(_count(item) for item in _texts(facts, "counts") if "=" in item)
    return Disclosure(
        sequence=leaf.sequence,
        event_id=leaf.event_id,
        exchange_id=leaf.exchange_id,
        time_ms=leaf.time_ms,
        provider=_text(facts, "provider") or leaf.route.removeprefix(_MANAGED),
        service=_text(facts, "service"),
        region=_text(facts, "region"),
        agreement=_text(facts, "agreement"),
        recipient=_text(facts, "recipient"),
        recipient_address=_text(facts, "recipient_address"),
        kinds=tuple(dict.fromkeys([*_texts(facts, "kinds"), *counts])),
        counts=counts,
        size_bytes=_number(facts, "bytes"),
        digest=_text(facts, "digest"),
        description=_text(facts, "description"),
        purpose=leaf.purpose,
        task=leaf.task,
        client=entry.client,
    )


def _text(facts: Mapping[str, Value], name: str) -> str:
    value = facts.get(name)
    return value if isinstance(value, str) else ""


def _number(facts: Mapping[str, Value], name: str) -> int:
    value = facts.get(name)
    return value if isinstance(value, int) else 0


def _texts(facts: Mapping[str, Value], name: str) -> list[str]:
    value = facts.get(name)
    return [item for item in value if isinstance(item, str)] if isinstance(value, (list, tuple)) else []


def _count(item: str) -> tuple[str, int]:
    kind, _, number = item.rpartition("=")
    return kind, int(number) if number.isascii() and number.isdigit() and len(number) < len("1000000000") else 0
