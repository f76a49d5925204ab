r"""The trail as ArcSight CEF 0 in RFC 5424 syslog lines, one event a line.

Every value may come from outside, so none can end its field, its line or the message: `\`, `|` and `=` are escaped
where CEF asks for it, line ends become `\\n`, and other control characters a blank (CWE-117).
"""

from collections.abc import Iterable, Iterator

from audit.feeds.facts import fact_text
from audit.feeds.severity import Alarm, alarm_of, is_success
from audit.query import Entry
from audit.view import TITLES, to_time

VENDOR, PRODUCT, VERSION = "Clinical Inference Appliance", "Audit trail", "1"
"""Of the CEF header; the version is the trail's format."""

FACILITY = 13
"""Log audit (RFC 5424 section 6.2.1)."""

_SYSLOG = {Alarm.ROUTINE: 6, Alarm.NOTABLE: 5, Alarm.SERIOUS: 4}
"""Severities of RFC 5424: informational, notice, warning."""

_LINE_ENDS = {"\n": "\\n", "\r": "\\r"}
MAX_HOST = 255
"""Characters of HOSTNAME (RFC 5424 section 6)."""


def render_cef(entries: Iterable[Entry], *, origin: str) -> Iterator[bytes]:
    """Yield a line for each event, as UTF-8."""
    return (_line(entry, origin).encode("utf-8", "replace") for entry in entries)


def _line(entry: Entry, origin: str) -> str:
    leaf, alarm = entry.leaf, alarm_of(entry)
    priority = FACILITY * 8 + _SYSLOG[alarm]
    head = f"<{priority}>1 {to_time(leaf.time_ms)} {_host(origin)} audit - {leaf.kind.value} - "
    event_class = f"{leaf.kind.value}:{leaf.code}" if leaf.code else leaf.kind.value
    fields = ("CEF:0", VENDOR, PRODUCT, VERSION, event_class, TITLES[leaf.kind], str(int(alarm)))
    extension = " ".join(f"{key}={_value(value)}" for key, value in _extension(entry, origin) if value)
    return f"{head}{'|'.join(map(_field, fields))}|{extension}\n"


def _extension(entry: Entry, origin: str) -> Iterator[tuple[str, str]]:
    leaf = entry.leaf
    yield from (("rt", str(leaf.time_ms)), ("externalId", leaf.event_id), ("cat", leaf.kind.value), ("act", leaf.code))
    yield from (("dvchost", origin), ("suid", leaf.user), ("sourceServiceName", entry.client))
    yield from (("outcome", leaf.outcome or ("success" if is_success(entry) else "failure")),)
    yield from (("destinationServiceName", fact_text(entry, "provider")), ("dhost", fact_text(entry, "recipient")))
    yield from (("reason", fact_text(entry, "reasons")), ("requestContext", leaf.purpose))
    yield from (("cn1Label", "sequence"), ("cn1", str(leaf.sequence)))
    labelled = (
        ("exchange", leaf.exchange_id),
        ("task", leaf.task),
        ("route", leaf.route),
        ("model", leaf.model),
        ("policy", leaf.policy_digest),
        ("patientCommitments", " ".join(leaf.patients)),
    )
    for number, (label, value) in enumerate(labelled, start=1):
        if value:
            yield from ((f"cs{number}Label", label), (f"cs{number}", value))


def _field(text: str) -> str:
    """Escape a field of the header, which has no line ends."""
    return "".join(char if char.isprintable() else " " for char in text).replace("\\", "\\\\").replace("|", "\\|")


def _value(text: str) -> str:
    """Escape a value of the extension."""
    escaped = text.replace("\\", "\\\\").replace("=", "\\=")
    return "".join(char if char.isprintable() else _LINE_ENDS.get(char, " ") for char in escaped)


def _host(origin: str) -> str:
    """Return the origin as a HOSTNAME: printable ASCII without blanks."""
    return "".join(char for char in origin if "!" <= char <= "~")[:MAX_HOST] or "-"
