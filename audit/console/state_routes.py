"""Routes about the trail and the console themselves: checkpoint, health, and what this surface takes and answers.

Handlers translate and call `State`.
"""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import JsonValue

from audit.console.answers import CheckpointView
from audit.console.door import PREFIX, Needs, Rights
from audit.console.state import State
from audit.officers import Officer


def state_routes(state: State, rights: Rights, *, describe: Callable[[], dict[str, Any]]) -> APIRouter:
    """Return the routes; `describe` gives the OpenAPI document."""
    router = APIRouter(prefix=PREFIX, tags=["state"])
    Reader = Annotated[Officer, Depends(Needs(rights, "ReadTrail"))]  # noqa: N806  # types, made for this router
    Anyone = Annotated[Officer, Depends(Needs(rights, None))]  # noqa: N806

    @router.get("/checkpoint", summary="Give the newest signed checkpoint", response_model=CheckpointView)
    def checkpoint(_officer: Reader) -> dict[str, object]:
        return state.checkpoint()

    @router.get("/health", summary="Say how the recorder and its witnesses are", response_model=dict[str, JsonValue])
    def health(_officer: Reader) -> dict[str, object]:
        return state.health()

    @router.get("/openapi.json", summary="Describe this surface", response_model=dict[str, JsonValue])
    def openapi(_officer: Anyone) -> dict[str, Any]:
        return describe()

    return router
