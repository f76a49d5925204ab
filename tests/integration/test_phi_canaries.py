"""Patients who do not exist pass every door, every error and every process; nothing of them stays anywhere.

The trail lies in PostgreSQL here, because its server keeps pages, a write-ahead log and a log of its own; the same for
SQLite stands in test_canaries.
"""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from appliance.config import CHECKOUT
from appliance.escalation.wire import DiscloseRequest, to_frame
from appliance.phi.known_identifiers import KnownIdentifiers
from tests.support import canaries
from tests.support.canaries import NOTE, PEOPLE
from tests.support.canary_traffic import TASKS, Asked, chat, everywhere
from tests.support.command_line import run
from tests.support.postgres import READER, RECORDER, PostgresDatabase, PostgresServer, postgres_server
from tests.support.running_appliance import RunningAppliance, is_alive, running_appliance, wait_until_gone
from tests.support.threaded_engine import threaded_engine

GUARD = CHECKOUT / "var" / "models" / "guard"

LOOK_EVERY_S = 0.2
"""How often the processes are looked at while requests pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What is left once everything has passed."""

    appliance: RunningAppliance
    server: PostgresServer
    trail: PostgresDatabase
    answers: list[Asked]
    in_processes: dict[str, set[str]]
    """Canaries that stood in a process's title, environment or name at any moment."""

    looked: int
    """How many times the processes were looked at."""

    metrics: bytes
    told_by_the_broker: list[bytes]
    """What came over its socket for bodies that held patients, and for frames that were none."""

    temporary: Path
    """Where every process was told to put temporary files."""

    crashed: dict[str, list[int]]
    """The processes that were made to crash, by program, with what they had started."""

    cores: set[Path]
    """Files that the crashes left where they worked."""

    def errors(self) -> list[Asked]:
        """Return the answers that are refusals and failures."""
        return [asked for asked in self.answers if asked.answer.status_code >= 400]


@pytest.fixture(scope="module")
def passage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Passage]:
    folder, temporary = tmp_path_factory.mktemp("canaries"), tmp_path_factory.mktemp("tmp")
    (folder / "home").mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as environment, postgres_server() as server, threaded_engine(folder) as engine:
        environment.setenv("TMPDIR", str(temporary))
        trail = server.database()
        settings = f"database: {trail.text(RECORDER)}\nreaders: {trail.text(READER)}\n"
        (folder / "home" / "trail.yaml").write_text(settings)
        with _cores_wanted(), running_appliance(folder, upstream=engine.url) as appliance:
            key = appliance.add_client("canaries", tasks=TASKS).key
            added = appliance.audit("officer", "add", "q.officer", "--role", "compliance-officer", "--json")
            officer = json.loads(added.stdout)["key"]
            with _watched(appliance.pid) as seen:
                answers = list(everywhere(appliance, engine, key=key, officer=officer))
            metrics = httpx.get(f"{appliance.metrics_url}/metrics", trust_env=False).content
            told_by_the_broker = asyncio.run(_ask_the_broker(appliance.home / "run" / "broker.sock"))
            before = _files_here(appliance)
            crashed = _crash(appliance)
            with appliance.http(key) as http:
                answers += [Asked(door="crashed", answer=answer) for answer in _while_away(http)]
            cores = _files_here(appliance) - before
            trail.sql("CHECKPOINT")
            yield Passage(
                appliance=appliance,
                server=server,
                trail=trail,
                answers=answers,
                in_processes=seen.hits,
                looked=seen.looked,
                metrics=metrics,
                told_by_the_broker=told_by_the_broker,
                temporary=temporary,
                crashed=crashed,
                cores=cores,
            )


def test_the_patients_went_through_every_door(passage: Passage) -> None:
    doors = {asked.door: 0 for asked in passage.answers}
    for asked in passage.answers:
        doors[asked.door] += 1
    answered = [asked for asked in passage.answers if asked.answer.status_code == 200]
    recorded = passage.trail.sql("SELECT count(*) FROM record")[0][0]

    assert set(doors) == {"answered", "engine failed", "bad input", "refused", "unknown key", "console", "crashed"}
    assert len([asked for asked in answered if asked.door == "answered"]) >= 10
    assert len({asked.answer.status_code for asked in passage.errors()}) >= 6
    assert recorded >= 100


