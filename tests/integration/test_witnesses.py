"""Real witnesses of a real recorder: rsyslogd with gnutls, a cosigner in a process of its own, and files."""

import asyncio
import hashlib
import http.client
import json
import shutil
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from audit.checkpoint import read_checkpoint
from audit.errors import ConsistencyError, QuarantinedError, WitnessError
from audit.keyring import Trail
from audit.recorder.client import RecorderClient
from audit.settings import LogWitness
from audit.witness import read_witness
from audit.witness.cosignature import CosignerKey, valid_lines
from audit.witness.syslog import SyslogSender
from audit.witness.tlog import Peer, TlogWitness
from audit.witness.tls import TlsTarget
from tests.support.rsyslog import Rsyslog
from tests.support.tls_peers import CosignerProcess
from tests.support.trails import RecorderProcess, example_event, new_trail
from tests.support.witnesses import Authority, SignedLog

LOG = SignedLog([bytes([place]) for place in range(200)])
FORK = SignedLog([bytes([place]) if place < 3 else b"other" + bytes([place]) for place in range(200)])
NOW_MS = 1_795_417_200_123


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def syslog(tmp_path: Path, authority: Authority) -> Iterator[Rsyslog]:
    certificate, key = authority.issue("syslog")
    server = Rsyslog(tmp_path / "rsyslog", ca=authority.path, certificate=certificate, key=key)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def second(tmp_path: Path, authority: Authority) -> Iterator[CosignerProcess]:
    process = CosignerProcess(tmp_path / "second", authority)
    process.watch(LOG)
    process.start()
    yield process
    process.stop()


def sender(authority: Authority, port: int, *, ca: Path | None = None) -> SyslogSender:
    return SyslogSender(TlsTarget.load("localhost", port, ca=ca or authority.path), name="siem", keys=LOG.keys)


def client(folder: Path, authority: Authority, second: CosignerProcess, log: SignedLog = LOG) -> TlogWitness:
    url = f"https://localhost:{second.port}"
    chosen = LogWitness(kind="tlog-witness", name="second", url=url, ca=authority.path, keys=second.keys)
    return TlogWitness(Peer.load(chosen), keys=log.keys, prove=log.prove, state=folder / "second.note")


# --- syslog over TLS ---------------------------------------------------------------------------------------------


def test_rsyslogd_keeps_every_checkpoint_whole_and_what_it_keeps_is_a_witness_file(
    syslog: Rsyslog, authority: Authority
) -> None:
    witness = sender(authority, syslog.port)
    for size in (1, 2, 200):
        witness.publish(LOG.note(size), time_ms=NOW_MS)
    witness.close()

    lines = syslog.wait_for(3)
    assert [json.loads(line.split("|", 5)[5])["note"] for line in lines] == [LOG.note(size) for size in (1, 2, 200)]
    priority, moment, application, message_id, structure, _ = lines[2].split("|", 5)
    assert (priority, application, message_id) == ("109", "audit-recorder", "checkpoint")
    assert moment.startswith("2026-11-23T")
    assert structure == f'[checkpoint@32473 origin="hospital.example/a1" size="200" root="{LOG.root(200).hex()}"]'
    assert list(read_witness(syslog.messages)) == [LOG.note(size) for size in (1, 2, 200)]


def test_a_syslog_server_that_restarts_gets_the_next_checkpoint(syslog: Rsyslog, authority: Authority) -> None:
    witness = sender(authority, syslog.port)
    witness.publish(LOG.note(1), time_ms=NOW_MS)
    syslog.wait_for(1)
    syslog.stop()
    with pytest.raises(WitnessError, match="siem"):
        witness.publish(LOG.note(2), time_ms=NOW_MS)
    syslog.start()

    witness.publish(LOG.note(3), time_ms=NOW_MS)

    assert LOG.note(3) in [json.loads(line.split("|", 5)[5])["note"] for line in syslog.wait_for(2)]
    witness.close()


