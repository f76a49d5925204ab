"""Which readable facts may leave for another system, and in what words.

An allow-list (45 CFR 164.502(b), minimum necessary): a fact that is not listed stays, so a new one of a later release
does not leave because nobody thought of it.  Facts hold no PHI anyway; people appear as keyed commitments only.
"""

from collections.abc import Sequence

from audit.query import Entry

ALLOWED = frozenset(
    {
        "action", "agreement", "allowed", "approval", "approved_by", "asked_by", "below_threshold", "bodies", "bytes",
        "case", "completion_tokens", "counts", "digest", "elapsed_ms", "end", "evidence", "finish_reason", "first",
        "format", "identifiers", "illustrative", "kinds", "manifest", "month", "old_origin", "old_root", "old_size",
        "pinned", "policies", "prompt_tokens", "provider", "query", "read", "reasons", "recipient", "records", "region",
        "requested_by", "results", "rule", "service", "since_ms", "stream", "surface", "tenant", "until_ms", "withheld",
    }
)  # fmt: skip
"""Names of facts that feeds may carry; `ARCHITECTURE.md` says who may add one."""

MAX_ITEMS = 50
"""Items of a list that a feed carries; ours have a handful."""


def shown_facts(entry: Entry) -> dict[str, str | int | bool | list[str]]:
    """Return the facts of an event that may leave, in the order of their names."""
    shown: dict[str, str | int | bool | list[str]] = {}
    for name in sorted(ALLOWED & entry.facts.keys()):
        value = entry.facts[name]
        if isinstance(value, (str, int)):
            shown[name] = value
        elif isinstance(value, Sequence):
            shown[name] = [item for item in value if isinstance(item, str)][:MAX_ITEMS]
    return shown


def fact_text(entry: Entry, name: str) -> str:
    """Return one fact that may leave as text; empty if there is none."""
    value = shown_facts(entry).get(name, "")
    if isinstance(value, list):
        return "; ".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
