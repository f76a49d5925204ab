"""The console's application over a built trail, with three officers, and a client for each; no process, no socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi import FastAPI

from audit.console.app import build_app
from audit.console.parts import Parts, Recorder
from audit.places import find_places
from tests.support.memory_recorder import MemoryRecorder
from tests.support.officers import READER, Office


@dataclass(slots=True)
class Console:
    """The application, its recorder, and its officers."""

    app: FastAPI
    recorder: MemoryRecorder
    office: Office

    @asynccontextmanager
    async def client(self, officer: str = READER, *, key: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """Speak as one officer, or with a key."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {self.office.keys[officer] if key is None else key}"}
        async with httpx.AsyncClient(transport=transport, base_url="https://console", headers=headers) as client:
            yield client

    async def ask(
        self, method: str, path: str, body: object = None, *, officer: str = READER, key: str | None = None
    ) -> httpx.Response:
        """Send one request."""
        async with self.client(officer, key=key) as client:
            if isinstance(body, bytes):
                return await client.request(method, path, content=body, headers={"Content-Type": "application/json"})
            return await client.request(method, path, json=body)

    def codes(self) -> list[str]:
        """Return the codes of what was recorded, without the officers' registration."""
        return [event.code for event in self.recorder.events if event.code != "officer_added"]


def console_of(home: Path) -> Console:
    """Return the application over a home with a trail; the officers stand in its custodian folder."""
    recorder = MemoryRecorder()
    return Console(app=app_of(home, recorder), recorder=recorder, office=Office(home / "custodian"))


def app_of(home: Path, recorder: Recorder) -> FastAPI:
    """Return the application alone, over any recorder."""
    return build_app(Parts.of(find_places(home), recorder))