def test_only_the_pinned_ca_is_believed(syslog: Rsyslog, tmp_path: Path, authority: Authority) -> None:
    stranger = Authority.make(tmp_path, "stranger")

    with pytest.raises(WitnessError, match="certificate is not valid"):
        sender(authority, syslog.port, ca=stranger.path).confirm(LOG.note(1))


@pytest.mark.parametrize(
    ("host", "days"), [("localhost", (-20, -1)), ("other.example", (-1, 20)), ("localhost", (1, 20))]
)
def test_an_expired_early_or_foreign_certificate_is_refused(
    tmp_path: Path, authority: Authority, host: str, days: tuple[int, int]
) -> None:
    certificate, key = authority.issue("bad", host=host, days=days)
    server = Rsyslog(tmp_path / "bad", ca=authority.path, certificate=certificate, key=key)
    server.start()

    with pytest.raises(WitnessError, match="certificate is not valid"):
        sender(authority, server.port).confirm(LOG.note(1))

    server.stop()
    assert not server.fields.exists()


def test_a_syslog_server_that_wants_client_certificates_is_named_until_it_gets_one(
    tmp_path: Path, authority: Authority
) -> None:
    certificate, key = authority.issue("server")
    server = Rsyslog(tmp_path / "r", ca=authority.path, certificate=certificate, key=key, client_certificates=True)
    server.start()
    own = authority.issue("own", host="recorder")
    target = TlsTarget.load("localhost", server.port, ca=authority.path, certificate=own[0], key=own[1])

    with pytest.raises(WitnessError, match="siem"):
        sender(authority, server.port).publish(LOG.note(1), time_ms=NOW_MS)
    known = SyslogSender(target, name="siem", keys=LOG.keys)
    known.publish(LOG.note(2), time_ms=NOW_MS)

    (line,) = server.wait_for(1)
    assert json.loads(line.split("|", 5)[5])["note"] == LOG.note(2)
    known.close()
    server.stop()


# --- the second appliance ----------------------------------------------------------------------------------------


def test_a_second_appliance_cosigns_and_remembers_over_restarts(
    tmp_path: Path, authority: Authority, second: CosignerProcess
) -> None:
    witness = client(tmp_path, authority, second)
    witness.publish(LOG.note(3), time_ms=NOW_MS)
    second.kill()
    with pytest.raises(WitnessError, match="the witness second"):
        witness.publish(LOG.note(9), time_ms=NOW_MS)
    second.start()

    witness.publish(LOG.note(9), time_ms=NOW_MS)

    keys = [CosignerKey.from_vkey(line) for line in second.keys.read_text().splitlines()]
    lines = witness.cosigned.removeprefix(LOG.note(9))
    assert valid_lines(lines, statement=read_checkpoint(LOG.note(9), LOG.keys), keys=keys) == lines
    witness.close()


def test_killed_between_racing_forks_it_never_signs_both(
    tmp_path: Path, authority: Authority, second: CosignerProcess
) -> None:
    roots: dict[int, set[bytes]] = {}
    stop = threading.Event()

    def push(log: SignedLog, name: str) -> None:
        folder = tmp_path / name
        folder.mkdir()
        size = 1
        while not stop.is_set() and size < 200:
            witness = client(folder, authority, second, log)
            try:
                witness.publish(log.note(size), time_ms=NOW_MS)
                roots.setdefault(size, set()).add(log.root(size))
                size += 1
            except (WitnessError, RuntimeError):
                time.sleep(0.01)
            except ConsistencyError:
                size += 1
            finally:
                witness.close()

    threads = [threading.Thread(target=push, args=pair) for pair in ((LOG, "log"), (FORK, "fork"))]
    for thread in threads:
        thread.start()
    for _ in range(4):
        time.sleep(0.4)
        second.kill()
        second.start()
    stop.set()
    for thread in threads:
        thread.join(60)

    assert len(roots) > 3
    assert all(len(found) == 1 for found in roots.values())
    beyond = [next(iter(found)) == LOG.root(size) for size, found in roots.items() if size > 3]
    assert len(set(beyond)) <= 1
    with closing(sqlite3.connect(second.home / "cosigner.db")) as database:
        (size,) = database.execute("SELECT size FROM head").fetchone()
    assert size >= max(roots)


