"""Speak to the running recorder: record what an operator changes by command, an operation of the trail; ask its health.

While no recorder runs, nothing can be served either, and the gateway records at its start what it finds; a recorder
that runs and refuses is another matter: then what raises exposure MUST NOT be changed.
"""

import asyncio
import getpass
import os
from pathlib import Path

from appliance.errors import audit_unavailable
from appliance.trail import Facts
from audit.errors import AppendError, AuditError, RecorderUnavailableError
from audit.record import Event, Kind
from audit.recorder.client import RecorderClient

PROGRAM = "appliance-command"
"""Client of the operations that these commands record."""

HEALTH_WITHIN_S = 5.0
"""The recorder answers from memory; five seconds cover a machine that is busy."""


def operator() -> str:
    """Return the login name of who runs this command: behind sudo the person's, because at a site all are root."""
    person = os.environ.get("SUDO_USER", "") if os.geteuid() == 0 else ""
    return person or getpass.getuser()


def record_operation(socket: Path, code: str, facts: Facts) -> bool:
    """Make an operation durable; False if no recorder runs.  Raises AuditUnavailableError if one runs and refuses."""
    event = Event(kind=Kind.OPERATION, code=code, client=PROGRAM, user=operator(), facts=dict(facts))
    try:
        asyncio.run(_append(socket, event))
    except RecorderUnavailableError:
        return False
    except AppendError as error:
        raise audit_unavailable(error.code) from error
    return True


def ask_health(recorder: Path) -> dict[str, object]:
    """Return what the recorder says about itself, or under ``problem`` why it says nothing."""
    try:
        return dict(asyncio.run(_health(recorder)))
    except (AuditError, TimeoutError) as error:
        return {"problem": f"the recorder does not answer ({type(error).__name__})"}


async def _health(recorder: Path) -> dict[str, object]:
    client = RecorderClient(recorder)
    try:
        async with asyncio.timeout(HEALTH_WITHIN_S):
            return dict(await client.health())
    finally:
        await client.aclose()


async def _append(socket: Path, event: Event) -> None:
    client = RecorderClient(socket)
    try:
        await client.append(event)
    finally:
        await client.aclose()
