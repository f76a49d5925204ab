"""The trail in other systems' words: CSV, FHIR R4 AuditEvent (IHE BALP), OCSF and CEF.

Pure: events in, bytes out, in order and one at a time.  SIEM feeds (CSV, OCSF, CEF) name people by keyed commitments
only; FHIR names them where whoever asks can.  Handing out a feed is a reading of the trail: the caller MUST have it
recorded first (`audit.access.FEED`).
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from types import MappingProxyType
from typing import assert_never

from audit.feeds.cef import render_cef
from audit.feeds.fhir import render_fhir
from audit.feeds.ocsf import render_ocsf
from audit.feeds.people import NOBODY, Naming, People, name_nobody
from audit.feeds.table import render_table
from audit.query import Entry

__all__ = ["MEDIA_TYPES", "NOBODY", "Format", "Naming", "People", "name_nobody", "render"]


class Format(StrEnum):
    """The formats of a feed; the list only grows."""

    CSV = "csv"
    FHIR = "fhir"
    OCSF = "ocsf"
    CEF = "cef"


MEDIA_TYPES = MappingProxyType(
    {
        Format.CSV: "text/csv; charset=utf-8",
        Format.FHIR: "application/fhir+json; fhirVersion=4.0",
        Format.OCSF: "application/x-ndjson",
        Format.CEF: "text/plain; charset=utf-8",
    }
)
"""What an HTTP answer says of each."""


def render(
    format_: Format | str, entries: Iterable[Entry], *, origin: str, people: Naming = name_nobody
) -> Iterator[bytes]:
    """Return the events in a format, piece by piece; `people` is asked for FHIR only."""
    match Format(format_):
        case Format.CSV:
            return render_table(entries)
        case Format.FHIR:
            return render_fhir(entries, origin=origin, people=people)
        case Format.OCSF:
            return render_ocsf(entries, origin=origin)
        case Format.CEF:
            return render_cef(entries, origin=origin)
        case _ as never:
            assert_never(never)
