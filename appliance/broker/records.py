"""Sees for itself what the trail holds, before anything leaves.

The gateway shows a receipt; the recorder's signature and the recorder itself say whether it is true, and of what
(design section 2, promise 2).  1. The intent of this very exchange is durable, for this client, task and purpose, and
the exchange has not ended.  2. The disclosure of these very bytes is durable, with every fact as the broker stated it,
the fresh number of this attempt among them: so a record is good for one disclosure.
"""

from collections.abc import Mapping
from typing import Protocol

from appliance.broker.not_sent import NotSentError
from appliance.escalation.wire import DiscloseRequest, Ready
from audit.errors import AuditError
from audit.record import Kind, Receipt

Shown = Mapping[str, object]
"""What may be read of one record without a key (`audit.record.metadata`)."""


class Recorder(Protocol):
    """The part of `audit.recorder.client.RecorderClient` that the broker needs: it reads and never writes."""

    async def exchange(self, exchange_id: str) -> list[dict[str, object]]:
        """Return what is readable of the durable events of one exchange, in order.  Raises AuditError."""
        ...


class ReceiptReader(Protocol):
    """As `audit.recorder.receipt_reader.ReceiptReader`."""

    def read(self, compact: str) -> Receipt:
        """Return what a receipt promises.  Raises AuditError if it does not hold."""
        ...


class Records:
    """Look up what has been recorded of an exchange."""

    def __init__(self, recorder: Recorder, receipts: ReceiptReader) -> None:
        """Take the recorder's client and what reads receipts of its trail."""
        self._recorder = recorder
        self._receipts = receipts

    async def check_intent(self, request: DiscloseRequest) -> None:
        """Return if the exchange was opened as the request says and is not closed.  Raises NotSentError."""
        records = await self._open_exchange(request)
        shown = self._shown(request.intent_receipt, records, Kind.INTENT)
        said = {
            "task": request.task,
            "purpose": request.purpose,
            "tenant": request.caller.tenant,
            "client": request.caller.client_id,
        }
        _check_same(shown, said, "the intent")

    async def check_disclosure(self, request: DiscloseRequest, receipt: str, ready: Ready) -> None:
        """Return if the disclosure was recorded as the broker stated it.  Raises NotSentError."""
        records = await self._open_exchange(request)
        shown = self._shown(receipt, records, Kind.DISCLOSURE)
        said = {
            "task": request.task,
            "purpose": request.purpose,
            "route": f"managed:{request.provider}",
            "model": ready.model,
            "policy_digest": request.policy_digest,
        }
        _check_same(shown, said, "the disclosure record")
        facts = shown.get("facts")
        _check_same(facts if isinstance(facts, dict) else {}, ready.facts, "the disclosure record")

    async def _open_exchange(self, request: DiscloseRequest) -> list[dict[str, object]]:
        if not request.exchange_id:
            raise NotSentError("no_record", "the request names no exchange")
        try:
            records = await self._recorder.exchange(request.exchange_id)
        except AuditError as error:
            raise NotSentError("no_record", "the recorder cannot be asked; 'appliance status' says why") from error
        if any(record.get("kind") == Kind.OUTCOME for record in records):
            raise NotSentError("no_record", "the exchange has ended already")
        return records

    def _shown(self, compact: str, records: list[dict[str, object]], kind: Kind) -> Shown:
        """Return the record that the receipt is of, if it is one of this exchange and of this kind."""
        try:
            receipt = self._receipts.read(compact)
        except AuditError as error:
            raise NotSentError("no_record", f"the receipt of the {kind.value} does not hold") from error
        for record in records:
            if record.get("sequence") == receipt.sequence and record.get("kind") == kind:
                return record
        raise NotSentError("no_record", f"the receipt is of no {kind.value} of this exchange")


def _check_same(shown: Shown, said: Mapping[str, object], what: str) -> None:
    """Name the members that differ, never their values."""
    if wrong := sorted(name for name, value in said.items() if shown.get(name, _ABSENT) != value):
        raise NotSentError("no_record", f"{what} says something else of {', '.join(wrong)}")


_ABSENT = object()
