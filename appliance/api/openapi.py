"""The description of the surfaces for machines (OpenAPI), and the one way to answer JSON.

Bodies are read by `body` and not by FastAPI, so their schemas are declared here from the same models that parse them.
The description stands behind the same proof as the surfaces; ``tests/golden/openapi.json`` shows every change.
"""

import json

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.responses import Response

TITLE = "Clinical inference appliance"
VERSION = "1"
"""Of the surfaces; it changes only when a client would break."""

PROBLEMS: dict[int | str, dict[str, object]] = {
    "default": {
        "description": "Refused or failed: problem+json (RFC 9457) with a stable `code`, and what to do.",
        "content": {"application/problem+json": {"schema": {"type": "object", "required": ["code", "detail"]}}},
    }
}
"""The error answers of the appliance's own surfaces."""

OPENAI_ERRORS: dict[int | str, dict[str, object]] = {
    "default": {
        "description": "Refused or failed: OpenAI's error object with a stable `code`, and what to do.",
        "content": {"application/json": {"schema": {"type": "object", "required": ["error"]}}},
    }
}
"""The error answers of OpenAI's surface."""

_PROOF = {"type": "http", "scheme": "bearer", "description": "An API key from 'appliance client add'."}


def body_of(model: type[BaseModel]) -> dict[str, object]:
    """Return what FastAPI adds to a route for a body of this model."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def describe(app: FastAPI, models: tuple[type[BaseModel], ...]) -> dict[str, object]:
    """Return the OpenAPI document of the app, with the parts of the body models."""
    document = get_openapi(title=TITLE, version=VERSION, routes=app.routes)
    parts: dict[str, object] = {}
    for model in models:
        parts |= model.model_json_schema(ref_template="#/components/schemas/{model}").get("$defs", {})
    document["components"] = {"schemas": parts, "securitySchemes": {"key": _PROOF}}
    document["security"] = [{"key": []}]
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)  # FastAPI's own, which no route here answers
    return document


def json_response(content: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON answer."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, status_code=status, headers=headers, media_type="application/json")
