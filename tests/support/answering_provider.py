"""A managed model that answers from what it was sent, and only from that, in the ways models answer.

It repeats, rewrites names and days as a summary does, fills the arguments of a tool, and makes up a person of its own.
What it knows of names and days is what stands in the text: the surrogates are handed in by the test as "what a reader
sees", never the originals.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from random import Random

from appliance.phi.findings import Finding, Kind
from appliance.phi.surrogates import SurrogateMap

FOREIGN = ("Theodora Blackwood-Ames", "(415) 867-5309", "t.blackwood@gmail.com", "078-05-1120")
"""Identifiers that nobody sent; the number is the one printed in wallets that were sold in 1938."""


def summary(names: Sequence[str]) -> str:
    """Return sentences that use names as summaries do: shouted, possessive, family name first, and alone."""
    return "\n".join(sentence for name in names for sentence in _sentences(name))


def tool_call(text: str, names: Sequence[str]) -> str:
    """Return the arguments of a tool's call, as JSON with escapes."""
    return json.dumps({"note": text, "people": list(names), "dose": 2.5, "urgent": False})


def made_up() -> str:
    """Return a sentence about somebody who was never sent."""
    name, phone, email, ssn = FOREIGN
    return f"Please also call Dr. {name} at {phone} or {email}, SSN {ssn}.\n"


def in_chunks(text: str, *, seed: int, longest: int = 40) -> Iterator[str]:
    """Yield a text in pieces of arbitrary length, as a stream brings it."""
    random = Random(seed)  # noqa: S311 - not for secrets
    start = 0
    while start < len(text):
        end = start + random.randint(1, longest)
        yield text[start:end]
        start = end


def _sentences(name: str) -> Iterator[str]:
    yield f"{name.upper()} was told."
    yield f"This is {name}'s plan."
    yield f"Thank you, {name.lower()}."
    first, _, last = name.rpartition(" ")
    if first:
        yield f"Filed under {last}, {first}."


def day_forms(surrogates: SurrogateMap, text: str, findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """Yield whole days that left, in another form than they had, each with the caller's own day in that form."""
    for finding in findings:
        own = _day(text[finding.start : finding.end]) if finding.kind is Kind.DATE else None
        made = _day(surrogates.value(Kind.DATE, text[finding.start : finding.end])) if own else None
        if own and made:
            yield from ((f"{made:{form}}", f"{own:{form}}") for form in ("%Y-%m-%d", "%B %d, %Y", "%m/%d/%Y"))


def _day(written: str) -> date | None:
    for form in ("%B %d, %Y", "%m/%d/%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(written, form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None
