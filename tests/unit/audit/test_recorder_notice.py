import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit.log.reserve import Reserve
from audit.recorder.__main__ import EXIT_CANNOT_START, main
from tests.support.served import served
from tests.support.told_manager import Manager, service_manager
from tests.support.trails import RecorderProcess, new_trail


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    with service_manager() as (manager, address):
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        monkeypatch.setenv("WATCHDOG_USEC", "500000")
        yield manager


class HungDisk(Reserve):
    """A disk that a look at never returns from, until it is mended."""

    def __init__(self) -> None:
        super().__init__(None, reserve_mib=0)
        self.mended = threading.Event()
        self.mended.set()
        self.is_hung = threading.Event()

    def look(self) -> None:
        """Hang until mended."""
        if hasattr(self, "mended") and not self.mended.is_set():
            self.is_hung.set()
            self.mended.wait()


async def test_the_recorder_is_ready_when_its_socket_is_open_and_alive_while_it_turns(
    tmp_path: Path, manager: Manager
) -> None:
    new_trail(tmp_path)
    recorder = RecorderProcess(tmp_path)
    await recorder.start()
    try:
        await manager.wait_for("READY=1")
        assert recorder.socket.is_socket()
        await manager.wait_for("WATCHDOG=1", times=3)
    finally:
        code, _ = await recorder.stop()

    assert code == 0
    assert manager.count("STOPPING=1") == 1


async def test_a_writer_that_hangs_is_seen(tmp_path: Path) -> None:
    disk = HungDisk()
    async with served(tmp_path, reserve=disk) as running:
        committer = running.server.committer
        committer.has_turned()
        disk.mended.clear()
        assert disk.is_hung.wait(10)
        committer.has_turned()  # it may have turned since

        assert not committer.has_turned()
        disk.mended.set()
        await running.client.health()
        await running.client.checkpoint()  # answered by the thread

        assert committer.has_turned()


def test_a_wrong_peer_stops_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(tmp_path), "--peer", "engine=862"]) == EXIT_CANNOT_START
    assert "NAME=UID" in capsys.readouterr().err