def test_the_models_answer_brings_back_the_callers_own_patient_only(passage: Passage) -> None:
    shown = b"".join(asked.answer.content for asked in passage.answers if asked.door == "answered")

    assert canaries.found_in(shown)  # the caller's own identifiers, as sent


def test_no_error_repeats_a_patients_text(passage: Passage) -> None:
    leaks = [
        (asked.door, asked.answer.status_code, canaries.found_in(asked.answer.content)) for asked in passage.errors()
    ]

    assert len(leaks) >= 60
    assert [leak for leak in leaks if leak[2]] == []


def test_no_header_of_any_answer_repeats_a_patients_text_but_the_id_that_the_caller_chose(passage: Passage) -> None:
    for asked in passage.answers:
        asked.answer.headers.pop("X-Request-Id", None)
    headers = [(asked.door, repr(asked.answer.headers.raw).encode()) for asked in passage.answers]

    assert [(door, canaries.found_in(each)) for door, each in headers if canaries.found_in(each)] == []


def test_no_metric_holds_a_patients_text(passage: Passage) -> None:
    assert b"appliance_" in passage.metrics
    assert canaries.found_in(passage.metrics) == set()


def test_the_broker_refuses_what_holds_a_patient_and_repeats_nothing(passage: Passage) -> None:
    *bodies, frame = passage.told_by_the_broker

    assert [b'"type":"refusal"' in told for told in bodies] == [True] * len(PEOPLE)
    assert frame == b""
    assert [canaries.found_in(told) for told in bodies] == [set()] * len(PEOPLE)


COMMANDS = [
    ("phi", "scan", "NOTE"),
    ("phi", "explain", "NOTE", "--at", "3"),
    ("phi", "preview", "NOTE"),
    ("phi", "scan", "NOTE", "--patient", "NOTE"),
    ("phi", "scan", "NOTE", "--jsonl"),
    ("phi", "scan", "BINARY"),
    ("phi", "scan", "NOTE", "--show"),
]


@pytest.mark.skipif(not GUARD.exists(), reason="the guard's models are not here; 'make gateway' fills them")
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_prints_a_patients_text_into_a_file_or_pipe(tmp_path: Path, words: tuple[str, ...]) -> None:
    files = {"NOTE": tmp_path / "note.txt", "BINARY": tmp_path / "note.bin"}
    files["NOTE"].write_text(PEOPLE[0].note())
    files["BINARY"].write_bytes(PEOPLE[0].note().encode("utf-16") + b"\xff")

    done = run(*(str(files.get(word, word)) for word in words), home=tmp_path / "home")

    assert done.out + done.err
    assert "Traceback" not in done.err
    assert canaries.found_in((done.out + done.err).encode()) == set()


def test_no_process_shows_a_patients_text_while_it_works(passage: Passage) -> None:
    assert passage.looked >= 2
    assert passage.in_processes == {}


def test_no_log_state_file_or_page_holds_a_patients_text(passage: Passage) -> None:
    logs = {path.name for path in passage.appliance.home.rglob("*.log")}

    assert {"gateway.log", "broker.log", "recorder.log", "console.log", "supervisor.log"} <= logs
    assert canaries.found_in_files([passage.appliance.home]) == {}


def test_no_page_of_the_database_its_log_or_its_write_ahead_log_holds_a_patients_text(passage: Passage) -> None:
    assert (passage.server.folder / "data" / "pg_wal").is_dir()
    assert canaries.found_in_files([passage.server.folder]) == {}


def test_no_temporary_file_holds_a_patients_text(passage: Passage) -> None:
    elsewhere = list(Path("/tmp").glob("appliance*"))  # noqa: S108  # where a leak would lie

    assert canaries.found_in_files([passage.temporary, *elsewhere]) == {}


def test_a_crash_of_any_process_leaves_no_core(passage: Passage) -> None:
    assert {"gateway", "broker", "recorder", "console"} <= set(passage.crashed)
    assert passage.cores == set()


def test_the_search_finds_a_canary_in_a_page_of_the_database(passage: Passage) -> None:
    other = passage.server.empty("planted")
    other.sql("CREATE TABLE leak (words text)")
    other.sql("INSERT INTO leak SELECT %s || n FROM generate_series(1, 50) AS n", PEOPLE[0].note())
    other.sql("CHECKPOINT")
    data = passage.server.folder / "data"
    number = other.sql("SELECT oid FROM pg_database WHERE datname = 'planted'")[0][0]

    pages = canaries.found_in_files([data / "base" / str(number)])
    other.sql("DROP TABLE leak")

    assert set(PEOPLE[0].canaries()) <= set().union(*pages.values())


