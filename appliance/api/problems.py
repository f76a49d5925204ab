"""Errors as callers see them: the only map from a class to an HTTP status, and the two forms of body.

``/v1`` speaks OpenAI's error object, everything else RFC 9457 problem+json; code, sentence and status are the same in
both.  For a broken invariant the caller reads the class's own sentence only: paths and reasons are for the operator.
"""

import json
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from appliance import errors
from appliance.api.visit import visit_of
from appliance.errors import ApplianceError

STATUS: Mapping[type[ApplianceError], int] = {
    errors.ApplianceError: 500,
    errors.RefusedError: 403,
    errors.NotAuthenticatedError: 401,
    errors.NotPermittedError: 403,
    errors.InvalidRequestError: 400,
    errors.RequestTooLargeError: 413,
    errors.ContextTooLongError: 400,
    errors.UnsupportedMediaTypeError: 415,
    errors.UnknownParameterError: 400,
    errors.UnsupportedParameterError: 400,
    errors.UnknownTaskError: 404,
    errors.UnknownExchangeError: 404,
    # Not 409 or 5xx: clients retry those by themselves, and the evidence will be the same in a second.
    errors.RouteRefusedError: 403,
    # As RouteRefusedError: the same text is refused again.
    errors.PhiBlockedError: 422,
    errors.DeadlineExceededError: 504,
    errors.BodyTooSlowError: 408,
    # nginx's "client closed request"; nobody reads it, the log does.
    errors.CallerGoneError: 499,
    errors.TooBusyError: 429,
    errors.UnavailableError: 503,
    errors.EngineError: 503,
    errors.EngineTimeoutError: 504,
    errors.EngineOverloadedError: 503,
    errors.EngineRejectedError: 422,
    errors.EngineBrokenStreamError: 502,
    errors.AuditUnavailableError: 503,
    errors.TrailQuarantinedError: 503,
    errors.DiskReservedError: 503,
    errors.EscalationError: 503,
    errors.ProviderUnavailableError: 503,
    errors.ProviderTimeoutError: 504,
    errors.ProviderRejectedError: 502,
    errors.ProviderBrokenStreamError: 502,
    errors.ModelRefusedError: 422,
    errors.PhiGuardUnavailableError: 503,
    errors.OutputRejectedError: 502,
    errors.BrokenError: 500,
    errors.ManifestMismatchError: 503,
    errors.PolicyInvalidError: 503,
    errors.RegistryInvalidError: 503,
    errors.ConfigError: 500,
}
"""Every class of `appliance.errors`, and no status anywhere else."""

_OPENAI_TYPE: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "invalid_request_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}
"""OpenAI's words for kinds of errors; ``server_error`` for the rest."""

_FIRST_SERVER_STATUS = 500
"""From here on it is the appliance's fault, and the same request may succeed later (RFC 9110 §15.6)."""

_TITLES: Mapping[int, str] = {
    400: "The request is not valid",
    401: "Not authenticated",
    403: "Refused",
    404: "Not found",
    405: "Method not allowed",
    408: "The request arrived too slowly",
    413: "The request is too large",
    415: "Unsupported media type",
    422: "The request cannot be served",
    429: "Too busy",
    499: "The caller is gone",
    500: "Internal error",
    502: "The answer is unusable",
    503: "Not available",
    504: "Too late",
}

_HTTP_ERRORS: Mapping[int, tuple[str, str]] = {
    404: ("not_found", "No such path; the README lists the surfaces."),
    405: ("method_not_allowed", "This path has no such method; see the Allow header."),
}
"""What the router itself refuses."""


def status_of(error: ApplianceError) -> int:
    """Return the HTTP status of an error."""
    return STATUS[type(error)]


def openai_body(error: ApplianceError) -> dict[str, object]:
    """Return OpenAI's error object, with the appliance's own member beside it."""
    status = status_of(error)
    told = {
        "message": _sentence(error),
        "type": _OPENAI_TYPE.get(status, "server_error"),
        "param": _field(error),
        "code": error.code,
    }
    return {"error": told, "appliance": {"exchange": error.exchange_id, **_extras(error)}}