def test_the_newest_cosigned_checkpoint_can_be_fetched_by_anybody(
    tmp_path: Path, authority: Authority, second: CosignerProcess
) -> None:
    witness = client(tmp_path, authority, second)
    witness.publish(LOG.note(9), time_ms=NOW_MS)

    status, body = ask(authority, second, "GET", f"/{digest(LOG.key.origin)}/checkpoint")
    assert (status, body.decode()) == (200, witness.cosigned)
    assert ask(authority, second, "GET", f"/{digest('other.example')}/checkpoint")[0] == 404
    assert ask(authority, second, "GET", "/healthz") == (200, b"ok\n")
    witness.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/add-checkpoint", b"garbage", 400),
        ("POST", "/add-checkpoint", b"old 0\n\nnobody.example\n0\n", 404),
        ("POST", "/add-checkpoint", b"old 0\n\nhospital.example/a1\n0\n", 403),
        ("POST", "/add-checkpoint", b"x" * 100_000, 413),
        ("GET", "/add-checkpoint", b"", 405),
        ("POST", "/", b"", 404),
        ("GET", "/docs", b"", 404),
    ],
)
def test_each_refusal_of_the_second_appliance_has_its_status(
    authority: Authority, second: CosignerProcess, method: str, path: str, body: bytes, status: int
) -> None:
    assert ask(authority, second, method, path, body)[0] == status


def digest(origin: str) -> str:
    return hashlib.sha256(origin.encode()).hexdigest()


