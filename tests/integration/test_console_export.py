"""Evidence bundles over HTTPS, signed by a real recorder and checked with the trail's public keys alone."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog

from audit.console import exports
from audit.export import open_bundle
from audit.keyring import Trail
from audit.recorder.client import RecorderClient
from tests.support.console_client import Console, app_of, console_of
from tests.support.memory_recorder import MemoryRecorder
from tests.support.officers import FIRST, READER, Office
from tests.support.recorder_process import running_recorder
from tests.support.trail_builder import TrailBuilder, TurnableClock


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run a recorder over a small trail."""
    clock = TurnableClock(now_ms=time.time_ns() // 1_000_000)
    trail = TrailBuilder(home=tmp_path_factory.mktemp("exports") / "h", clock=clock)
    trail.add_exchanges(3, seconds_between=0.01)
    with running_recorder(trail.home):
        yield trail.home


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Keep the console's log out of the test's output."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture(scope="module")
def office(home: Path) -> Office:
    return Office(home / "custodian")


async def _ask(home: Path, office: Office, body: object, *, officer: str = READER) -> httpx.Response:
    """Ask for a bundle, of a console that speaks to the real recorder."""
    recorder = RecorderClient(home / "run" / "recorder.sock")
    console = Console(app=app_of(home, recorder), recorder=MemoryRecorder(), office=office)
    try:
        return await console.ask("POST", "/api/v1/exports", body, officer=officer)
    finally:
        await recorder.aclose()


def _folder(home: Path) -> list[str]:
    return [file.name for file in (home / "custodian" / "exports").iterdir()]


@pytest.mark.parametrize("what", ["span", "exchange"])
async def test_a_bundle_proves_itself_with_the_public_keys_alone(
    home: Path, office: Office, tmp_path: Path, what: str
) -> None:
    span = {"since": "1h", "until": "2099-01-01"}

    answer = await _ask(home, office, span if what == "span" else {"exchange": "ex_" + f"{1:032x}"})

    file = tmp_path / "evidence.zip"
    file.write_bytes(answer.content)
    report = open_bundle(file).verify(Trail(folder=home / "audit").verifier_keys())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert report.verdict == "verified"
    assert _folder(home) == []


async def test_who_may_not_take_the_trail_out_gets_no_bundle(home: Path, office: Office) -> None:
    answer = await _ask(home, office, {"exchange": "ex_" + f"{1:032x}"}, officer=FIRST)

    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")


@pytest.mark.parametrize(
    "body",
    [{}, {"since": "1h"}, {"exchange": "ex_1", "since": "1h"}, {"exchange": "ex_1", "since": "1h", "until": "1m"}],
)
async def test_what_to_export_is_named_once(home: Path, office: Office, body: dict[str, str]) -> None:
    answer = await _ask(home, office, body)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


async def test_an_unknown_exchange_has_no_bundle(home: Path, office: Office) -> None:
    answer = await _ask(home, office, {"exchange": "ex_unknown"})

    assert answer.status_code in {400, 404}
    assert _folder(home) == []


async def test_a_span_that_is_too_long_is_sent_to_the_command(
    home: Path, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MAX_RECORDS", 5)

    answer = await _ask(home, office, {"since": "1h", "until": "2099-01-01"})

    assert answer.status_code == 400
    assert "audit export" in answer.json()["detail"]


async def test_without_a_signature_there_is_no_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "SIGNED_WITHIN_S", 0.3)
    trail = TrailBuilder(home=tmp_path / "h")
    trail.add_exchanges(1)
    console = console_of(trail.home)

    answer = await console.ask("POST", "/api/v1/exports", {"exchange": "ex_" + f"{1:032x}"})

    assert (answer.status_code, answer.json()["code"]) == (503, "audit_unavailable")


async def test_what_a_crash_left_behind_is_removed(home: Path, office: Office) -> None:
    await _ask(home, office, {"exchange": "ex_unknown"})
    old, new = (home / "custodian" / "exports" / name for name in ("old.zip", "new.zip"))
    for file in (old, new):
        file.write_bytes(b"x")
    os.utime(old, (0, 0))

    await _ask(home, office, {"exchange": "ex_" + f"{1:032x}"})

    assert _folder(home) == ["new.zip"]
    new.unlink()
