"""Routes by which a SIEM, an audit repository or a spreadsheet takes the trail out; each needs ExportTrail.

Handlers translate and call `Feeds`.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from audit.console.door import PREFIX, Needs, Rights
from audit.console.feeds import Feeds
from audit.console.schemas import FeedAddress
from audit.feeds import MEDIA_TYPES, Format
from audit.officers import Officer
from audit.question import ask

NEXT = "Appliance-Next-Sequence"
"""Header with the number to ask the next page from."""

_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Records, oldest first; none when there is nothing new.",
        "headers": {NEXT: {"description": "`after` of the next page.", "schema": {"type": "integer"}}},
        "content": {kind.split(";")[0]: {"schema": {"type": "string"}} for kind in MEDIA_TYPES.values()},
    }
}


def feed_routes(feeds: Feeds, rights: Rights) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix=PREFIX, tags=["feeds"])
    Exporter = Annotated[Officer, Depends(Needs(rights, "ExportTrail"))]  # noqa: N806  # a type, made for this router

    @router.get(
        "/feeds/{form}",
        summary="Take records out as CSV, FHIR AuditEvent, OCSF or CEF, page by page",
        response_class=Response,
        responses=_ANSWER,
    )
    def feed(officer: Exporter, form: Format, address: Annotated[FeedAddress, Query()]) -> Response:
        question = ask({"since": address.since, "until": address.until}, now=datetime.now(UTC), limit=address.limit)
        page = feeds.page(officer, question, form=form, after=address.after)
        return Response(page.content, media_type=MEDIA_TYPES[form], headers={NEXT: str(page.next_sequence)})

    return router