def ask(authority: Authority, second: CosignerProcess, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    context = ssl.create_default_context(cafile=str(authority.path))
    connection = http.client.HTTPSConnection("localhost", second.port, context=context, timeout=20)
    with closing(connection):
        connection.request(method, path, body=body)
        response = connection.getresponse()
        return response.status, response.read()


# --- a recorder and its witnesses --------------------------------------------------------------------------------


def configure(home: Path, *witnesses: dict[str, object]) -> None:
    (home / "trail.yaml").write_text(yaml.safe_dump({"witnesses": list(witnesses)}))


def tlog_settings(authority: Authority, second: CosignerProcess) -> dict[str, object]:
    return {
        "kind": "tlog-witness", "name": "second", "url": f"https://localhost:{second.port}",
        "ca": str(authority.path), "keys": str(second.keys),
    }  # fmt: skip


def syslog_settings(authority: Authority, port: int) -> dict[str, object]:
    return {"kind": "syslog", "name": "siem", "host": "localhost", "port": port, "ca": str(authority.path)}


def trust(second: CosignerProcess, trail: Trail) -> None:
    """Let the second appliance cosign a trail's log, whose origin is that of LOG."""
    (second.logs / "watched.keys").unlink()
    shutil.copy(trail.folder / "verifier.keys", second.logs / "trail.keys")


async def until(client: RecorderClient, found: Callable[[dict[str, object]], bool]) -> dict[str, object]:
    """Return the health once it is as wanted."""
    async with asyncio.timeout(30):
        while not found(health := await client.health()):
            await asyncio.sleep(0.05)
    return health


def states(health: dict[str, object]) -> dict[str, str]:
    rows = health["witnesses"]
    assert isinstance(rows, list)
    return {row["name"]: row["state"] for row in rows}


async def test_a_checkpoint_reaches_every_witness_within_seconds_and_the_newest_is_told_with_its_cosignature(
    tmp_path: Path, authority: Authority, syslog: Rsyslog, second: CosignerProcess
) -> None:
    trail = new_trail(tmp_path, now=datetime.now(UTC))
    trust(second, trail)
    file: dict[str, object] = {"kind": "file", "path": str(tmp_path / "worm.log")}
    configure(tmp_path, file, syslog_settings(authority, syslog.port), tlog_settings(authority, second))
    recorder = RecorderProcess(tmp_path)
    await recorder.start()
    client = RecorderClient(recorder.socket)

    await client.append(example_event())
    health = await until(client, lambda found: all(row["size"] == 2 for row in found["witnesses"]))  # type: ignore[attr-defined]  # a list
    newest = await client.checkpoint()

    assert states(health) == {"file": "ok", "siem": "ok", "second": "ok"}
    assert read_checkpoint(str(newest["note"]), trail.verifier_keys()).size == newest["size"] == 2
    assert str(newest["cosigned_note"]).count("witness.example/w1") == 2
    assert read_checkpoint(str(newest["cosigned_note"]), trail.verifier_keys()).size == 2
    await client.aclose()
    assert (await recorder.stop())[0] == 0
    assert len(syslog.wait_for(2)) >= 2
    assert [note for note in read_witness(tmp_path / "worm.log") if note]


async def test_a_lost_witness_is_named_and_back_by_itself_and_never_delays_a_record(
    tmp_path: Path, authority: Authority, second: CosignerProcess
) -> None:
    trail = new_trail(tmp_path, now=datetime.now(UTC))
    trust(second, trail)
    configure(tmp_path, tlog_settings(authority, second))
    recorder = RecorderProcess(tmp_path)
    await recorder.start()
    client = RecorderClient(recorder.socket)
    await client.append(example_event())
    await until(client, lambda found: states(found) == {"second": "ok"} and found["witness"] == "ok")

    second.kill()
    await client.append(example_event())
    health = await until(client, lambda found: states(found) == {"second": "witness_unreachable"})
    assert (health["state"], "the witness second" in str(health["witness"])) == ("open", True)
    begin = time.monotonic()
    await client.append(example_event())
    assert time.monotonic() - begin < 2
    second.start()

    health = await until(client, lambda found: found["witnesses"][0]["size"] == 4)  # type: ignore[index]  # a list
    assert (states(health), health["witness"]) == ({"second": "ok"}, "ok")
    await client.aclose()
    await recorder.stop()


async def test_without_any_reachable_witness_no_recorder_starts(tmp_path: Path, authority: Authority) -> None:
    new_trail(tmp_path, now=datetime.now(UTC))
    configure(tmp_path, syslog_settings(authority, 1))
    recorder = RecorderProcess(tmp_path)
    await recorder.start()

    code, log = await recorder.stop()

    assert code == 2
    assert "no witness can be reached" in log
    assert "the witness siem" in log


async def test_an_unreachable_witness_beside_a_reachable_one_is_named_from_the_start(
    tmp_path: Path, authority: Authority
) -> None:
    new_trail(tmp_path, now=datetime.now(UTC))
    file: dict[str, object] = {"kind": "file", "path": str(tmp_path / "worm.log")}
    configure(tmp_path, syslog_settings(authority, 1), file)
    recorder = RecorderProcess(tmp_path)
    await recorder.start()
    client = RecorderClient(recorder.socket)

    assert states(await client.health()) == {"siem": "witness_unreachable", "file": "ok"}
    await client.append(example_event())
    await client.aclose()
    await recorder.stop()


Damage = Callable[[Path, Path], None]
"""Does something to the database, given a copy of it after its first sitting."""


def restore(database: Path, old: Path) -> None:
    shutil.copy(old, database)


def cut(database: Path, _: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        for trigger in [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")]:
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("DELETE FROM record WHERE sequence >= 3")
        connection.execute("DELETE FROM checkpoint WHERE size > 3")
        connection.commit()


def empty(database: Path, _: Path) -> None:
    database.unlink()


@pytest.mark.parametrize("damage", [restore, cut, empty])
@pytest.mark.parametrize("kind", ["file", "second"])
async def test_a_database_that_a_witness_contradicts_is_quarantined_readable_and_named(
    tmp_path: Path, authority: Authority, second: CosignerProcess, damage: Damage, kind: str
) -> None:
    trail = new_trail(tmp_path, now=datetime.now(UTC))
    trust(second, trail)
    file: dict[str, object] = {"kind": "file", "path": str(tmp_path / "worm.log")}
    configure(tmp_path, file if kind == "file" else tlog_settings(authority, second))
    await sitting(tmp_path)
    shutil.copy(trail.database, tmp_path / "old")
    await sitting(tmp_path)

    damage(trail.database, tmp_path / "old")

    health = await quarantined(tmp_path)
    assert f"the witness {kind}" in str(health["reason"])
    assert "has seen 5 records" in str(health["reason"])
    assert states(health) == {kind: "witness_conflict"}


@pytest.mark.parametrize("kind", ["file", "second"])
async def test_a_fork_after_the_databases_last_checkpoint_is_quarantined_and_named(
    tmp_path: Path, authority: Authority, second: CosignerProcess, kind: str
) -> None:
    trail = new_trail(tmp_path, now=datetime.now(UTC))
    trust(second, trail)
    file: dict[str, object] = {"kind": "file", "path": str(tmp_path / "worm.log")}
    configure(tmp_path, file if kind == "file" else tlog_settings(authority, second))
    await sitting(tmp_path)
    shutil.copy(trail.database, tmp_path / "old")
    await sitting(tmp_path)
    shutil.copy(tmp_path / "old", trail.database)
    shutil.move(tmp_path / "trail.yaml", tmp_path / "kept.yaml")
    await sitting(tmp_path)
    await sitting(tmp_path)

    shutil.move(tmp_path / "kept.yaml", tmp_path / "trail.yaml")
    (tmp_path / "witness" / "second.note").unlink(missing_ok=True)

    health = await quarantined(tmp_path)
    assert f"the witness {kind}" in str(health["reason"])
    assert "remembers another tree of 5 records" in str(health["reason"])


async def test_a_second_recorder_elsewhere_on_a_copied_home_makes_one_of_them_read_only(
    tmp_path: Path, authority: Authority, second: CosignerProcess
) -> None:
    first_home, second_home = tmp_path / "one", tmp_path / "two"
    first_home.mkdir()
    trail = new_trail(first_home, now=datetime.now(UTC))
    trust(second, trail)
    configure(first_home, tlog_settings(authority, second))
    await sitting(first_home)
    shutil.copytree(first_home, second_home, ignore=shutil.ignore_patterns("run"))
    both = [RecorderProcess(home) for home in (first_home, second_home)]
    clients = []
    for recorder in both:
        await recorder.start()
        clients.append(RecorderClient(recorder.socket))

    await clients[0].append(example_event(body=b"one"))
    await until(clients[0], lambda found: states(found) == {"second": "ok"} and found["size"] == 4)
    await asyncio.sleep(1.5)
    await clients[1].append(example_event(body=b"two"))

    health = await until(clients[1], lambda found: found["state"] == "quarantined")
    assert "the witness second" in str(health["reason"])
    with pytest.raises(QuarantinedError):
        await clients[1].append(example_event())
    assert (await clients[0].health())["state"] == "open"
    for client, recorder in zip(clients, both, strict=True):
        await client.aclose()
        await recorder.stop()


async def sitting(home: Path) -> None:
    """Run a recorder for two records, and stop it cleanly."""
    recorder = RecorderProcess(home)
    await recorder.start()
    client = RecorderClient(recorder.socket)
    await client.append_all([example_event(), example_event(body=None)])
    await client.aclose()
    code, log = await recorder.stop()
    assert code == 0, log


async def quarantined(home: Path) -> dict[str, object]:
    """Start a recorder that must be quarantined: reads are answered, nothing is written; return its health."""
    recorder = RecorderProcess(home)
    await recorder.start()
    client = RecorderClient(recorder.socket)
    health = await client.health()
    with pytest.raises(QuarantinedError, match="audit verify"):
        await client.append(example_event())
    size = health["size"]
    shown = await client.exchange(example_event().exchange_id)
    assert len(shown) == max(0, int(str(size)) - 1)
    if shown:
        assert (await client.receipt(example_event().exchange_id))["records"]
        assert (await client.checkpoint())["size"]
    else:
        with pytest.raises(QuarantinedError):
            await client.receipt(example_event().exchange_id)
    assert (await client.health())["size"] == size
    await client.aclose()
    code, log = await recorder.stop()
    assert code == 0, log
    assert "recorder.quarantined" in log
    return health
