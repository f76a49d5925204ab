"""Gives an adapter an answer that a test writes, through the vendor's real SDK and real TLS."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from appliance.broker.providers.adapter import Ended, Secret, Text
from appliance.broker.providers.ask import Ask
from appliance.broker.providers.choose import adapter_for
from appliance.policy.register import Ceilings, Service
from tests.support.managed_calls import Said, an_ask
from tests.support.registers import a_model, a_provider
from tests.support.stand_ins.certificates import Certificates
from tests.support.tls_server import ScriptedServer, http_answer, saying

MODEL = "frontier-2026-03-01"
KEY = "key-of-no-worth-0123456789"
CERTIFICATES = Certificates.make()


@dataclass(slots=True, kw_only=True)
class Answered(Said):
    """A call, what came of it, and what the vendor was sent."""

    requests: tuple[bytes, ...] = ()


def event_stream(events: Iterable[Mapping[str, Any] | str]) -> bytes:
    """Return the bytes of an event stream: named where an event has a type, as it stands where it is text."""
    return "".join(_event(event) for event in events).encode()


async def answered(
    service: Service,
    body: bytes,
    *,
    stream: bool,
    ask: Ask | None = None,
    status: str = "200 OK",
    key: str = KEY,
) -> Answered:
    """Return what the adapter makes of this answer.  Raises as the adapter does."""
    kind = "text/event-stream" if stream and status == "200 OK" else "application/json"
    said = Answered()
    script = [saying(http_answer(body, kind=kind, status=status))]
    async with ScriptedServer.running(script, certificates=CERTIFICATES) as server:
        provider = a_provider(
            service=service,
            endpoint=server.endpoint(),
            ceilings=Ceilings(first_byte_s=2.0, total_s=5.0),
            models=(a_model(name=MODEL),),
            api_version="2024-10-21" if service is Service.AZURE_OPENAI else "",
        )
        adapter = adapter_for(provider)
        pieces = adapter.answer(
            ask or an_ask(),
            model=provider.models[0],
            secret=Secret(key),
            stream=stream,
            deadline_s=5.0,
            before_send=said.allow,
        )
        try:
            async for piece in pieces:
                _keep(piece, said)
        finally:
            await adapter.aclose()
    return replace(said, requests=tuple(server.requests))


def _keep(piece: Text | Ended, said: Said) -> None:
    if isinstance(piece, Ended):
        said.ended = piece
    else:
        said.pieces.append(piece)


def _event(event: Mapping[str, Any] | str) -> str:
    if isinstance(event, str):
        name = "" if event == "[DONE]" else "event: content_block_delta\n"  # Anthropic's SDK drops one without a name
        return f"{name}data: {event}\n\n"
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n"
