"""The console's errors as RFC 9457 problem documents, and the only map from error to status.

A problem holds a stable code and a sentence that says what to do; never a request's text, a header or another
exception's words.
"""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from audit.errors import (
    AppendError,
    ApprovalError,
    AuditError,
    DiskReservedError,
    OfficerError,
    PermissionDeniedError,
    QuarantinedError,
    QueryError,
    SettingsError,
    StoreError,
    UnknownRecordError,
)

STATUS: Mapping[type[AuditError], HTTPStatus] = {
    AppendError: HTTPStatus.SERVICE_UNAVAILABLE,
    UnknownRecordError: HTTPStatus.NOT_FOUND,
    QueryError: HTTPStatus.BAD_REQUEST,
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    SettingsError: HTTPStatus.SERVICE_UNAVAILABLE,
    OfficerError: HTTPStatus.SERVICE_UNAVAILABLE,
    PermissionDeniedError: HTTPStatus.FORBIDDEN,
    ApprovalError: HTTPStatus.CONFLICT,
}
"""By class, nearest first; every other AuditError is a fault on our side."""


FOREIGN_FILTER = (
    "An address may hold the filters that GET /api/v1/openapi.json lists, and never a person; "
    "send everything else to POST /api/v1/queries."
)
"""What a query string with an unknown member is told."""


class ConsoleError(AuditError):
    """Carry an answer of the console's own: its status, its code and its sentence."""

    def __init__(
        self, status: HTTPStatus, name: str, sentence: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        """Take the HTTP status, the stable code, the public sentence, and headers beside them."""
        self.status = status
        self.name = name
        self.headers = headers or {}
        super().__init__(sentence)


def not_authenticated() -> ConsoleError:
    """Return the one answer for a missing, wrong, unknown or revoked key."""
    return ConsoleError(
        HTTPStatus.UNAUTHORIZED,
        "not_authenticated",
        "Send a valid officer key as 'Authorization: Bearer <key>'; 'audit officer add' issues them.",
    )


async def on_audit_error(_request: Request, error: Exception) -> JSONResponse:
    """Render an AuditError."""
    if isinstance(error, ConsoleError):
        return problem(error.status, error.name, str(error), headers=error.headers)
    if isinstance(error, AppendError):
        return _not_recorded(error)
    if not isinstance(error, AuditError):
        return await on_fault(_request, error)
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), HTTPStatus.INTERNAL_SERVER_ERROR)
    return problem(status, error.code, str(error))


async def on_invalid(_request: Request, error: Exception) -> JSONResponse:
    """Render a body or parameter of the wrong form, by its place and reason, never its value."""
    first = error.errors()[0] if isinstance(error, RequestValidationError) and error.errors() else {}
    where = first.get("loc", ())
    if where and where[0] == "query" and first.get("type") == "extra_forbidden":
        return problem(HTTPStatus.BAD_REQUEST, "invalid_request", FOREIGN_FILTER)
    place = ".".join(str(part) for part in where if isinstance(part, int) or str(part).isidentifier())
    reason = str(first.get("type", "invalid")).replace("_", " ")
    sentence = f"'{place[:80]}' is not valid: {reason}; GET /api/v1/openapi.json says what may stand there."
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", sentence)


async def on_http_error(_request: Request, error: Exception) -> JSONResponse:
    """Render what the framework itself refuses: an unknown path, a wrong method."""
    status = HTTPStatus(error.status_code) if isinstance(error, HTTPException) else HTTPStatus.BAD_REQUEST
    name = "not_found" if status is HTTPStatus.NOT_FOUND else "invalid_request"
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return problem(status, name, f"{status.phrase}: {_NEXT.get(status, 'correct it')}.", headers=headers)


_NEXT = {
    HTTPStatus.BAD_REQUEST: "send one JSON object as the body",
    HTTPStatus.NOT_FOUND: "GET /api/v1/openapi.json lists the paths that there are",
    HTTPStatus.METHOD_NOT_ALLOWED: "GET /api/v1/openapi.json says which methods this path takes",
}
"""What to do about what the framework refuses."""


async def on_fault(_request: Request, _error: Exception) -> JSONResponse:
    """Render a fault of ours without saying which."""
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "The console could not do this; its log names the reason."
    )


def _not_recorded(error: AppendError) -> JSONResponse:
    """Say why the recorder took no record, so that nothing is answered."""
    known = {
        QuarantinedError: "The trail is quarantined, so no read is recorded or answered; tell your administrator.",
        DiskReservedError: "The disk is down to its reserve, so no read is recorded or answered; free some space.",
    }
    sentence = known.get(type(error))
    if sentence is not None:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, error.code, sentence)
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "audit_unavailable",
        "This read could not be recorded, so it is not answered; see that the recorder runs, then ask again.",
    )


def problem(status: HTTPStatus, code: str, detail: str, *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return one problem document."""
    extra = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
    return JSONResponse(
        {"type": "about:blank", "title": status.phrase, "status": int(status), "code": code, "detail": detail},
        status_code=int(status),
        media_type="application/problem+json",
        headers={**extra, **(headers or {})},
    )
