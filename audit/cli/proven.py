"""Record an act and take its proof away at once: the full receipt of its record, for a file that others check.

The proof is made after the record is durable, from the database and a checkpoint that the recorder has signed over it.
"""

import asyncio

from audit.checkpoint import read_checkpoint
from audit.cli.trail import open_reader
from audit.errors import AppendError
from audit.full_receipt import read_full_receipt, write_full_receipt
from audit.places import Places
from audit.record import Event, Receipt
from audit.recorder.client import RecorderClient


def record_and_prove(places: Places, event: Event) -> str:
    """Make an event durable and return its full receipt.  Raises AppendError, and then it may or may not exist."""
    receipt, note = asyncio.run(_record(places, event))
    keys = places.trail.verifier_keys()
    if read_checkpoint(note, keys).size <= receipt.sequence:
        raise AppendError("the recorder signed no checkpoint over the record; see 'appliance status', and try again")
    with open_reader(places) as reader:
        records = [(entry.leaf, entry.document) for entry in reader.look_up(str(receipt.sequence))]
        text = write_full_receipt(records, note=note, keys=keys, node=reader.rows.node)
    read_full_receipt(text, keys)
    return text + "\n"


async def _record(places: Places, event: Event) -> tuple[Receipt, str]:
    """Return the receipt of an event and a checkpoint that was signed after it."""
    client = RecorderClient(places.socket)
    try:
        receipt = await client.append(event)
        # A receipt is under a checkpoint that is signed when it is asked for; only that is wanted here, so the receipt
        # is of no exchange.  The newest checkpoint could be a second older than the record.
        return receipt, str((await client.receipt(""))["checkpoint"])
    finally:
        await client.aclose()
