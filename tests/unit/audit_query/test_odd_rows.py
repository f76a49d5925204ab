"""What a reader does with rows that no recorder wrote, and with more of them than any site has."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from audit.compact import pack
from audit.errors import FormatError
from audit.query import Page
from audit.query.candidates import MAX_VALUES
from audit.query.reader import DECIDED_EXCHANGES, MAX_TIME_MS
from audit.question import ask
from audit.record import Event, Kind, facts_document
from audit.store.address import sqlite_address
from audit.store.database import Database
from tests.support.disclosures import operation
from tests.support.question_trail import QuestionTrail

FIRST, SECOND = "ex_" + "1" * 32, "ex_" + "2" * 32


@pytest.fixture
def trail(tmp_path: Path) -> QuestionTrail:
    trail = QuestionTrail(sqlite_address(tmp_path / "trail.db"))
    Database(trail.store).close()
    for exchange_id in (FIRST, SECOND):
        trail.add(Event(kind=Kind.OUTCOME, exchange_id=exchange_id, task="coding", user="ito", outcome="answered"))
    return trail


def _sql(trail: QuestionTrail, statement: str, *parameters: object) -> None:
    with closing(sqlite3.connect(trail.store.path)) as connection, connection:
        connection.execute(statement, parameters)


def _find(trail: QuestionTrail, limit: int = 50, **filters: str) -> Page:
    return trail.find(ask(filters, now=trail.now(), limit=limit))


def _exchanges(page: Page) -> list[str]:
    return [row.entries[0].leaf.exchange_id for row in page.rows]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE record SET leaf = 7 WHERE sequence = 1",
        "UPDATE record SET facts = 'text' WHERE sequence = 1",
        "UPDATE record SET leaf = (SELECT leaf FROM record WHERE sequence = 0) WHERE sequence = 1",
        "UPDATE term_block SET block = 0.5",
        "UPDATE blind_index SET sequence = sequence - 0.5",
    ],
)
def test_a_damaged_row_is_told_and_never_shown(trail: QuestionTrail, statement: str) -> None:
    _sql(trail, statement)
    question = ask({"user": "ito"} if "blind" in statement else {"task": "coding"}, now=trail.now())

    with pytest.raises(FormatError, match="damaged"):
        trail.find(question)


def test_facts_that_are_no_object_are_damage(trail: QuestionTrail) -> None:
    document = facts_document(Event(kind=Kind.OUTCOME)).replace(b"{}", b'{"client":7,"facts":[]}')
    _sql(trail, "UPDATE record SET facts = ? WHERE sequence = 1", pack(document))

    with pytest.raises(FormatError, match="record 1 is damaged"):
        _find(trail)


def test_a_client_that_is_no_text_reads_as_none(trail: QuestionTrail) -> None:
    _sql(trail, "UPDATE record SET facts = ? WHERE sequence = 1", pack(b'{"client":7}'))

    assert _find(trail).rows[0].entries[0].client == ""


def test_a_record_under_another_exchange_is_shown_with_neither(trail: QuestionTrail) -> None:
    _sql(trail, "UPDATE record SET exchange = ? WHERE sequence = 0", SECOND)

    assert _exchanges(_find(trail)) == [SECOND]
    assert len(_find(trail).rows[0].entries) == 1
    assert _exchanges(_find(trail, exchange=SECOND)) == [SECOND]


def test_more_values_of_a_term_than_any_site_has_narrow_nothing_and_lose_nothing(trail: QuestionTrail) -> None:
    trail.add(operation("model_opened", model="smol@sha256:" + "0" * 64))
    with closing(sqlite3.connect(trail.store.path)) as connection, connection:
        values = ((number, "model", str(number)) for number in range(1000, 1000 + MAX_VALUES))
        connection.executemany("INSERT INTO term VALUES (?, ?, ?)", values)

    page = _find(trail, model="smol", topic="model")

    assert [row.entries[0].leaf.sequence for row in page.rows] == [2]


def test_more_exchanges_than_are_remembered_are_each_answered_once(trail: QuestionTrail) -> None:
    count = DECIDED_EXCHANGES + 10
    trail.add(*(Event(kind=Kind.OUTCOME, exchange_id=f"ex_{number:032x}", task="many") for number in range(count)))
    trail.add(*(Event(kind=Kind.RELEASE, exchange_id=f"ex_{number:032x}", task="many") for number in range(9)))

    with trail.reader() as reader:
        found = [row.entries[0].leaf.exchange_id for row in reader.every(ask({"task": "many"}, now=trail.now()), {})]

    assert len(found) == len(set(found)) == count


def test_times_beyond_the_calendar_name_a_month_all_the_same(trail: QuestionTrail) -> None:
    _sql(trail, "UPDATE record SET time = ? WHERE sequence = 1", MAX_TIME_MS * 9)
    _sql(trail, "UPDATE record SET time = -5 WHERE sequence = 0")
    question = ask({}, now=trail.now(), patients=["MRN-1"])

    with trail.reader() as reader:
        assert reader.months_not_searched(question, {}) == ("1970-01", "9999-12")


def test_an_empty_trail_answers_with_nothing(tmp_path: Path) -> None:
    trail = QuestionTrail(sqlite_address(tmp_path / "empty.db"))
    Database(trail.store).close()

    assert not _find(trail, task="coding").rows
    assert not _find(trail, user="ito").rows


def test_a_page_from_beyond_the_trail_is_the_first(trail: QuestionTrail) -> None:
    question = replace(ask({"cursor": "s900.900.1"}, now=trail.now()))

    assert _exchanges(trail.find(question)) == [SECOND, FIRST]
