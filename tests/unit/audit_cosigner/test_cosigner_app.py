import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from structlog.testing import LogCapture

from audit.cosigner import app as cosigner_app
from audit.cosigner.app import create_app
from audit.cosigner.cosigning import Cosigning
from audit.cosigner.keys import Logs, make_cosigner
from audit.cosigner.ledger import Ledger
from audit.witness.tlog_wire import MAX_REQUEST_BYTES, Submission, write_submission
from tests.support.witnesses import SignedLog

LOG = SignedLog([bytes([place]) for place in range(20)])
FORK = SignedLog([b"other" + bytes([place]) for place in range(20)])


@pytest.fixture
def lines() -> LogCapture:
    return LogCapture()


@pytest.fixture
def application(tmp_path: Path, lines: LogCapture) -> Any:
    (tmp_path / "logs").mkdir()
    LOG.write_keys(tmp_path / "logs" / "a1.keys")
    cosigning = Cosigning(
        make_cosigner(tmp_path, name="w.example"),
        logs=Logs(tmp_path / "logs"),
        ledger=Ledger(tmp_path / "cosigner.db"),
        now_s=lambda: 1_795_417_200,
    )
    logger = structlog.wrap_logger(
        None, processors=[lines], wrapper_class=structlog.make_filtering_bound_logger("info")
    )
    return create_app(cosigning, logger=logger)


@pytest.fixture
async def client(application: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="https://w.example") as opened:
        yield opened


def submission(old: int, new: int, log: SignedLog = LOG) -> bytes:
    return write_submission(Submission(old_size=old, proof=log.prove(old, new), note=log.note(new)))


async def test_statuses_and_bodies_are_those_of_the_specification(client: httpx.AsyncClient, lines: LogCapture) -> None:
    first = await client.post("/add-checkpoint", content=submission(0, 5))
    stale = await client.post("/add-checkpoint", content=submission(0, 9))
    forked = await client.post("/add-checkpoint", content=submission(5, 5, FORK))
    inconsistent = await client.post("/add-checkpoint", content=submission(5, 9, FORK))
    malformed = await client.post("/add-checkpoint", content=b"marker-7531")
    unknown = await client.post("/add-checkpoint", content=b"old 0\n\nmarker-7531\n")
    untrusted = await client.post("/add-checkpoint", content=b"old 0\n\nhospital.example/a1\n")

    assert (first.status_code, first.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert [line.split(" ")[:2] for line in first.text.splitlines()] == [["\u2014", "w.example"]] * 2
    assert (stale.status_code, stale.headers["content-type"], stale.text) == (409, "text/x.tlog.size", "5\n")
    assert (forked.status_code, "tlog.size" in forked.headers["content-type"]) == (409, False)
    refused = (inconsistent, malformed, untrusted, unknown)
    assert [answer.status_code for answer in refused] == [422, 400, 403, 404]
    assert [entry["outcome"] for entry in lines.entries] == [
        "stale", "forked", "inconsistent", "malformed", "unknown_log", "untrusted",
    ]  # fmt: skip
    assert "marker-7531" not in json.dumps(lines.entries)
    assert "marker-7531" not in unknown.text + malformed.text


async def test_the_newest_cosigned_note_is_given_by_the_digest_of_its_origin(client: httpx.AsyncClient) -> None:
    digest = hashlib.sha256(LOG.key.origin.encode()).hexdigest()
    before = await client.get(f"/{digest}/checkpoint")
    cosigned = await client.post("/add-checkpoint", content=submission(0, 5))

    after = await client.get(f"/{digest}/checkpoint")

    assert (before.status_code, after.text) == (404, LOG.note(5) + cosigned.text)
    assert (await client.get("/other/checkpoint")).status_code == 404
    assert (await client.get("/healthz")).text == "ok\n"


async def test_a_body_that_is_too_large_or_too_slow_is_not_waited_for(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cosigner_app, "BODY_TIMEOUT_S", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        yield b"old 0\n"
        await asyncio.sleep(5)

    assert (await client.post("/add-checkpoint", content=b"x" * (MAX_REQUEST_BYTES + 1))).status_code == 413
    assert (await client.post("/add-checkpoint", content=slow())).status_code == 408


async def test_a_peer_that_leaves_in_the_middle_is_let_go(application: Any) -> None:
    sent: list[dict[str, Any]] = []
    messages = iter([{"type": "http.request", "body": b"old 0\n", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/add-checkpoint", "raw_path": b"/add-checkpoint", "headers": [],
        "query_string": b"", "http_version": "1.1", "scheme": "https", "server": ("w", 1), "client": ("c", 1),
        "root_path": "",
    }  # fmt: skip
    await application(scope, receive, send)

    assert sent[0]["status"] == 400


async def test_a_ledger_that_cannot_be_written_answers_503_and_says_so_in_the_log(
    client: httpx.AsyncClient, lines: LogCapture, tmp_path: Path
) -> None:
    other = Ledger(tmp_path / "cosigner.db")
    with other.turn("held"):
        answer = await client.post("/add-checkpoint", content=submission(0, 5))
    other.close()

    assert answer.status_code == 503
    assert lines.entries[0]["event"] == "cosigner.cannot_remember"
    assert (await client.post("/add-checkpoint", content=submission(0, 5))).status_code == 200
