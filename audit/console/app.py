"""The console's HTTPS surface: read-only, for officers, JSON.

The order of what a request meets: `Guard` (size, time, headers, one log line), `KeyCheck` (the officer's key), `Needs`
(the policy), and then one handler that translates and calls.  Names of patients and users travel in bodies only; a
query string that tries is refused.
"""

from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from audit.console.answers import Alive, Problem
from audit.console.approval_routes import approval_routes
from audit.console.disclosure_routes import disclosure_routes
from audit.console.door import BEARER, KeyCheck
from audit.console.export_routes import export_routes
from audit.console.feed_routes import feed_routes
from audit.console.guard import Guard
from audit.console.parts import Parts
from audit.console.problems import on_audit_error, on_fault, on_http_error, on_invalid
from audit.console.question_routes import question_routes
from audit.console.state_routes import state_routes
from audit.errors import AuditError

VERSION = "1.0.0"
"""Version of this surface; within it members are only added."""

_PROBLEMS = {
    HTTPStatus.BAD_REQUEST: "The question is wrong; `detail` says where.",
    HTTPStatus.UNAUTHORIZED: "No valid officer key.",
    HTTPStatus.FORBIDDEN: "The policy does not permit this; `detail` says why.",
    HTTPStatus.NOT_FOUND: "Nothing goes by this name.",
    HTTPStatus.CONFLICT: "A second officer's approval is missing, spent, expired, or for something else.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A member has the wrong form; `detail` says which.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests; `Retry-After` says when.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The read could not be recorded, or a part is missing, so it is not answered.",
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    int(status): {"description": text, "model": Problem} for status, text in _PROBLEMS.items()
}


def build_app(parts: Parts) -> FastAPI:
    """Return the application over a trail and a registry of officers."""
    app = FastAPI(title="Audit console", version=VERSION, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(KeyCheck, door=parts.door)
    app.add_middleware(Guard)  # added last, so it stands outermost
    app.add_exception_handler(AuditError, on_audit_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(Exception, on_fault)
    app.add_api_route("/healthz", _healthz, summary="Say that the process lives", response_model=Alive)
    for router in _routers(parts, app):
        app.include_router(router, responses=_RESPONSES, dependencies=[Depends(BEARER)])
    return app


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, in which every error is a problem document as it is really sent."""
    document = app.openapi()
    for path in document["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                if int(status) >= HTTPStatus.BAD_REQUEST and "application/json" in answer["content"]:
                    answer["content"] = {"application/problem+json": answer["content"]["application/json"]}
    return document


def _routers(parts: Parts, app: FastAPI) -> tuple[APIRouter, ...]:
    return (
        question_routes(parts.reading, parts.rights),
        disclosure_routes(parts.disclosures, parts.rights),
        export_routes(parts.exports, parts.rights),
        feed_routes(parts.feeds, parts.rights),
        approval_routes(parts.openings, parts.rights),
        state_routes(parts.state, parts.rights, describe=partial(describe, app)),
    )


async def _healthz() -> dict[str, str]:
    return {"status": "ok"}
