"""Routes that answer questions: lists of exchanges and events, and one exchange whole.

Handlers translate and call `Reading`, which records before it returns.
"""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from audit.console.answers import EventsPage, ExchangeView, RowsPage
from audit.console.door import PREFIX, Needs, Rights
from audit.console.problems import ConsoleError
from audit.console.reading import Reading
from audit.console.schemas import Address, QueryBody
from audit.officers import Officer
from audit.question import ask

Filters = Annotated[Address, Query()]
"""The filters of an address."""


def question_routes(reading: Reading, rights: Rights) -> APIRouter:
    """Return the routes; each needs ReadTrail."""
    router = APIRouter(prefix=PREFIX, tags=["questions"])
    Reader = Annotated[Officer, Depends(Needs(rights, "ReadTrail"))]  # noqa: N806  # a type, made for this router

    @router.get("/exchanges", summary="List exchanges by what names no person", response_model=RowsPage)
    def exchanges(request: Request, officer: Reader, address: Filters) -> dict[str, object]:
        _check_once(request)
        return reading.query(officer, ask(address.filters(), now=datetime.now(UTC), limit=address.limit))

    @router.get(
        "/events",
        summary="List events by what names no person",
        response_model=EventsPage,
        response_model_exclude_unset=True,
    )
    def events(request: Request, officer: Reader, address: Filters) -> dict[str, object]:
        _check_once(request)
        question = ask(address.filters(), now=datetime.now(UTC), limit=address.limit, by_event=True)
        return reading.query(officer, question)

    @router.post(
        "/queries",
        summary="List exchanges or events, also by patient or user",
        response_model=RowsPage | EventsPage,
        response_model_exclude_unset=True,
    )
    def queries(officer: Reader, body: QueryBody) -> dict[str, object]:
        now = datetime.now(UTC)
        question = ask(body.filters(), now=now, patients=body.patients, limit=body.limit, by_event=body.events)
        return reading.query(officer, question)

    @router.get(
        "/exchanges/{name}",
        summary="Show every event of an exchange, without bodies",
        response_model=ExchangeView,
        response_model_exclude_unset=True,
    )
    def exchange(officer: Reader, name: str) -> dict[str, object]:
        return reading.exchange(officer, name)

    return router


def _check_once(request: Request) -> None:
    """Raise ConsoleError for a filter that stands twice: one of the two would be left out unseen."""
    names = [name for name, _value in request.query_params.multi_items()]
    if len(set(names)) < len(names):
        raise ConsoleError(HTTPStatus.BAD_REQUEST, "invalid_request", "A filter stands twice; give each one once.")
