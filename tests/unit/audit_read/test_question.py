from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import QueryError
from audit.question import MAX_LIMIT, Question, ask, to_cursor

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def _ms(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01", _ms(2026, 1, 1)),
        ("2026-01-01T14:30", _ms(2026, 1, 1, 14, 30)),
        ("2026-01-01T14:30+02:00", _ms(2026, 1, 1, 12, 30)),
        ("24h", _ms(2026, 11, 22, 12)),
        ("7d", _ms(2026, 11, 16, 12)),
        ("2w", _ms(2026, 11, 9, 12)),
        ("30m", _ms(2026, 11, 23, 11, 30)),
    ],
)
def test_since_takes_dates_times_and_spans(text: str, expected: int) -> None:
    assert ask({"since": text}, now=NOW).since_ms == expected


def test_until_a_day_means_through_its_end() -> None:
    assert ask({"until": "2026-01-31"}, now=NOW).until_ms == _ms(2026, 2, 1)


def test_a_question_without_since_asks_for_everything() -> None:
    assert not ask({}, now=NOW).has_span()
    assert ask({"since": "24h"}, now=NOW).has_span()


@pytest.mark.parametrize("text", ["yesterday", "24", "0h", "2026-13-01", "-1d", "999999w", "h"])
def test_a_time_that_is_none_says_how_to_write_one(text: str) -> None:
    with pytest.raises(QueryError, match=r"24h, 7d"):
        ask({"since": text}, now=NOW)


@pytest.mark.parametrize(("name", "text"), [("until", "9999-12-31"), ("since", "99999-01-01")])
def test_beyond_the_calendar_is_no_crash(name: str, text: str) -> None:
    with pytest.raises(QueryError, match=f"{name}"):
        ask({name: text}, now=NOW)


@pytest.mark.parametrize(
    ("filters", "named"),
    [
        ({"kind": "x"}, "kind is one of: intent"),
        ({"outcome": "x"}, "outcome is one of: answered"),
        ({"cursor": "x"}, "cursor"),
        ({"patient": "9" * 257}, "patient"),
        ({"user": "a\0b"}, "user"),
        ({"user": "a\ud800b"}, "user is not valid Unicode"),
        ({"state": "lost"}, "state is one of: answered, refused, failed, cancelled, incomplete, orphaned"),
        ({"topic": "x"}, "topic is one of: disclosures, break-glass"),
        ({"decision": "maybe"}, "decision is one of: allowed, denied"),
        ({"route": "managed:"}, "route is local"),
        ({"provider": "a b"}, "provider is a name"),
        ({"policy": "abc"}, "first 8 or more"),
        ({"provider": "a", "route": "local"}, "exclude each other"),
        ({"since": "2026-02-01", "until": "2026-01-01"}, "since"),
    ],
)
def test_a_wrong_filter_is_named(filters: dict[str, str], named: str) -> None:
    with pytest.raises(QueryError) as caught:
        ask(filters, now=NOW)

    assert named in str(caught.value)


@pytest.mark.parametrize("limit", [0, -1, MAX_LIMIT + 1])
def test_an_absurd_limit_is_refused(limit: int) -> None:
    with pytest.raises(QueryError, match="limit"):
        ask({}, now=NOW, limit=limit)


def test_a_cursor_leads_to_where_it_was_made() -> None:
    question = ask({"cursor": to_cursor(before=41, top=99, as_of_ms=7)}, now=NOW)

    assert (question.before, question.top, question.as_of_ms) == (41, 99, 7)


def test_a_cursor_of_an_earlier_release_still_leads_on() -> None:
    question = ask({"cursor": "s41.99"}, now=NOW)

    assert (question.before, question.top, question.as_of_ms) == (41, 99, int(NOW.timestamp() * 1000))


def test_what_is_recorded_of_a_question_names_no_patient_and_no_user() -> None:
    question = ask({"patient": "MRN-4711", "user": "dr.house", "task": "coding", "since": "1h"}, now=NOW)

    described = str(question.described())

    assert "4711" not in described
    assert "house" not in described
    assert "patient" in described
    assert "coding" in described


def test_a_question_has_no_repr_that_could_reach_a_log() -> None:
    assert "4711" not in repr(Question(patients=("MRN-4711",)))


def test_several_patients_are_asked_for_at_once_and_recorded_as_a_number() -> None:
    question = ask({"patient": "MRN-3"}, now=NOW, patients=["MRN-1", "MRN-2", "MRN-1"])

    assert question.patients == ("MRN-1", "MRN-2", "MRN-3")
    assert question.described()["patients_asked"] == 3
    assert "MRN" not in str(question.described())


@pytest.mark.parametrize(
    ("patients", "told"), [([""], "empty"), (["x"] * 2 + [str(number) for number in range(20)], "more than 20")]
)
def test_an_empty_patient_or_too_many_are_refused(patients: list[str], told: str) -> None:
    with pytest.raises(QueryError, match=told):
        ask({}, now=NOW, patients=patients)


def test_a_provider_is_the_route_to_it() -> None:
    assert ask({"provider": "example-cloud"}, now=NOW).route == "managed:example-cloud"
    assert ask({"provider": "example-cloud", "route": "managed"}, now=NOW).route == "managed:example-cloud"


def test_what_is_recorded_of_a_question_holds_every_harmless_filter() -> None:
    asked = {
        "client": "ehr",
        "tenant": "site",
        "task": "coding",
        "purpose": "TREAT",
        "kind": "outcome",
        "outcome": "failed",
        "code": "too_busy",
        "decision": "denied",
        "route": "local",
        "model": "smol",
        "policy": "a" * 12,
        "agreement": "baa-1",
        "exchange": "ex_1",
        "state": "failed",
        "topic": "changes",
    }

    described = ask(asked, now=NOW, by_event=True, limit=7).described()

    assert described == {**asked, "by_event": True, "limit": 7}


@given(
    st.dictionaries(st.sampled_from(["patient", "user", "kind", "outcome", "since", "until", "cursor"]), st.text()),
    st.integers(),
)
def test_garbage_raises_our_error_only(filters: dict[str, str], limit: int) -> None:
    try:
        question = ask(filters, now=NOW + timedelta(0), limit=limit)
    except QueryError:
        return

    assert question.since_ms < question.until_ms
