"""Liveness and readiness, the two routes that need no proof.

``/healthz`` says that the event loop turns.  ``/readyz`` says whether a request would be answered now, and if not,
which part is at fault, by stable reason codes: engine_starting, engine_down, manifest_mismatch, audit_unavailable,
trail_quarantined, disk_reserved, registry_invalid and, at a site, isolation_unproven.  A refused policy bundle is a
warning, since the old one is still in force, and so is whatever closes the managed route, since local work goes on.
The sentences are constant: details with paths and names are for ``appliance status``.
"""

import asyncio

from fastapi import FastAPI, Response

from appliance.api.openapi import json_response
from appliance.errors import RegistryInvalidError
from appliance.isolation.report import FOLDER, is_proven
from appliance.policy.agreements import ENDED, warnings
from appliance.wiring import Appliance
from audit.errors import AuditError

RECORDER_PATIENCE_S = 2.0
"""A probe waits no longer than this for the recorder; load balancers give up after 3 to 5 seconds."""

_ENGINE_SENTENCES = {
    "engine_starting": "The inference engine is loading the model; try again in a minute.",
    "engine_down": "The inference engine does not answer; 'appliance status' says why. It is being restarted.",
    "manifest_mismatch": "The model on disk is not the pinned one; run 'appliance model verify'.",
}

_AUDIT_SENTENCES = {
    "failing": ("audit_unavailable", "The recorder cannot write the trail; 'appliance status' says why."),
    "quarantined": (
        "trail_quarantined",
        "The trail is not the one that was signed and is read-only; a person must look: run 'audit verify'.",
    ),
    "reserved": ("disk_reserved", "The trail's disk is down to its reserve; free space, and it goes on by itself."),
}
"""Reason code and sentence for each state of the recorder in which no new request is answered."""

_POLICY_WARNING = "The newest policy bundle was refused; the one before is in force. The gateway's log says why."

_UNPROVEN = "Isolation is not proven, or was proven too long ago; run 'appliance isolation verify', which says why."

_MANAGED_WARNINGS = {
    "agreement_ended": "A provider's agreement has ended, so its route is closed; 'appliance status' says which.",
    "agreement_ending": "A provider's agreement ends within 60 days; 'appliance status' says which.",
    "broker_unreachable": "The broker does not answer, so nothing can leave; 'appliance status' says why.",
    "broker_policy_differs": "Broker and gateway hold different policy bundles, so nothing can leave; reload both.",
    "policy_not_approved": "The policy names a provider and is not approved by two people, so nothing can leave.",
    "provider_closed": "A provider is closed at the broker; 'appliance status' says which and why.",
}
"""What closes or will close the managed route; local work goes on."""


class Health:
    """The handlers of the two probes."""

    def __init__(self, appliance: Appliance) -> None:
        """Take the parts whose state decides."""
        self._engine = appliance.engine
        self._recorder = appliance.recorder
        self._registry = appliance.registry
        self._policy = appliance.policy
        self._broker = appliance.broker
        self._clock = appliance.clock
        site = appliance.config.site
        self._proof = site.run / FOLDER if site else None
        """Where root writes what `appliance isolation verify` found; None where nothing is isolated, as in a demo."""

    def add_to(self, app: FastAPI) -> None:
        """Add the routes."""
        app.add_api_route("/healthz", self.alive, summary="Say that the process is alive")
        app.add_api_route("/readyz", self.ready, summary="Say whether a request would be answered, or why not")

    async def alive(self) -> Response:  # noqa: D102  # the route's summary says it
        return json_response({"status": "alive"})

    async def ready(self) -> Response:  # noqa: D102
        reasons = [
            *self._engine_reasons(),
            *await self._recorder_reasons(),
            *self._registry_reasons(),
            *self._isolation_reasons(),
        ]
        refused = bool(self._policy.last_error)
        body = {
            "status": "not_ready" if reasons else "ready",
            "reasons": reasons,
            "warnings": [
                *([_reason("policy_invalid", _POLICY_WARNING)] if refused else []),
                *(_reason(code, _MANAGED_WARNINGS[code]) for code in self._managed_warnings()),
            ],
            "policy_digest": self._policy.bundle.digest,
        }
        return json_response(body, status=503 if reasons else 200)

    def _engine_reasons(self) -> list[dict[str, str]]:
        condition = self._engine.condition
        return [] if condition.state == "ready" else [_reason(condition.state, _ENGINE_SENTENCES[condition.state])]

    async def _recorder_reasons(self) -> list[dict[str, str]]:
        try:
            async with asyncio.timeout(RECORDER_PATIENCE_S):
                health = await self._recorder.health()
        except (AuditError, TimeoutError):
            return [_reason("audit_unavailable", "The recorder does not answer; 'appliance status' says more.")]
        refusing = _AUDIT_SENTENCES.get(str(health.get("state")))
        return [_reason(*refusing)] if refusing else []

    def _managed_warnings(self) -> list[str]:
        """Return the codes of what is wrong with the way out; none where no provider is registered."""
        bundle, broker = self._policy.bundle, self._broker.condition
        if not bundle.providers:
            return []
        ends = {each.threshold == ENDED for each in warnings(bundle.providers, self._clock.now())}
        found = {
            "agreement_ended": True in ends,
            "agreement_ending": False in ends,
            "broker_unreachable": not broker.reachable,
            "broker_policy_differs": broker.reachable and broker.policy_digest != bundle.digest,
            "policy_not_approved": bool(broker.approval),
            "provider_closed": any(each.state == "closed" for each in broker.providers.values()),
        }
        return [code for code, is_found in found.items() if is_found]

    def _registry_reasons(self) -> list[dict[str, str]]:
        try:
            self._registry.check()
        except RegistryInvalidError as error:
            return [_reason(error.code, "clients.json cannot be read; restore it from the backup.")]
        return []

    def _isolation_reasons(self) -> list[dict[str, str]]:
        is_open = self._proof is None or is_proven(self._proof)
        return [] if is_open else [_reason("isolation_unproven", _UNPROVEN)]


def _reason(code: str, detail: str) -> dict[str, str]:
    return {"code": code, "detail": detail}
