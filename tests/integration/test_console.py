"""The console, as the supervisor runs it: TLS, officer keys, a recorder that must take every read first."""

import datetime as dt
import ipaddress
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from audit.officers import Officers
from tests.support.recorder_process import running_recorder
from tests.support.told_manager import Manager, service_manager
from tests.support.trail_builder import PATIENT, TrailBuilder, TurnableClock

READY_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningConsole:
    """A console process, and how to speak to it."""

    trail: TrailBuilder
    port: int
    certificate: Path
    process: subprocess.Popen[bytes]
    key: str
    manager: Manager
    """What it told the service manager."""

    @property
    def log(self) -> str:
        """Return what the process has written to standard error."""
        return (self.trail.home / "console.log").read_text()

    def ask(self, path: str, body: Any = None, *, key: str | None = None) -> tuple[int, Any]:
        """Send one request and return status and JSON."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        connection = HTTPSConnection("127.0.0.1", self.port, context=context, timeout=READY_S)
        headers = {"Authorization": f"Bearer {self.key if key is None else key}", "Content-Type": "application/json"}
        content = body if isinstance(body, bytes | None) else json.dumps(body)
        connection.request("GET" if body is None else "POST", path, content, headers)
        answer = connection.getresponse()
        read = answer.read()
        connection.close()
        return answer.status, json.loads(read)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningConsole]:
    """Run recorder and console over a small trail."""
    clock = TurnableClock(now_ms=time.time_ns() // 1_000_000)
    trail = TrailBuilder(home=tmp_path_factory.mktemp("console") / "h", clock=clock)
    trail.add_exchanges(3, seconds_between=0.01)
    key = Officers(trail.home / "custodian").add("m.weber", roles=("compliance-officer",))
    with running_recorder(trail.home), running_console(trail, key) as console:
        yield console


@contextmanager
def running_console(trail: TrailBuilder, key: str) -> Iterator[RunningConsole]:
    certificate, private = _certificate(trail.home)
    port = _free_port()
    command = [sys.executable, "-m", "audit.console", "--home", str(trail.home), "--port", str(port)]
    command += ["--certificate", str(certificate), "--key", str(private)]
    with service_manager() as (manager, address), (trail.home / "console.log").open("wb") as log:
        environment = {**os.environ, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": "500000"}
        process = subprocess.Popen(command, stderr=log, env=environment)
        try:
            _wait(port, process)
            yield RunningConsole(
                trail=trail, port=port, certificate=certificate, process=process, key=key, manager=manager
            )
        finally:
            process.terminate()
            process.wait(READY_S)


def test_it_lives_without_a_key(console: RunningConsole) -> None:
    assert console.ask("/healthz", key="") == (200, {"status": "ok"})


async def test_the_service_manager_hears_that_it_answers_and_lives(console: RunningConsole) -> None:
    await console.manager.wait_for("READY=1")
    await console.manager.wait_for("WATCHDOG=1", times=2)


def test_an_officer_lists_exchanges(console: RunningConsole) -> None:
    status, answer = console.ask("/api/v1/exchanges?task=medical-coding&limit=2")

    assert status == 200
    assert len(answer["rows"]) == 2
    assert console.ask(f"/api/v1/exchanges?cursor={answer['next_cursor']}")[1]["next_cursor"] == ""


def test_an_officer_finds_a_patient_by_a_body_only(console: RunningConsole) -> None:
    status, answer = console.ask("/api/v1/queries", {"patient": PATIENT, "since": "1h"})
    refused, problem = console.ask(f"/api/v1/exchanges?patient={PATIENT}")

    assert (status, len(answer["rows"])) == (200, 3)
    assert (refused, problem["code"]) == (400, "invalid_request")
    assert PATIENT not in json.dumps(problem)


def test_rows_by_event_can_be_asked_for(console: RunningConsole) -> None:
    rows = console.ask("/api/v1/queries", {"events": True, "kind": "intent"})[1]["rows"]

    assert {row["kind"] for row in rows} == {"intent"}


def test_an_exchange_is_shown_without_bodies(console: RunningConsole) -> None:
    name = console.ask("/api/v1/exchanges")[1]["rows"][-1]["exchange"]

    status, answer = console.ask(f"/api/v1/exchanges/{name}")

    assert status == 200
    assert [event["kind"] for event in answer["events"]] == ["intent", "decision", "release", "outcome"]
    assert "Canary" not in json.dumps(answer)


def test_the_newest_checkpoint_is_given(console: RunningConsole) -> None:
    status, answer = console.ask("/api/v1/checkpoint")

    assert status == 200
    assert answer["note"].startswith("hospital.example/test\n")


def test_every_read_is_recorded_under_the_officers_name(console: RunningConsole) -> None:
    console.ask("/api/v1/queries", {"patient": "MRN-asked-for"})

    rows = console.ask("/api/v1/queries", {"user": "m.weber", "kind": "access", "events": True})[1]["rows"]

    assert rows[0]["code"] == "query"
    assert rows[0]["client"] == "console"
    assert rows[0]["facts"]["asked_by"] == ["patient"]


@pytest.mark.parametrize("key", ["", "wrong", "ofk_00000000_" + "A" * 43])
def test_a_missing_a_wrong_and_an_unknown_key_get_the_same_answer(console: RunningConsole, key: str) -> None:
    answers = [
        console.ask(path, key=key) for path in ("/api/v1/exchanges", "/api/v1/checkpoint", "/api/v1/exchanges/x")
    ]

    assert {status for status, _ in answers} == {401}
    assert {json.dumps(problem) for _, problem in answers} == {
        json.dumps(console.ask("/api/v1/exchanges", key="no")[1])
    }


def test_a_revoked_key_is_refused_from_the_next_request_on(console: RunningConsole) -> None:
    officers = Officers(console.trail.home / "custodian")
    key = officers.add("leaving", roles=("compliance-officer",))
    before = console.ask("/api/v1/checkpoint", key=key)[0]
    officers.revoke("leaving")

    assert (before, console.ask("/api/v1/checkpoint", key=key)[0]) == (200, 401)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/api/v1/queries", b"{", 422, "invalid_request"),
        ("/api/v1/queries", b"\xff\xfe", 422, "invalid_request"),
        ("/api/v1/queries", b"[" * 10_000, 400, "invalid_request"),
        ("/api/v1/queries", {"patient": 5}, 422, "invalid_request"),
        ("/api/v1/queries", {"nonsense": "x"}, 422, "invalid_request"),
        ("/api/v1/queries", {"limit": 0}, 422, "invalid_request"),
        ("/api/v1/queries", {"since": "yesterday"}, 400, "query_invalid"),
        ("/api/v1/queries", b" " * 70_000, 413, "request_too_large"),
        ("/api/v1/exchanges?limit=0", None, 400, "query_invalid"),
        ("/api/v1/exchanges?limit=x", None, 422, "invalid_request"),
        ("/api/v1/exchanges/ex_unknown", None, 404, "unknown_record"),
        ("/api/v1/nothing", None, 404, "not_found"),
        ("/api/v1/exchanges", {}, 405, "invalid_request"),
    ],
)
def test_bad_input_gets_a_problem_with_a_code(
    console: RunningConsole, path: str, body: Any, status: int, code: str
) -> None:
    answered, problem = console.ask(path, body)

    assert (answered, problem["status"], problem["code"]) == (status, status, code)


def test_no_value_of_a_bad_question_is_repeated(console: RunningConsole) -> None:
    _, problem = console.ask("/api/v1/queries", {"patient": {"CANARY-88": "CANARY-88"}, "kind": "CANARY-88"})

    assert "CANARY-88" not in json.dumps(problem)


def test_two_officers_open_a_body_and_the_trail_says_so(console: RunningConsole) -> None:
    officers = Officers(console.trail.home / "custodian")
    first, second = (officers.add(name, roles=("privacy-officer",)) for name in ("p.first", "p.second"))
    name = console.ask("/api/v1/exchanges?state=answered")[1]["rows"][-1]["exchange"]
    wish = {"action": "open_body", "subject": name, "case": "CASE-1"}

    approval = console.ask("/api/v1/approvals", wish, key=first)[1]["approval"]
    early = console.ask("/api/v1/openings", {"exchange": name, "approval": approval}, key=first)
    console.ask(f"/api/v1/approvals/{approval}/give", {}, key=second)
    status, opened = console.ask("/api/v1/openings", {"exchange": name, "approval": approval}, key=first)

    reads = console.ask("/api/v1/events?topic=reads&code=body_opened")[1]["rows"]
    assert (early[0], early[1]["code"]) == (409, "approval_missing")
    assert status == 200
    assert opened["events"][0]["patients"] == [PATIENT]
    assert reads[0]["facts"]["approved_by"] == "p.second"
    assert "Canary" not in console.log


def test_the_state_of_the_recorder_and_its_witnesses_is_given(console: RunningConsole) -> None:
    status, health = console.ask("/api/v1/health")

    assert (status, health["state"]) == (200, "open")
    assert [witness["state"] for witness in health["witnesses"]] == ["ok"]


def test_an_officer_added_while_it_runs_is_in_the_trail_before_the_first_read(console: RunningConsole) -> None:
    key = Officers(console.trail.home / "custodian").add("late", roles=("compliance-officer",), by="root")

    rows = console.ask("/api/v1/events?topic=officers", key=key)[1]["rows"]

    assert rows[0]["facts"]["officer"] == "late"


def test_the_log_holds_templates_and_no_names(console: RunningConsole) -> None:
    console.ask("/api/v1/queries", {"patient": "CANARY-99"})
    console.ask("/api/v1/exchanges/ex_CANARY-99")
    console.ask("/api/v1/exchanges?user=CANARY-99")

    lines = [json.loads(line) for line in console.log.splitlines()]
    assert "CANARY-99" not in console.log
    assert lines[0]["event"] == "console_started"
    assert {line["route"] for line in lines if line["event"] == "request_answered"} >= {"/api/v1/exchanges/{name}"}


def test_old_tls_is_refused(console: RunningConsole) -> None:
    context = ssl.create_default_context(cafile=str(console.certificate))
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2

    with socket.create_connection(("127.0.0.1", console.port), timeout=READY_S) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not plain.recv(64).startswith(b"HTTP/1.1 200")


def test_a_read_that_cannot_be_recorded_is_not_answered(tmp_path: Path) -> None:
    trail = TrailBuilder(home=tmp_path / "h", clock=TurnableClock(now_ms=time.time_ns() // 1_000_000))
    trail.add_exchanges(1, seconds_between=0.01)
    key = Officers(trail.home / "custodian").add("m.weber", roles=("compliance-officer",))

    with running_console(trail, key) as console:
        answers = [console.ask(path) for path in ("/api/v1/exchanges", "/api/v1/exchanges/1")]
        console.process.send_signal(signal.SIGTERM)
        code = console.process.wait(READY_S)
        told = console.manager.heard

    assert told[-1] == "STOPPING=1"
    assert {(status, problem["code"]) for status, problem in answers} == {(503, "audit_unavailable")}
    assert "rows" not in json.dumps(answers)
    assert code == 0
    assert "console_stopped" in console.log


@pytest.mark.parametrize("wrong", ["certificate", "port"])
def test_it_says_why_it_cannot_start(tmp_path: Path, wrong: str) -> None:
    certificate, private = _certificate(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1] if wrong == "port" else 0
        file = tmp_path / "absent" if wrong == "certificate" else certificate
        command = [sys.executable, "-m", "audit.console", "--home", str(tmp_path), "--port", str(port)]
        command += ["--certificate", str(file), "--key", str(private)]
        result = subprocess.run(command, capture_output=True, check=False, timeout=READY_S)

    assert result.returncode == 2
    assert json.loads(result.stderr)["event"] == "console_cannot_start"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the console does not listen")


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "c.pem", folder / "k.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, private


def test_wrong_settings_stop_the_start_with_their_reason(tmp_path: Path) -> None:
    (tmp_path / "trail.yaml").write_text("databse: x\n")
    command = [sys.executable, "-m", "audit.console", "--home", str(tmp_path), "--certificate", "x", "--key", "x"]

    ended = subprocess.run(command, capture_output=True, check=False)

    assert ended.returncode == 2
    assert b"databse" in ended.stderr
