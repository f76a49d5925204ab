"""The last steps before bytes leave, on the exact bytes that an adapter has built.

1. They are for the host that was granted, and the tripwire read all of them and found nothing.
2. The gateway is told what would leave (`Ready`) and says that this is recorded (`Go`).
3. The trail holds that record, as it was told.
4. Everything that was granted is granted still, the agreement first of all: it may have ended, been closed or replaced
   while the record was made.

A repeated sending, which only the provider may ask for, is of the same bytes and passes 4 again.  After step 4 nothing
waits any more: the adapter MUST send at once or not at all.
"""

import asyncio
import hashlib
import uuid

import structlog

from appliance.broker.ceilings import Place
from appliance.broker.disclosure import Grant, fault_of, tripped
from appliance.broker.line import Line
from appliance.broker.not_sent import NotSentError
from appliance.broker.office import Office
from appliance.broker.outgoing import Outgoing
from appliance.escalation.wire import DiscloseRequest, Ready

_log = structlog.get_logger("broker")


class Leaving:
    """Let the bytes of one disclosure leave, or not; owned by its conversation."""

    def __init__(
        self, office: Office, line: Line, *, request: DiscloseRequest, grant: Grant, place: Place, started_s: float
    ) -> None:
        """Take what was granted before the bytes were built."""
        self._office = office
        self._line = line
        self._request = request
        self._grant = grant
        self._place = place
        self._started_s = started_s
        self._outgoing: Outgoing | None = None
        """What was checked and recorded; None before."""

        self.stopped: NotSentError | None = None
        """Why nothing more may leave, whatever an SDK makes of the error."""

        self.attempts = 0
        """How often the bytes were let go."""

        self.first_byte_ms = 0

    async def let_go(self, outgoing: Outgoing) -> None:
        """Return when these bytes may leave now.  Raises NotSentError if they may not, and then for good."""
        if self.stopped is not None:
            raise self.stopped
        try:
            if self._outgoing is None:
                await self._record(outgoing)
                self._outgoing = outgoing
            self._check_same(outgoing)
            self._check_still_granted()
            self._place.sending()
        except NotSentError as error:
            self.stopped = error
            raise
        self._note()

    async def _record(self, outgoing: Outgoing) -> None:
        if outgoing.host != self._grant.provider.endpoint.host:
            raise NotSentError("not_permitted", "the bytes were meant for another host than the register names")
        await self._look(outgoing.body)
        ready = self._ready(outgoing)
        go = await self._line.ready(ready)
        await self._office.records.check_disclosure(self._request, go.receipt, ready)

    async def _look(self, body: bytes) -> None:
        """Let the tripwire read; whatever goes wrong in it refuses."""
        loop = asyncio.get_running_loop()
        look = loop.run_in_executor(self._office.checkers, self._office.check, self._request.identifiers, body)
        [checked] = await asyncio.gather(look, return_exceptions=True)
        if checked is not None:
            _log.warning("tripwire_refused", exchange_id=self._request.exchange_id, fault=fault_of(checked))
            raise tripped(checked)

    def _ready(self, outgoing: Outgoing) -> Ready:
        provider, request = self._grant.provider, self._request
        return Ready(
            call=request.call,
            model=provider.identity(self._grant.model).label(),
            facts={
                "disclosure": f"ds_{uuid.uuid4().hex}",
                "provider": provider.name,
                "service": provider.service.value,
                "region": provider.region,
                "host": outgoing.host,
                "agreement": self._grant.agreement.id,
                "recipient": provider.recipient,
                "recipient_address": provider.recipient_address,
                "kinds": sorted(request.counts),
                "counts": [f"{kind}={count}" for kind, count in sorted(request.counts.items())],
                "kinds_left": sorted(request.kinds_left),
                "bytes": len(outgoing.body),
                "digest": f"sha256:{hashlib.sha256(outgoing.body).hexdigest()}",
                "description": f"input of the task {request.task} with identifiers replaced",
                "failover": request.failover,
                "sandbox": provider.sandbox,
            },
        )

    def _check_same(self, outgoing: Outgoing) -> None:
        if outgoing != self._outgoing:
            raise NotSentError("no_record", "a repeated sending differs from what was recorded")

    def _check_still_granted(self) -> None:
        if self._office.grant(self._request) != self._grant:
            reason = "while the disclosure was recorded, another agreement took the place of the one in the record"
            raise NotSentError("no_agreement_in_force", reason)

    def _note(self) -> None:
        self.attempts += 1
        if self.attempts == 1:
            self.first_byte_ms = round((self._office.monotonic_s() - self._started_s) * 1000)
        _log.info(
            "disclosure_sent",
            exchange_id=self._request.exchange_id,
            task=self._request.task,
            provider=self._grant.provider.name,
            agreement=self._grant.agreement.id,
            attempt=self.attempts,
        )
