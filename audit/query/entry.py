"""One event as far as it can be read without a private key, read from a row that is not believed.

A row whose leaf does not read, or that stands at another place than its leaf says, raises FormatError: it is never
shown half.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from audit.canonical import Value
from audit.compact import unpack
from audit.errors import FormatError
from audit.record import Leaf, read_facts
from audit.rows import RAW
from audit.store.schema import record
from audit.terms import column_terms, fact_terms

COLUMNS = (RAW["sequence"], RAW["leaf"], RAW["facts"], record.c.ciphertext.is_not(None).label("has_body"))
"""What `to_entry` reads of a row."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One event, as far as it can be read without a private key."""

    leaf: Leaf
    client: str
    """Client id, readable beside the leaf."""

    request_id: str
    trace_id: str
    facts: Mapping[str, Value]
    document: bytes
    """The facts document as it is bound by the leaf."""

    has_body: bool
    """True when a sealed body lies beside the leaf."""

    @cached_property
    def terms(self) -> Mapping[str, str]:
        """What the filters are asked of."""
        leaf = self.leaf
        return {**column_terms(leaf, self.client), **fact_terms(leaf.kind, leaf.route, self.facts)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One row of an answer: an exchange with all its events, or one event alone."""

    entries: tuple[Entry, ...]
    """Oldest first, at least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of an answer, newest first."""

    rows: tuple[Found, ...]
    next_cursor: str
    """Empty on the last page."""

    months_not_searched: tuple[str, ...]
    """Months whose records may name the patient or user but whose index key was not at hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBody:
    """The sealed bytes beside a leaf."""

    wrapped_key: bytes
    ciphertext: bytes


def to_entry(row: Sequence[object]) -> Entry:
    """Return the event of a row with `COLUMNS`.  Raises FormatError if it is damaged."""
    sequence, packed_leaf, packed_facts, has_body = row
    if not isinstance(packed_leaf, bytes) or not isinstance(packed_facts, bytes):
        raise damaged(sequence)
    leaf, document = Leaf.from_bytes(unpack(packed_leaf)), unpack(packed_facts)
    members = read_facts(document)
    facts = members.get("facts", {})
    if leaf.sequence != sequence or not isinstance(facts, Mapping):
        raise damaged(sequence)
    return Entry(
        leaf=leaf,
        client=_text(members, "client"),
        request_id=_text(members, "request_id"),
        trace_id=_text(members, "trace_id"),
        facts=facts,
        document=document,
        has_body=bool(has_body),
    )


def damaged(sequence: object) -> FormatError:
    """Return the error of a row that is no record."""
    return FormatError(f"record {sequence} is damaged; run 'audit verify' and keep a copy of the trail.")


def _text(members: Mapping[str, Value], name: str) -> str:
    value = members.get(name, "")
    return value if isinstance(value, str) else ""
