"""Findings for tests, by the words that they cover."""

from datetime import date

from appliance.phi.findings import Finding, Kind, without_overlaps
from appliance.phi.settings import GuardSettings
from appliance.phi.surrogates import SurrogateMap

SECRET = b"a secret of thirty-two bytes...."

TODAY = date(2026, 11, 23)

TEXT = (
    "John Smith (SMITH, JOHN A.), MRN 0012345 / 001-2345, SSN 123-45-6789, born March 5, 1950, seen 2024-03-05."
    " J. Smith lives at 12 Main Street, Apt 4B, Quincy, MA 02169. Call +1 (617) 555-0123 ext. 7 or"
    " john.smith@partners.org. Sister: Maria O'Brien, 93 years old, aspirin 81 mg."
)

VALUES = (
    (Kind.NAME, "SMITH, JOHN A."),
    (Kind.NAME, "John Smith"),
    (Kind.MRN, "0012345"),
    (Kind.MRN, "001-2345"),
    (Kind.SSN, "123-45-6789"),
    (Kind.DATE, "March 5, 1950"),
    (Kind.DATE, "2024-03-05"),
    (Kind.NAME, "J. Smith"),
    (Kind.LOCATION, "12 Main Street, Apt 4B, Quincy, MA 02169"),
    (Kind.PHONE, "+1 (617) 555-0123 ext. 7"),
    (Kind.EMAIL, "john.smith@partners.org"),
    (Kind.NAME, "Maria O'Brien"),
    (Kind.AGE, "93"),
)


def find_values(text: str, *values: tuple[Kind, str]) -> tuple[Finding, ...]:
    """Return a finding for each place of each value."""
    found = [
        Finding(kind=kind, start=start, end=start + len(value), score=1.0, recognizer="test")
        for kind, value in values
        for start in range(len(text))
        if text.startswith(value, start)
    ]
    return without_overlaps(found)


def replaced(
    text: str, *values: tuple[Kind, str], settings: GuardSettings | None = None, secret: bytes = SECRET
) -> tuple[SurrogateMap, str]:
    """Return the map of an exchange of one text, and what leaves of it."""
    surrogates = SurrogateMap(secret, settings or GuardSettings(), today=TODAY)
    findings = find_values(text, *values)
    surrogates.prepare([text], [findings])
    return surrogates, surrogates.replace(text, findings)


def restored(surrogates: SurrogateMap, answer: str) -> str:
    """Return a whole answer with the caller's values."""
    restorer = surrogates.restorer()
    return "".join(piece.text for piece in (*restorer.feed(answer), *restorer.finish()))


def surrogate(value: str, kind: Kind, text: str = TEXT) -> tuple[SurrogateMap, str]:
    """Return the map of `TEXT` and what stands for one value in it."""
    surrogates, _ = replaced(text, *VALUES)
    return surrogates, surrogates.value(kind, value)
