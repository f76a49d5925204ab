"""The route that hands an officer an evidence bundle; it needs ExportTrail.

The handler translates and calls `Exports`; the file is removed once it is sent.
"""

from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from audit.console.door import PREFIX, Needs, Rights
from audit.console.exports import Exports
from audit.console.problems import ConsoleError
from audit.console.schemas import ExportBody
from audit.officers import Officer
from audit.question import ask

_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The bundle; check it with verify_bundle.py and keys from outside.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def export_routes(exports: Exports, rights: Rights) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix=PREFIX, tags=["exports"])
    Exporter = Annotated[Officer, Depends(Needs(rights, "ExportTrail"))]  # noqa: N806  # a type, made for this router

    @router.post(
        "/exports",
        summary="Hand out an evidence bundle of a span of time, or of one exchange, without bodies",
        response_class=FileResponse,
        responses=_ANSWER,
    )
    def export(officer: Exporter, body: ExportBody) -> FileResponse:
        if bool(body.exchange) == bool(body.since and body.until) or (body.exchange and (body.since or body.until)):
            raise ConsoleError(
                HTTPStatus.BAD_REQUEST, "invalid_request", "Name what to export: since and until, or exchange."
            )
        question = ask(body.model_dump(), now=datetime.now(UTC))
        file = exports.write(officer, question)
        return FileResponse(
            file, media_type="application/zip", filename="evidence.zip", background=BackgroundTask(_remove, file)
        )

    return router


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
