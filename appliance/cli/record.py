"""Record what an operator changes by command, through the running recorder: an operation of the trail.

While no recorder runs, nothing can be served either, and the gateway records at its start what it finds; a recorder
that runs and refuses is another matter: then what raises exposure MUST NOT be changed.
"""

import asyncio
import getpass
from pathlib import Path

from appliance.errors import audit_unavailable
from appliance.trail import Facts
from audit.errors import AppendError, RecorderUnavailableError
from audit.record import Event, Kind
from audit.recorder.client import RecorderClient

PROGRAM = "appliance-command"
"""Client of the operations that these commands record."""


def record_operation(socket: Path, code: str, facts: Facts) -> bool:
    """Make an operation durable; False if no recorder runs.  Raises AuditUnavailableError if one runs and refuses."""
    event = Event(kind=Kind.OPERATION, code=code, client=PROGRAM, user=getpass.getuser(), facts=dict(facts))
    try:
        asyncio.run(_append(socket, event))
    except RecorderUnavailableError:
        return False
    except AppendError as error:
        raise audit_unavailable(error.code) from error
    return True


async def _append(socket: Path, event: Event) -> None:
    client = RecorderClient(socket)
    try:
        await client.append(event)
    finally:
        await client.aclose()
