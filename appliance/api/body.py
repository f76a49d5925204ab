"""Reading a request's body: capped in bytes and in time, JSON only, never compressed.

The cap is applied to what arrives, not to what ``Content-Length`` promises, and before anything is parsed.  A body that
trickles in (slow-loris) ends with 408, one that ends early because the caller hung up is never handled.
"""

import asyncio

from starlette.requests import ClientDisconnect, Request

from appliance.api.strict_json import parse_object
from appliance.config import Limits
from appliance.errors import (
    BodyTooSlowError,
    CallerGoneError,
    InvalidRequestError,
    RequestTooLargeError,
    UnsupportedMediaTypeError,
)


async def read_object(request: Request, limits: Limits) -> dict[str, object]:
    """Return the JSON object of a request.  Raises InvalidRequestError, BodyTooSlowError or CallerGoneError."""
    _check_headers(request, limits)
    try:
        async with asyncio.timeout(limits.body_timeout_s):
            body = await _read(request, limits.body_bytes)
    except TimeoutError as error:
        raise BodyTooSlowError from error
    except ClientDisconnect as error:
        raise CallerGoneError from error
    if not body:
        raise InvalidRequestError("The body is empty; send a JSON object.")
    return parse_object(body, max_depth=limits.json_depth)


def _check_headers(request: Request, limits: Limits) -> None:
    headers = request.headers
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise UnsupportedMediaTypeError("Send the body uncompressed.", field="Content-Encoding")
    media_type, _, parameters = headers.get("content-type", "").lower().partition(";")
    is_json = media_type.strip() == "application/json"
    if not is_json or parameters.replace(" ", "").replace('"', "") not in {"", "charset=utf-8", "charset=utf8"}:
        message = "Send the body as 'Content-Type: application/json', in UTF-8."
        raise UnsupportedMediaTypeError(message, field="Content-Type")
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > limits.body_bytes:
        raise _too_large(limits.body_bytes)


async def _read(request: Request, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    return bytes(body)


def _too_large(max_bytes: int) -> RequestTooLargeError:
    return RequestTooLargeError(f"The body is larger than {max_bytes} bytes; send less text.")
