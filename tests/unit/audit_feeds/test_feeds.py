"""SIEM feeds: every record, no name of a person, and no way out of a field."""

import csv
import io
import json
import re

import pytest

from audit.feeds import MEDIA_TYPES, Format, render
from audit.feeds.facts import ALLOWED, MAX_ITEMS, fact_text, shown_facts
from audit.feeds.severity import Alarm, alarm_of
from audit.query import Entry
from audit.record import Kind
from tests.support.feed_trail import HOSTILE, SECOND_PATIENT, entries, fill
from tests.support.trail_builder import BODY, ORIGIN, PATIENT, USER, TrailBuilder

HEADER = re.compile(r"<(\d+)>1 (\S+) (\S+) audit - (\S+) - (CEF:0\|.*)")


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    trail = TrailBuilder(home=tmp_path_factory.mktemp("feed") / "home")
    fill(trail)
    return entries(trail)


def rendered(format_: Format, events: list[Entry]) -> str:
    return b"".join(render(format_, events, origin=ORIGIN)).decode()


def cells(events: list[Entry]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(rendered(Format.CSV, events), newline="")))


def cef_fields(line: str) -> tuple[list[str], dict[str, str]]:
    """Read a CEF message by the vendor's rules: unescaped pipes split the header, unescaped equals signs the rest."""
    match = HEADER.fullmatch(line)
    assert match, line
    *head, extension = re.split(r"(?<!\\)\|", match.group(5), maxsplit=7)
    keys = [(found.group(1), found.start(1), found.end()) for found in re.finditer(r"(?:^| )(\w+)(?<!\\)=", extension)]
    ends = [start - 1 for _, start, _ in keys[1:]] + [len(extension)]
    return head, {key: extension[begin:end] for (key, _, begin), end in zip(keys, ends, strict=True)}


@pytest.mark.parametrize("format_", Format)
def test_every_format_has_a_media_type_and_takes_nothing(format_: Format) -> None:
    assert MEDIA_TYPES[format_]
    assert isinstance(b"".join(render(format_, [], origin=ORIGIN)), bytes)


@pytest.mark.parametrize("format_", Format)
def test_no_feed_names_a_person_or_holds_a_body(events: list[Entry], format_: Format) -> None:
    text = rendered(format_, events)

    for canary in (PATIENT, SECOND_PATIENT, USER, BODY.decode()[:20], "SECRET-FACT", "1 Road, Town"):
        assert canary not in text


@pytest.mark.parametrize("format_", [Format.CSV, Format.OCSF, Format.CEF])
def test_every_event_is_there_once_and_in_order(events: list[Entry], format_: Format) -> None:
    ids = re.findall(r"ev_[0-9a-f]{32}", rendered(format_, events))

    assert ids == [entry.leaf.event_id for entry in events]


def test_no_cell_begins_a_formula(events: list[Entry]) -> None:
    rows = cells(events)

    assert len(rows) == len(events)
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert rows[-1]["client"] == "'=1+1"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "\n@", "\uff1d", "\u00a0+"])
def test_a_formula_is_disarmed_however_it_begins(events: list[Entry], start: str) -> None:
    entry = _with_client(events[0], f"{start}1+1")

    assert cells([entry])[0]["client"].startswith("'")


def test_text_with_quotes_and_line_ends_stays_one_cell(events: list[Entry]) -> None:
    release = next(row for row in cells(events) if row["exchange"] == "ex_" + "e" * 32)

    assert release["client"] == f"'{HOSTILE}"
    assert release["sealed_body"] == "yes"


def test_a_cef_line_is_one_line_with_its_own_fields_only(events: list[Entry]) -> None:
    text = rendered(Format.CEF, events)

    lines = text.split("\n")[:-1]
    assert len(lines) == len(events) == len(text.splitlines())
    for line, entry in zip(lines, events, strict=True):
        head, extension = cef_fields(line)
        assert (len(head), head[0], head[6]) == (7, "CEF:0", str(int(alarm_of(entry))))
        assert extension["externalId"] == entry.leaf.event_id
        assert extension["cn1"] == str(entry.leaf.sequence)
        assert set(extension) <= KNOWN_KEYS


KNOWN_KEYS = {
    "rt", "externalId", "cat", "act", "dvchost", "suid", "sourceServiceName", "outcome", "destinationServiceName",
    "dhost", "reason", "requestContext", "cn1Label", "cn1",
    *(f"cs{n}{part}" for n in range(1, 7) for part in ("", "Label")),
}  # fmt: skip


