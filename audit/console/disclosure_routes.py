"""Routes for what left the building: the accounting that 45 CFR 164.528 gives a person, and the summary.

Handlers translate and call `Disclosures`.  A person is named in a body only.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from audit.accounting import Format, six_years_before
from audit.console.disclosures import MEDIA_TYPES, Disclosures, Page
from audit.console.door import PREFIX, Needs, Rights
from audit.console.schemas import DisclosuresBody, SummaryAddress
from audit.officers import Officer
from audit.question import MAX_LIMIT, Topic, ask

_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "In the format asked for.",
        "content": {kind.split(";")[0]: {"schema": {"type": "string"}} for kind in MEDIA_TYPES.values()},
    }
}


def disclosure_routes(disclosures: Disclosures, rights: Rights) -> APIRouter:
    """Return the routes; each needs ReadTrail."""
    router = APIRouter(prefix=PREFIX, tags=["disclosures"])
    Reader = Annotated[Officer, Depends(Needs(rights, "ReadTrail"))]  # noqa: N806  # a type, made for this router

    @router.post(
        "/disclosures",
        summary="Account for the disclosures of one person's data, six years back (45 CFR 164.528)",
        response_class=Response,
        responses=_ANSWER,
    )
    def accounting(officer: Reader, body: DisclosuresBody) -> Response:
        return _response(
            disclosures.accounting(
                officer,
                body.patients,
                now=datetime.now(UTC),
                since=body.since,
                until=body.until,
                form=Format(body.format),
            )
        )

    @router.get(
        "/disclosures/summary",
        summary="Count what left the building, by agreement, provider and kind of data",
        response_class=Response,
        responses=_ANSWER,
    )
    def summary(officer: Reader, address: Annotated[SummaryAddress, Query()]) -> Response:
        now = datetime.now(UTC)
        filters = {
            "topic": Topic.DISCLOSURES.value,
            **address.filters(),
            "since": address.since or six_years_before(now),
        }
        question = ask(filters, now=now, limit=MAX_LIMIT, by_event=True)
        return _response(disclosures.summary(officer, question, form=Format(address.format)))

    return router


def _response(page: Page) -> Response:
    return Response(page.content, media_type=page.media_type, headers=page.headers)