def problem_body(error: ApplianceError) -> dict[str, object]:
    """Return problem+json (RFC 9457)."""
    field = _field(error)
    return {
        **_problem(status_of(error), error.code, _sentence(error)),
        **({"field": field} if field else {}),
        "exchange": error.exchange_id,
        **_extras(error),
    }


async def answer_error(request: Request, error: Exception) -> Response:
    """Render an ApplianceError for the surface that the request came through."""
    if not isinstance(error, ApplianceError):
        message = "registered for ApplianceError only"
        raise TypeError(message) from error
    visit = visit_of(request.scope)
    visit.fail(error)
    return _respond(
        request,
        status=status_of(error),
        body=openai_body(error) if _is_openai(request) else problem_body(error),
        headers=_headers(error),
    )


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Render what the router refused: an unknown path or method."""
    if not isinstance(error, HTTPException):
        message = "registered for HTTPException only"
        raise TypeError(message) from error
    code, sentence = _HTTP_ERRORS.get(error.status_code, ("invalid_request", "The request is not valid."))
    visit_of(request.scope).code = code
    problem = _problem(error.status_code, code, sentence)
    kind = _OPENAI_TYPE.get(error.status_code, "invalid_request_error")
    openai = {"error": {"message": sentence, "type": kind, "param": None, "code": code}}
    body = openai if _is_openai(request) else problem
    return _respond(request, status=error.status_code, body=body, headers=dict(error.headers or {}))


def bare_problem(status: int, code: str, sentence: str) -> bytes:
    """Return problem+json for answers that are given below the application (`protocol`, `middleware`)."""
    return json.dumps(_problem(status, code, sentence)).encode()


def _problem(status: int, code: str, sentence: str) -> dict[str, object]:
    return {
        "type": f"urn:clinical-inference-appliance:problem:{code}",
        "title": _TITLES.get(status, "The request is not valid"),
        "status": status,
        "detail": sentence,
        "code": code,
    }


def _sentence(error: ApplianceError) -> str:
    return error.sentence if isinstance(error, errors.BrokenError) else error.public


def _field(error: ApplianceError) -> str | None:
    return error.field if isinstance(error, errors.InvalidRequestError) else None


def _extras(error: ApplianceError) -> dict[str, object]:
    extras: dict[str, object] = {}
    if isinstance(error, errors.RouteRefusedError):
        extras["reasons"] = list(error.reasons)
    elif isinstance(error, errors.NotPermittedError):
        extras["reasons"] = list(error.decision.reasons)
    if error.downtime_text:
        extras["downtime_text"] = error.downtime_text
    return extras


def _headers(error: ApplianceError) -> dict[str, str]:
    headers: dict[str, str] = {}
    if error.exchange_id:
        headers["Appliance-Exchange"] = error.exchange_id
    if isinstance(error, errors.NotAuthenticatedError):
        headers["WWW-Authenticate"] = 'Bearer realm="appliance"'
    retry_after_s = _retry_after_s(error)
    if retry_after_s:
        headers["Retry-After"] = str(retry_after_s)
    if isinstance(error, errors.RouteRefusedError):
        headers["Appliance-Route"] = "refused"
    if isinstance(error, errors.BodyTooSlowError):
        headers["Connection"] = "close"  # the rest of the body is not worth waiting for
    return headers


def _retry_after_s(error: ApplianceError) -> int:
    """Return the seconds after which the same request may succeed; 0 where it never will."""
    match error:
        case errors.ProviderUnavailableError() if error.retry_s:
            return error.retry_s
        case errors.TooBusyError():
            return error.retry_after_s
        case errors.UnavailableError() if status_of(error) >= _FIRST_SERVER_STATUS:
            return error.retry_after_s
        case _:
            return 0


def _is_openai(request: Request) -> bool:
    path: str = request.scope["path"]
    return path == "/v1" or path.startswith("/v1/")


def _respond(request: Request, *, status: int, body: object, headers: dict[str, str]) -> Response:
    media_type = "application/json" if _is_openai(request) else "application/problem+json"
    content = json.dumps(body, ensure_ascii=False).encode()
    return Response(content, status_code=status, headers=headers, media_type=media_type)
