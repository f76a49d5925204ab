"""Read canonical leaves and facts in one pattern match each, because `verify` reads millions of them.

A pattern here matches only text that is canonical by its form alone: members in their sorted order, no white space, no
escape, no empty member, whole numbers of at most 15 digits.  Whatever it does not match (an escape in a text, a member
of a newer release, damage) goes to the slow and complete reader, so a pattern can only ever save time, never let
something pass; a property test holds both against each other.
"""

import json
import re
from collections.abc import Mapping
from operator import lt
from typing import Any, NamedTuple

from audit.canonical import Value, decode
from audit.errors import FormatError
from audit.record import Kind, Leaf

_TEXT = r'[^"\\\x00-\x1f]'
"""A character that canonical JSON does not escape."""

_NUMBER = "0|[1-9][0-9]{0,14}"
"""A whole number that is surely below 2^53."""


class LeafText(NamedTuple):
    """The members of a leaf as text, empty where the leaf has none, in the order of the canonical bytes."""

    cipher: str
    client: str
    code: str
    exchange: str
    facts: str
    event: str
    kind: str
    model: str
    month: str
    origin: str
    outcome: str
    patients: tuple[str, ...]
    plain: str
    policy: str
    previous: str
    purpose: str
    route: str
    sequence: str
    skew: str
    task: str
    tenant: str
    time: str
    user: str


def read_leaf(data: bytes) -> LeafText:
    """Return the members of a leaf.  Raises FormatError for anything that is no canonical leaf."""
    try:
        match = _LEAF.fullmatch(data.decode())
    except UnicodeDecodeError as error:
        raise FormatError("leaf: it is not UTF-8 text") from error
    if match is None:
        return _complete(Leaf.from_bytes(data))
    members: list[Any] = list(match.groups(""))
    people: str = members[_PATIENTS]
    members[_PATIENTS] = tuple(people[2:-2].split('","')) if people else ()
    return LeafText._make(members)


def read_client(data: bytes) -> str:
    """Return the client id of a facts document.  Raises FormatError unless the document is canonical."""
    try:
        match = _FACTS.fullmatch(data.decode())
    except UnicodeDecodeError as error:
        raise FormatError("facts: they are not UTF-8 text") from error
    if match is not None:
        client, members = match.groups("")
        names = _NAMES(members)
        if all(map(lt, names, names[1:])):
            return client
    value = decode(data).get("client", "")
    return value if isinstance(value, str) else ""


def facts_of(data: bytes) -> Mapping[str, Value]:
    """Return the object `facts` of a document that `read_client` took; empty if it has none."""
    members = json.loads(data).get("facts")
    return members if isinstance(members, dict) else {}


def _complete(leaf: Leaf) -> LeafText:
    """Return a leaf that the complete reader took as the pattern would have."""
    return LeafText(
        cipher=leaf.cipher_digest,
        client=leaf.client,
        code=leaf.code,
        exchange=leaf.exchange_id,
        facts=leaf.facts_digest,
        event=leaf.event_id,
        kind=leaf.kind.value,
        model=leaf.model,
        month=leaf.month,
        origin=leaf.origin,
        outcome=leaf.outcome,
        patients=leaf.patients,
        plain=leaf.plain_commitment,
        policy=leaf.policy_digest,
        previous=leaf.previous,
        purpose=leaf.purpose,
        route=leaf.route,
        sequence=str(leaf.sequence),
        skew=str(leaf.skew_ms) if leaf.skew_ms else "",
        task=leaf.task,
        tenant=leaf.tenant,
        time=str(leaf.time_ms),
        user=leaf.user,
    )


def _member(name: str, pattern: str, *, always: bool = False) -> str:
    member = f'"{name}":{pattern},'
    return member if always else f"(?:{member})?"


def _text(name: str, *, always: bool = False) -> str:
    return _member(name, f'"({_TEXT}++)"', always=always)


_LEAF = re.compile(
    r"\{"
    + "".join(_text(name) for name in ("cipher", "client", "code", "exchange"))
    + "".join(_text(name, always=True) for name in ("facts", "id"))
    + _member("kind", f'"({"|".join(Kind)})"', always=True)
    + _text("model")
    + "".join(_text(name, always=True) for name in ("month", "origin"))
    + _text("outcome")
    + _member("patients", rf'(\["{_TEXT}++"(?:,"{_TEXT}++")*+\])')
    + "".join(_text(name) for name in ("plain", "policy", "prev", "purpose", "route"))
    + _member("seq", f"({_NUMBER})", always=True)
    + _member("skew", "([1-9][0-9]{0,14})")
    + "".join(_text(name) for name in ("task", "tenant"))
    + _member("time", f"({_NUMBER})", always=True)
    + _text("user")
    + r'"v":1\}'
)
"""A leaf of version 1 without anything unusual: the table of FORMAT.md section 3, sorted."""

_PATIENTS = LeafText._fields.index("patients")

_NAME = "[A-Za-z0-9_.-]"
_STRING = f'"{_TEXT}*+"'
_VALUE = rf"(?:{_STRING}|0|-?[1-9][0-9]{{0,14}}|true|false|\[(?:{_STRING}(?:,{_STRING})*+)?+\])"
_FLAT = f'"{_NAME}++":{_VALUE}'
_NEXT = r'(?:,(?=")|(?=\}\Z))'
"""After a member: a comma and the next one, or the end."""

_FACTS = re.compile(
    r"\{"
    rf'(?:"client":"({_TEXT}++)"{_NEXT})?'
    rf'(?:"facts":\{{({_FLAT}(?:,{_FLAT})*+)\}}{_NEXT})?'
    rf'(?:"request_id":"{_TEXT}++"{_NEXT})?'
    rf'(?:"trace_id":"{_TEXT}++"{_NEXT})?'
    r"\}"
)
"""A facts document with flat facts: FORMAT.md section 4, sorted but for the names within `facts`."""

_NAMES = re.compile(f'"({_NAME}++)":').findall
"""The names in matched facts: a quote can only begin or end a text there, so a name is what stands before a colon."""
