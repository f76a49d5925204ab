"""What left the building, for officers at the console: one person's accounting, and the summary by agreement.

Each is recorded before it is answered, with the person by keyed commitment only.  The printable page comes with a
policy under which a browser runs no script and fetches nothing, whatever a text of the trail might hold (CWE-79).
"""

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from audit.access import asked
from audit.accounting import Format, account, accounting_question, render, render_summary, what_left
from audit.console.people import PeopleKeys
from audit.console.reading import PROGRAM
from audit.index_keys import current_index_key
from audit.officers import Officer
from audit.places import Places
from audit.query import Reader
from audit.question import Question
from audit.record import Event
from audit.rows import Rows

MEDIA_TYPES: Mapping[Format, str] = MappingProxyType(
    {
        Format.JSON: "application/json",
        Format.CSV: "text/csv; charset=utf-8",
        Format.HTML: "text/html; charset=utf-8",
        Format.TEXT: "text/plain; charset=utf-8",
    }
)
"""What each format is."""

_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Page:
    """A rendered answer; it has no repr, because it may name a patient."""

    content: str
    form: Format

    @property
    def media_type(self) -> str:
        """Return what the content is."""
        return MEDIA_TYPES[self.form]

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of a printable page: its own style and nothing else."""
        styles = [hashlib.sha256(style.encode()).digest() for style in _STYLE.findall(self.content)[:1]]
        allowed = " ".join(f"'sha256-{base64.b64encode(style).decode()}'" for style in styles) or "'none'"
        policy = (
            f"default-src 'none'; style-src {allowed}; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'; sandbox"
        )
        return {"Content-Security-Policy": policy} if self.form is Format.HTML else {}


class Disclosures:
    """What left the building, of one trail; used by many threads."""

    def __init__(self, places: Places, *, record: Callable[[Event], None], people: PeopleKeys) -> None:
        """Take the trail's places, what makes an event durable, and the keys that people are found by."""
        self._places = places
        self._record = record
        self._people = people

    def accounting(
        self, officer: Officer, patients: list[str], *, now: datetime, since: str, until: str, form: Format
    ) -> Page:
        """Return one person's disclosures.  Raises AppendError if the read was not recorded."""
        question = accounting_question(patients, now=now, since=since, until=until)
        keys = self._people.keys_for(question)
        with Rows.open(self._places.readers) as rows:
            found = account(Reader(rows), question, keys, origin=self._places.trail.origin())
        self._remember(officer, question, results=len(found.disclosures))
        return Page(content=render(found, form), form=form)

    def summary(self, officer: Officer, question: Question, *, form: Format) -> Page:
        """Return what left by agreement and kind.  Raises AppendError if the read was not recorded."""
        with Rows.open(self._places.readers) as rows:
            found = what_left(Reader(rows), question)
        self._remember(officer, question, results=found.disclosures)
        return Page(content=render_summary(found, form), form=form)

    def _remember(self, officer: Officer, question: Question, *, results: int) -> None:
        key = current_index_key(self._people.keys_for(question))
        self._record(asked(question, operator=officer.name, program=PROGRAM, results=results, key=key))
