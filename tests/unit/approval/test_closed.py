"""One person closes a provider at once; a list that is missing, damaged or older than one that was seen closes all."""

from pathlib import Path

import pytest

from appliance.approval import Closed, Closing, ClosingList
from appliance.approval.closed import MAX_BYTES, UNREADABLE
from appliance.config import Config

CLOSING = Closing(id="0" * 16, provider="example-cloud", reason="breach notice", by="root", time_ms=1_795_000_000_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "approvals").mkdir()
    return tmp_path / "approvals" / "closed.json"


def _closed(path: Path) -> Closed:
    return Closed.of(Config(home=path.parent.parent))


def test_a_closed_provider_is_closed_and_no_other(path: Path) -> None:
    path.write_bytes(ClosingList().beside(CLOSING).to_bytes())
    closed = _closed(path)

    assert closed.why("example-cloud") == "closed by hand by root at 2026-11-18T11:06:40+00:00: breach notice"
    assert closed.why("another") == ""
    assert closed.names(["example-cloud", "another"]) == {"example-cloud"}


def test_a_closing_holds_with_the_next_question_and_ends_with_the_next(path: Path) -> None:
    closed, first = _closed(path), ClosingList()
    path.write_bytes(first.to_bytes())
    before = closed.why("example-cloud")
    second = first.beside(CLOSING)
    path.write_bytes(second.to_bytes())
    during = closed.why("example-cloud")
    path.write_bytes(second.without(CLOSING).to_bytes())

    assert (before, bool(during), closed.why("example-cloud")) == ("", True, "")


def test_without_a_list_everything_is_closed(path: Path) -> None:
    assert _closed(path).why("example-cloud") == UNREADABLE
    assert _closed(path).names(["one", "two"]) == {"one", "two"}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"format":2}', b'{"generation":0}', b'{"closed":{}}', b'{"more":1}', b" " * (MAX_BYTES + 1)],
)
def test_a_damaged_list_closes_everything(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    assert _closed(path).why("another") == UNREADABLE


def test_an_older_copy_of_the_list_closes_everything_and_the_newest_opens_again(path: Path) -> None:
    first = ClosingList()
    newest = first.beside(CLOSING)
    path.write_bytes(newest.to_bytes())
    closed = _closed(path)
    before = closed.why("another")
    path.write_bytes(first.to_bytes())
    swapped = closed.why("another")
    path.write_bytes(newest.to_bytes())

    assert (before, swapped, closed.why("another")) == ("", UNREADABLE, "")


def test_a_list_that_disappears_closes_everything(path: Path) -> None:
    path.write_bytes(ClosingList().to_bytes())
    closed = _closed(path)
    before = closed.why("another")
    path.unlink()

    assert (before, closed.why("another")) == ("", UNREADABLE)
