"""The cosigner over HTTP: POST ``/add-checkpoint``, GET ``/<SHA-256 of origin>/checkpoint``, GET ``/healthz``.

Anybody may ask; only a log's own signature gets anything signed.  Bodies are bounded in size and in time.  Logs name
outcomes and the origins of watched logs, never what else a request said.
"""

import asyncio
import hashlib
from functools import partial

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect
from structlog.typing import FilteringBoundLogger

from audit.cosigner.cosigning import Answer, Cosigning, Outcome
from audit.errors import StoreError
from audit.witness.tlog_wire import MAX_REQUEST_BYTES, PATH, SIZE_TYPE, write_size

BODY_TIMEOUT_S = 10.0
"""For a request's body: a checkpoint is a few kilobytes."""

TEXT = "text/plain; charset=utf-8"
"""Content type of everything but a size."""

_STATUS = {
    Outcome.COSIGNED: 200,
    Outcome.MALFORMED: 400,
    Outcome.UNTRUSTED: 403,
    Outcome.UNKNOWN_LOG: 404,
    Outcome.STALE: 409,
    Outcome.FORKED: 409,
    Outcome.INCONSISTENT: 422,
}
"""The only map from outcomes to status codes (c2sp.org/tlog-witness)."""


def create_app(cosigning: Cosigning, *, logger: FilteringBoundLogger) -> FastAPI:
    """Return the application."""
    app = FastAPI(title="tlog-witness", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route(PATH, partial(_add_checkpoint, cosigning, logger), methods=["POST"], response_model=None)
    app.add_api_route("/{digest}/checkpoint", partial(_checkpoint, cosigning), methods=["GET"], response_model=None)
    app.add_api_route("/healthz", _healthz, methods=["GET"], response_model=None)
    return app


async def _add_checkpoint(cosigning: Cosigning, logger: FilteringBoundLogger, request: Request) -> Response:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await _read(request)
    except TimeoutError:
        return Response(status_code=408)
    except ClientDisconnect:
        return Response(status_code=400)
    if body is None:
        return Response(status_code=413)
    try:
        answer = await asyncio.to_thread(cosigning.answer, body)
    except StoreError as error:
        logger.error("cosigner.cannot_remember", reason=str(error))  # noqa: TRY400  # a sentence, no traceback
        return Response(status_code=503)
    if answer.outcome is not Outcome.COSIGNED:
        logger.warning("cosigner.refused", outcome=answer.outcome.name.lower(), origin=answer.origin, size=answer.size)
    return _render(answer)


async def _checkpoint(cosigning: Cosigning, digest: str) -> Response:
    heads = await asyncio.to_thread(cosigning.heads)
    for head in heads:
        if hashlib.sha256(head.origin.encode()).hexdigest() == digest:
            return Response(head.note, media_type=TEXT)
    return Response(status_code=404)


async def _healthz() -> Response:
    return Response("ok\n", media_type=TEXT)


async def _read(request: Request) -> bytes | None:
    """Return a request's body; None if it is larger than any checkpoint."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_REQUEST_BYTES:
            return None
    return bytes(body)


def _render(answer: Answer) -> Response:
    status = _STATUS[answer.outcome]
    match answer.outcome:
        case Outcome.COSIGNED:
            return Response(answer.lines, status_code=status, media_type=TEXT)
        case Outcome.STALE:
            return Response(write_size(answer.size), status_code=status, headers={"Content-Type": SIZE_TYPE})
        case _:
            return Response(f"{answer.outcome.name.lower()}\n", status_code=status, media_type=TEXT)
