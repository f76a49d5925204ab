"""The console's HTTPS surface: read-only, for officers, JSON.

Handlers translate and call `Reading`.  Names of patients and users travel in bodies only; a query string that tries
is refused.  The key is checked before anything else of a request is looked at.
"""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from audit.console.guard import Guard
from audit.console.problems import (
    ConsoleError,
    not_authenticated,
    on_audit_error,
    on_fault,
    on_http_error,
    on_invalid,
)
from audit.console.reading import Reading
from audit.console.schemas import QueryBody
from audit.errors import AuditError
from audit.officers import Officers
from audit.question import DEFAULT_LIMIT, ask

SCHEME = "bearer"
"""The one authentication scheme."""

OPEN_FILTERS = ("task", "client", "kind", "outcome", "since", "until", "cursor")
"""Filters that may stand in an address: none of them names a person."""

_PROBLEMS = {
    HTTPStatus.BAD_REQUEST: {"description": "The question is wrong; `detail` says where."},
    HTTPStatus.UNAUTHORIZED: {"description": "No valid officer key."},
    HTTPStatus.NOT_FOUND: {"description": "Nothing goes by this name."},
    HTTPStatus.SERVICE_UNAVAILABLE: {"description": "The read could not be recorded, so it is not answered."},
}
_RESPONSES: dict[int | str, dict[str, str]] = {int(status): text for status, text in _PROBLEMS.items()}


def build_app(reading: Reading, officers: Officers) -> FastAPI:
    """Return the application over a trail and a registry of officers."""
    app = FastAPI(title="Audit console", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard)
    app.add_exception_handler(AuditError, on_audit_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(Exception, on_fault)
    app.add_api_route("/healthz", _healthz, summary="Say that the process lives")
    app.include_router(_router(reading, officers))
    return app


def _router(reading: Reading, officers: Officers) -> APIRouter:
    """Return the routes that need an officer's key."""

    def officer_of(request: Request) -> str:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        officer = officers.find(key.strip())
        if officer is None or scheme.lower() != SCHEME:
            raise not_authenticated()
        return officer.name

    officer_name = Annotated[str, Depends(officer_of)]
    router = APIRouter(prefix="/api/v1", responses=_RESPONSES, dependencies=[Depends(officer_of)])

    @router.get("/exchanges", summary="List exchanges by what names no person")
    async def exchanges(request: Request, officer: officer_name, limit: int = DEFAULT_LIMIT) -> dict[str, object]:
        return await reading.query(officer, ask(_open_filters(request), now=datetime.now(UTC), limit=limit))

    @router.post("/queries", summary="List exchanges or events, also by patient or user")
    async def queries(body: QueryBody, officer: officer_name) -> dict[str, object]:
        question = ask(body.filters(), now=datetime.now(UTC), limit=body.limit, by_event=body.events)
        return await reading.query(officer, question)

    @router.get("/exchanges/{name}", summary="Show every event of an exchange, without bodies")
    async def exchange(name: str, officer: officer_name) -> dict[str, object]:
        return await reading.exchange(officer, name)

    @router.get("/checkpoint", summary="Give the newest signed checkpoint")
    async def checkpoint() -> dict[str, object]:
        return await reading.checkpoint()

    return router


async def _healthz() -> dict[str, str]:
    return {"status": "ok"}


def _open_filters(request: Request) -> dict[str, str]:
    """Return the filters of an address.  Raises ConsoleError for one that may not stand there."""
    given = dict(request.query_params)
    given.pop("limit", None)
    if not given.keys() <= set(OPEN_FILTERS):
        raise ConsoleError(
            HTTPStatus.BAD_REQUEST,
            "invalid_request",
            f"An address may hold {', '.join(OPEN_FILTERS)} and limit; send everything else to POST /api/v1/queries.",
        )
    return given
