"""What a recorder holds in memory and in files: never what opens a body, nor what searches a past month.

The search is shown to work by what it must find: the key that signs checkpoints, and this month's index secret.
"""

import base64
import hmac
import subprocess
import time
from pathlib import Path

import pytest

from audit.keyring import open_root
from audit.record import month_of
from audit.recorder.client import RecorderClient
from tests.support.process_memory import files_of, found_in, memory_of
from tests.support.trails import START_MS, RecorderProcess, example_event, new_trail

SOURCE = Path(__file__).parents[1] / "support" / "turned_time.c"
NOVEMBER, DECEMBER = "2026-11", "2026-12"


@pytest.fixture(scope="module")
def turned_time(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("turned") / "turned_time.so"
    subprocess.run(["/usr/bin/cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)], check=True)
    return library


def written(secret: bytes) -> tuple[bytes, ...]:
    """Return a secret as it is, in hex, and in base64."""
    hexed = secret.hex().encode()
    return secret, hexed, hexed.upper(), base64.b64encode(secret)[:-3], base64.urlsafe_b64encode(secret)[:-3]


def secrets_of(home: Path) -> dict[str, tuple[bytes, ...]]:
    """Return everything secret of a home, by what it is."""
    opened = open_root(home / "custodian")
    found = {"root": written(opened.root), "passphrase": written((home / "custodian" / "passphrase").read_bytes()[:-1])}
    for month in opened.custodian.months():
        keys = opened.custodian.secrets(month)
        found[f"{month} mlkem"] = written(keys.mlkem768)
        found[f"{month} mlkem half"] = written(keys.mlkem768[:32])
        found[f"{month} x25519"] = written(keys.x25519)
        found[f"{month} index"] = written(keys.index)
        found[f"{month} names"] = written(hmac.digest(keys.index, b"audit/1/names", "sha256"))
        found[f"{month} bodies"] = written(hmac.digest(keys.index, b"audit/1/bodies", "sha256"))
    seed = (home / "audit" / "keys" / "checkpoint.key").read_bytes().split(b'"ed25519":"')[1][:64]
    found["checkpoint seed"] = written(bytes.fromhex(seed.decode()))
    return found


async def test_a_recorder_holds_nothing_that_opens_a_body_or_searches_a_past_month(
    tmp_path: Path, turned_time: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_trail(tmp_path)
    wanted = secrets_of(tmp_path)
    clock = tmp_path / "clock"
    turn(clock, START_MS)
    monkeypatch.setenv("TURNED_TIME", str(clock))
    monkeypatch.setenv("LD_PRELOAD", str(turned_time))
    recorder = RecorderProcess(tmp_path)
    await recorder.start()
    monkeypatch.delenv("LD_PRELOAD")
    try:
        await append(recorder, NOVEMBER, count=20)
        in_november = found(recorder, wanted)
        turn(clock, START_MS + 15 * 24 * 3600 * 1000)
        await append(recorder, DECEMBER, count=20)
        in_december, in_files = (
            found(recorder, wanted),
            found_in(files_of(tmp_path / "audit", tmp_path / "run"), wanted),
        )
    finally:
        code, log = await recorder.stop()

    assert code == 0, log
    assert in_november == {"checkpoint seed", f"{NOVEMBER} index", f"{NOVEMBER} names", f"{NOVEMBER} bodies"}
    assert in_december == {"checkpoint seed", f"{DECEMBER} index", f"{DECEMBER} names", f"{DECEMBER} bodies"}
    assert in_files == {"checkpoint seed", f"{DECEMBER} index", "2027-01 index"}


def found(recorder: RecorderProcess, wanted: dict[str, tuple[bytes, ...]]) -> set[str]:
    assert recorder.process is not None
    return found_in(memory_of(recorder.process.pid), wanted)


async def append(recorder: RecorderProcess, month: str, *, count: int) -> None:
    client = RecorderClient(recorder.socket)
    for _ in range(count):
        await client.append(example_event())
    events = await client.exchange(example_event().exchange_id)
    await client.aclose()
    assert month_of(int(str(events[-1]["time_ms"]))) == month


def turn(clock: Path, time_ms: int) -> None:
    """Set the recorder's clock."""
    clock.write_text(str(time_ms // 1000 - int(time.time())))
