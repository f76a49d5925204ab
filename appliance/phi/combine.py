"""Bring together what the recognizers found, what is known of the patient, and where else the same values stand.

Whatever any of them found MUST be covered by what comes out: of two findings that overlap, neither is dropped; they
become one over both.
"""

from collections.abc import Sequence

from appliance.phi.consistency import spread
from appliance.phi.findings import Finding, without_overlaps
from appliance.phi.known_identifiers import KnownIdentifiers


def combine(
    texts: Sequence[str], found: Sequence[Sequence[Finding]], known: KnownIdentifiers
) -> list[tuple[Finding, ...]]:
    """Return the findings of each text: those found, the known values, and every other place of either."""
    first = [without_overlaps([*each, *known.find(text)]) for text, each in zip(texts, found, strict=True)]
    return spread(texts, first)
