"""Inspect a text by rules alone: which kinds of identifiers, how many, and where.

The counts become facts for policy, routing and the record (design section 4, step 5), and the output screen masks by
them.  Rules find no name that its surroundings do not show, so their silence is no proof that a text holds no PHI:
what leaves the building goes through `phi.guard`.  Nothing here returns, logs or keeps text.
"""

from collections.abc import Iterable
from dataclasses import replace

from appliance.clinical_text import ClinicalText
from appliance.phi.findings import Finding, Findings, without_overlaps
from appliance.phi.normalise import Normalised, normalise
from appliance.phi.recognizers import ALL


def inspect(texts: Iterable[ClinicalText]) -> Findings:
    """Return the findings of each text, in order."""
    return Findings(texts=tuple(find(text.reveal()) for text in texts))


def find(text: str) -> tuple[Finding, ...]:
    """Return what every rule finds in one text, without overlaps, in order of place."""
    plain = normalise(text)
    found = [finding for rule in ALL for finding in rule.find(plain.text)]
    return without_overlaps(found if plain.starts is None else [_at_origin(finding, plain) for finding in found])


def _at_origin(finding: Finding, plain: Normalised) -> Finding:
    """Return the finding with the places of the caller's own text."""
    start, end = plain.origin(finding.start, finding.end)
    return replace(finding, start=start, end=end)