def test_a_hostile_value_is_escaped_as_cef_asks(events: list[Entry]) -> None:
    line = next(
        line for line in rendered(Format.CEF, events).split("\n") if "cat=release" in line and "HYPERLINK" in line
    )

    _, extension = cef_fields(line)

    expected = '\\=HYPERLINK("http://x")|a\\=b\\\\\\r\\n<110>1 forged  [2J'
    assert extension["sourceServiceName"] == expected


def test_a_hostile_code_cannot_end_the_cef_header(events: list[Entry]) -> None:
    line = rendered(Format.CEF, events).split("\n")[-2]

    head, _ = cef_fields(line)

    assert head[4].startswith('operation:=HYPERLINK("http://x")\\|a=b\\\\')


def test_the_syslog_priority_follows_the_alarm(events: list[Entry]) -> None:
    lines = rendered(Format.CEF, events).split("\n")[:-1]
    found = {alarm_of(entry): line[: line.index(">") + 1] for entry, line in zip(events, lines, strict=True)}

    assert found == {Alarm.ROUTINE: "<110>", Alarm.NOTABLE: "<109>", Alarm.SERIOUS: "<108>"}


def test_what_a_person_must_see_is_serious(events: list[Entry]) -> None:
    serious = {(entry.leaf.kind, entry.leaf.code) for entry in events if alarm_of(entry) is Alarm.SERIOUS}

    assert serious == {
        (Kind.INTENT, ""),  # an emergency purpose
        (Kind.DISCLOSURE, ""),
        (Kind.OPERATION, "officer_added"),
        (Kind.OPERATION, "month_destroyed"),
        (Kind.ACCESS, "denied"),
    }


REQUIRED = {
    6003: {"actor", "api", "src_endpoint"},
    6002: {"app"},
    3004: {"entity"},
}
"""What OCSF 1.6.0 requires of each class beyond the base event."""

BASE = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}


def test_an_ocsf_event_has_what_its_class_requires(events: list[Entry]) -> None:
    for line in rendered(Format.OCSF, events).splitlines():
        event = json.loads(line)

        assert event.keys() >= BASE | REQUIRED[event["class_uid"]]
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["category_uid"] == event["class_uid"] // 1000
        assert event["metadata"].keys() >= {"product", "version", "uid", "sequence"}
        assert event["metadata"]["version"] == "1.6.0"
        assert isinstance(event["time"], int)
        if event["class_uid"] == 6003:
            assert event["api"]["operation"]
            assert event["src_endpoint"]["name"]


def test_ocsf_classes_and_activities_say_what_happened(events: list[Entry]) -> None:
    found = [json.loads(line) for line in rendered(Format.OCSF, events).splitlines()]
    types = {event["metadata"]["event_code"]: event["type_uid"] for event in found}

    assert types["epoch"] == 600203
    assert types["intent"] == 600301
    assert types["release"] == 600302
    assert types["disclosure"] == 600302
    assert types["decision:route"] == 600399
    assert types["access:query"] == 600302
    assert types["operation:gateway_started"] == 600203
    assert types["operation:officer_added"] == 300401
    assert types["operation:policy_reloaded"] == 300403
    assert types["operation:month_destroyed"] == 300404
    disclosed = next(event for event in found if event["metadata"]["event_code"] == "disclosure")
    assert disclosed["dst_endpoint"] == {"name": "example-cloud", "svc_name": "summaries"}
    assert disclosed["unmapped"]["facts"]["counts"] == ["name=2", "date=1"]


def test_only_listed_facts_leave(events: list[Entry]) -> None:
    shown = shown_facts(events[-1])

    assert shown == {"allowed": True, "elapsed_ms": 5, "reasons": [HOSTILE]}
    assert (fact_text(events[-1], "allowed"), fact_text(events[-1], "unlisted")) == ("yes", "")
    assert "description" not in ALLOWED


def test_a_fact_of_a_strange_form_is_left_out_and_a_long_list_is_cut(events: list[Entry]) -> None:
    entry = Entry(
        leaf=events[0].leaf, client="", request_id="", trace_id="", document=b"", has_body=False,
        facts={"reasons": ["x"] * 99, "read": {"a": 1}, "allowed": False},
    )  # fmt: skip

    assert shown_facts(entry) == {"reasons": ["x"] * MAX_ITEMS, "allowed": False}
    assert fact_text(entry, "allowed") == "no"


def _with_client(entry: Entry, client: str) -> Entry:
    return Entry(
        leaf=entry.leaf, client=client, request_id="", trace_id="", facts={}, document=b"", has_body=False
    )  # fmt: skip
