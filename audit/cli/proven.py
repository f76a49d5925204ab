"""Record an act and take its proof away at once: the full receipt of its record, for a file that others check.

The proof is made after the record is durable, from the database and a checkpoint that the recorder has signed over it.
"""

import asyncio
import time

from audit.checkpoint import read_checkpoint
from audit.cli.trail import open_reader
from audit.errors import RecorderUnavailableError
from audit.full_receipt import read_full_receipt, write_full_receipt
from audit.places import Places
from audit.record import Event, Receipt
from audit.recorder.client import RecorderClient

SIGNED_WITHIN_S = 15.0
"""A checkpoint follows a record within about a second; the rest is for a machine that is busy."""

LOOK_EVERY_S = 0.1


def record_and_prove(places: Places, event: Event) -> str:
    """Make an event durable and return its full receipt.  Raises AppendError, and then it may or may not exist."""
    receipt, note = asyncio.run(_record(places, event))
    keys = places.trail.verifier_keys()
    with open_reader(places) as reader:
        entries = reader.look_up(str(receipt.sequence))
        records = [(entry.leaf, entry.document) for entry in entries if entry.leaf.sequence == receipt.sequence]
        text = write_full_receipt(records, note=note, keys=keys, node=reader.rows.node)
    read_full_receipt(text, keys)
    return text + "\n"


async def _record(places: Places, event: Event) -> tuple[Receipt, str]:
    """Return the receipt of an event and the first checkpoint that signs it."""
    client = RecorderClient(places.socket)
    try:
        receipt = await client.append(event)
        return receipt, await _signed_note(client, receipt.sequence, places)
    finally:
        await client.aclose()


async def _signed_note(client: RecorderClient, sequence: int, places: Places) -> str:
    deadline = time.monotonic() + SIGNED_WITHIN_S
    while time.monotonic() < deadline:
        note = str((await client.checkpoint())["note"])
        if read_checkpoint(note, places.trail.verifier_keys()).size > sequence:
            return note
        await asyncio.sleep(LOOK_EVERY_S)
    raise RecorderUnavailableError("the recorder signed no checkpoint over the record in time; see its log")
