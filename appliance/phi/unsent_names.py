"""Find people in a managed answer by a given name that begins a run of capitalised words: ``Kevin Walters``.

Rules find a name only where a title or a label shows it.  In an answer from outside, where every name of the caller's
is known by then, a person by form alone is one that the caller never sent.  Names that are everyday words or eponyms
are not looked for, and a disease or an institution is no person.
"""

import re
from collections.abc import Iterator
from functools import cache

from appliance.phi.findings import Finding, Kind
from appliance.phi.surrogate_values import female_names, male_names
from appliance.phi.surrogate_values.common import FEMALE, MALE
from appliance.phi.surrogate_values.origins import FEWEST_LETTERS_DRAWN, NEVER_DRAWN, ORIGINS

_RUN = re.compile(
    r"(?<![\w'\u2019-])(?P<given>[A-Z\u00c0-\u00de][^\W\d_]{1,19})"
    r"(?=(?:[ ]{1,2}[A-Z]\.?(?!\w))?[ ]{1,2}(?P<surname>[A-Z\u00c0-\u00de][\w'\u2019-]{1,30}))"
)

_FREQUENT = 150
"""Of the census's given names so many are looked for beside those of the lists, which leave out Mary and John."""

_NO_NAME = frozenset(
    """
    mark bill will rose grace may dawn joy hope faith carol june april amber crystal virginia frank jack gene ray roy
    dale glen grant dean chase lance art don pat sue bob rob ann anna jean kelly jordan robin terry lee kim victor
    jimmy wayne nancy martin lewis wilson allen henry marie
    """.split()  # noqa: SIM905 - a list of words reads better than a column of literals
)
"""Given names that stand in clinical text for something else."""

_NO_PERSON = frozenset(
    """
    disease syndrome sign test score scale criteria classification staging stage procedure operation technique method
    maneuver catheter tube palsy tumor tumour lymphoma anemia law rule index formula hospital hospitals clinic medical
    medicine university health center centre school institute college foundation library pharmacy street avenue road
    lane drive study trial guidelines guideline monday tuesday wednesday thursday friday saturday sunday the and or has
    is was will should may
    """.split()  # noqa: SIM905 - as above
)
"""What follows a name that is no person's, in lower case."""


def find_people(text: str) -> Iterator[Finding]:
    """Yield a name for each known given name that a capitalised word follows."""
    for match in _RUN.finditer(text):
        if _is_person(match):
            start, end = match.start(), match.end("surname")
            yield Finding(kind=Kind.NAME, start=start, end=end, score=0.6, recognizer="given-name-and-surname")


@cache
def _given() -> frozenset[str]:
    of_origins = (name.lower() for origin in ORIGINS for name in (*origin.female, *origin.male))
    fit = (name for name in of_origins if len(name) >= FEWEST_LETTERS_DRAWN and name not in NEVER_DRAWN)
    frequent = (*[*female_names()][:_FREQUENT], *[*male_names()][:_FREQUENT])
    return frozenset({*fit, *frequent, *(name.lower() for name in (*FEMALE, *MALE))} - _NO_NAME)


def _is_person(match: re.Match[str]) -> bool:
    surname = match["surname"].lower()
    return match["given"].lower() in _given() and not surname.endswith(("'s", "\u2019s")) and surname not in _NO_PERSON
