"""What was decided about one exchange and why, and what proves its record offline: a receipt, or a C2SP tlog-proof.

Policy decides who may read (`ReadTrail` of the client's own part); an exchange that may not be read and one that does
not exist get the same answer.  What is shown is an allow-list of the trail's readable fields; bodies stay sealed.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

from appliance.api.dependencies import Door
from appliance.api.openapi import PROBLEMS, json_response
from appliance.errors import InvalidRequestError, UnknownExchangeError, audit_unavailable
from appliance.exchange import Actor
from appliance.policy.decide import decide
from appliance.policy.question import Action, Question, trail_resource
from appliance.wiring import Appliance
from audit.errors import AuditError
from audit.tlog_proof import FILE_SUFFIX, proof_from_receipt

SURFACE = "exchanges"
"""Label of logs and metrics."""

_SHOWN = (
    "sequence", "event_id", "kind", "task", "purpose", "route", "outcome", "code", "policy_digest", "model", "facts",
)  # fmt: skip
"""Readable fields of an event that its own client may see."""

_NOT_ITS_RECEIPT = "This is no receipt of this exchange; send the Appliance-Receipt of its answer, or leave it out."

_ID_FORM = re.compile(r"ex_[0-9a-f]{32}")
"""As `exchange.new_exchange_id` makes them."""


class ExchangeSurface:
    """The handlers of ``/api/v1/exchanges``."""

    def __init__(self, appliance: Appliance, door: Door) -> None:
        """Take the wired appliance and its door."""
        self._recorder = appliance.recorder
        self._policy = appliance.policy
        self._door = door

    def add_to(self, app: FastAPI) -> None:
        """Add the routes."""
        path = "/api/v1/exchanges/{exchange}"
        app.add_api_route(
            path, self.show, summary="Show what was decided about an exchange, and why", responses=PROBLEMS
        )
        app.add_api_route(
            f"{path}/receipt", self.receipt, summary="Get the offline-verifiable receipt", responses=PROBLEMS
        )
        app.add_api_route(
            f"{path}/proof",
            self.proof,
            summary="Exchange a receipt for a C2SP tlog-proof to keep",
            response_class=PlainTextResponse,
            responses=PROBLEMS,
        )

    async def show(self, request: Request, exchange: str) -> Response:  # noqa: D102  # the route's summary says it
        caller = self._door.admit(request, surface=SURFACE)
        events = await self._own(caller.actor, exchange)
        return json_response({"exchange": exchange, "events": [_shown(event) for event in events]})

    async def receipt(self, request: Request, exchange: str) -> Response:  # noqa: D102
        return json_response(await self._receipt(request, exchange))

    async def proof(self, request: Request, exchange: str, receipt: str = "") -> Response:  # noqa: D102
        document = await self._receipt(request, exchange)
        try:
            text = proof_from_receipt(document, compact=receipt)
        except AuditError as error:
            raise InvalidRequestError(_NOT_ITS_RECEIPT, field="receipt", detail=error.code) from error
        name = f"{exchange}{FILE_SUFFIX}"
        return PlainTextResponse(text, headers={"Content-Disposition": f'attachment; filename="{name}"'})

    async def _receipt(self, request: Request, exchange: str) -> dict[str, object]:
        """Return the full receipt of the caller's own exchange."""
        caller = self._door.admit(request, surface=SURFACE)
        await self._own(caller.actor, exchange)
        try:
            return await self._recorder.receipt(exchange)
        except AuditError as error:
            raise audit_unavailable(error.code) from error

    async def _own(self, actor: Actor, exchange: str) -> list[dict[str, object]]:
        if not _ID_FORM.fullmatch(exchange):
            raise UnknownExchangeError
        try:
            events = await self._recorder.exchange(exchange)
        except AuditError as error:
            raise audit_unavailable(error.code) from error
        if not events or not all(self._may_read(actor, event) for event in events):
            raise UnknownExchangeError
        return events

    def _may_read(self, actor: Actor, event: Mapping[str, object]) -> bool:
        resource = trail_resource(str(event.get("client", "")))
        question = Question(actor=actor, action=Action.READ_TRAIL, resource=resource)
        return decide(self._policy.bundle, question).allowed


def _shown(event: Mapping[str, object]) -> dict[str, object]:
    shown = {name: event[name] for name in _SHOWN if event.get(name) not in (None, "")}
    milliseconds = event.get("time_ms")
    if isinstance(milliseconds, int):
        shown["time"] = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
    return shown