@pytest.mark.parametrize("place", ["argument", "environment", "title"])
def test_the_search_finds_a_canary_in_a_process(place: str) -> None:
    name = PEOPLE[0].family
    code = "import sys, time\nopen('/proc/self/comm', 'w').write(sys.argv[1])\nprint(1, flush=True)\ntime.sleep(60)"
    title = canaries.PEOPLE[1].record if place == "title" else "other"
    command = [sys.executable, "-c", code, title, *([name] if place == "argument" else [])]
    environment = {**os.environ, **({"LEAK": name} if place == "environment" else {})}

    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child, _watched(os.getpid()) as seen:
        assert child.stdout is not None
        child.stdout.readline()
        seen.look()
        child.kill()

    shown = {Path(file).name for file in seen.hits}
    assert {"argument": "cmdline", "environment": "environ", "title": "comm"}[place] in shown


def test_the_search_finds_a_canary_in_every_spelling(tmp_path: Path) -> None:
    spellings = {form for person in PEOPLE for value in person.canaries() for form in canaries.forms(value)}
    for number, spelling in enumerate(sorted(spellings)):
        (tmp_path / f"{number}.bin").write_bytes(b"\x00before " + spelling + b" after\xff")
    (tmp_path / f"{PEOPLE[0].family}.txt").touch()

    assert len(canaries.found_in_files([tmp_path])) == len(spellings) + 1


class _Seen:
    """What stood in the processes below one, at every look."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.hits: dict[str, set[str]] = {}
        self.looked = 0

    def look(self) -> None:
        self.hits |= canaries.found_in_processes(canaries.descendants(self._pid))
        self.looked += 1


@contextmanager
def _watched(pid: int) -> Iterator[_Seen]:
    """Look at a process and all below it again and again until the end."""
    seen, over = _Seen(pid), threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_EVERY_S):
            seen.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@contextmanager
def _cores_wanted() -> Iterator[None]:
    """Let what is started leave cores, as a machine may be set up to do: only the appliance itself forbids them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def _crash(appliance: RunningAppliance) -> dict[str, list[int]]:
    """Crash every program of the appliance, and what it started, as a fault in a library would."""
    numbers = [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE]
    programs = {name: state["pid"] for name, state in appliance.processes().items() if state["pid"]}
    found = {name: canaries.descendants(pid) for name, pid in programs.items()}
    for index, pids in enumerate(found.values()):
        for pid in reversed(pids):
            if is_alive(pid):
                os.kill(pid, numbers[index % len(numbers)])
    wait_until_gone([pid for pids in found.values() for pid in pids])
    return found


async def _ask_the_broker(socket: Path) -> list[bytes]:
    """Hand the broker bodies that hold a patient, and a frame that is none; return all that it says."""
    told = []
    for person in PEOPLE:
        known = KnownIdentifiers.from_fhir([person.resource()]).keyed(bytes(range(32)), issued=())
        request = DiscloseRequest(exchange_id="ex_1", task="coding", provider="example", policy_digest="ab")
        request = request.model_copy(update={"identifiers": known.to_wire()})
        told.append(await _said(socket, to_frame(request, json.dumps({"text": person.note()}).encode())))
    header = json.dumps({"type": "disclose", PEOPLE[0].name: PEOPLE[0].note()}).encode()
    told.append(await _said(socket, len(header).to_bytes(4, "big") + bytes(4) + header))
    return told


async def _said(socket: Path, frame: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(socket))
    writer.write(frame)
    writer.write_eof()
    said = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    await writer.wait_closed()
    return said


def _while_away(http: httpx.Client) -> Iterator[httpx.Response]:
    """Ask while the programs start again, until the gateway answers at all."""
    limit_s = time.monotonic() + 30
    while time.monotonic() < limit_s:
        try:
            yield http.post("/v1/chat/completions", json=chat(PEOPLE[0], messages=[{"role": "user", "content": NOTE}]))
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return


def _files_here(appliance: RunningAppliance) -> set[Path]:
    """Return the files of the folders in which the programs work."""
    return {file for folder in (CHECKOUT, appliance.home, appliance.home / "run") for file in folder.glob("*core*")}
