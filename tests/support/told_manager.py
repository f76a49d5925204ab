"""The service manager's end of sd_notify: a socket that keeps what a program under test told it."""

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

WITHIN_S = 30.0
"""Generous: the machine may be busy."""


class Manager:
    """What was told, assignment by assignment."""

    def __init__(self, listener: socket.socket) -> None:
        """Take the listening end, which never waits."""
        self._listener = listener
        self._heard: list[str] = []

    @property
    def heard(self) -> list[str]:
        """Return every assignment until now, in order."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._heard += self._listener.recv(65_536).decode().split("\n")
        return self._heard

    def count(self, assignment: str) -> int:
        """Return how often something was told until now."""
        return self.heard.count(assignment)

    async def wait_for(self, assignment: str, *, times: int = 1) -> None:
        """Return once something was told so often."""
        async with asyncio.timeout(WITHIN_S):
            while self.count(assignment) < times:
                await asyncio.sleep(0.01)


@contextmanager
def service_manager() -> Iterator[tuple[Manager, str]]:
    """Listen, and give the manager with the value of ``$NOTIFY_SOCKET``."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        address = f"{folder}/notify"
        listener.bind(address)
        listener.settimeout(0)
        yield Manager(listener), address
