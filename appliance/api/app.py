"""The FastAPI application: every surface, one door, one boundary; nothing is decided here.

The wired appliance is handed to the surfaces when they are made; there is no `app.state`, no global and no page of
documentation.  Routes without proof are `/healthz` and `/readyz` only (``tests/golden/unguarded_routes.txt``).
"""

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from appliance.api.dependencies import Door
from appliance.api.exchanges import ExchangeSurface
from appliance.api.health import Health
from appliance.api.metrics import Metrics
from appliance.api.middleware import Boundary
from appliance.api.openai import OpenAiSurface
from appliance.api.openapi import TITLE, VERSION, describe, json_response
from appliance.api.problems import answer_error, answer_http_error
from appliance.api.schemas.chat import ChatBody
from appliance.api.schemas.tasks import TaskBody
from appliance.api.tasks import TaskSurface
from appliance.errors import ApplianceError
from appliance.wiring import Appliance


def create_app(appliance: Appliance, metrics: Metrics | None = None) -> FastAPI:
    """Return the application of one wired appliance."""
    app = FastAPI(title=TITLE, version=VERSION, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    door = Door(appliance)
    OpenAiSurface(appliance, door).add_to(app)
    TaskSurface(appliance, door).add_to(app)
    ExchangeSurface(appliance, door).add_to(app)
    Health(appliance).add_to(app)
    app.add_api_route("/openapi.json", _Description(app, door).show, summary="Describe the surfaces (OpenAPI)")
    app.add_exception_handler(ApplianceError, answer_error)
    app.add_exception_handler(HTTPException, answer_http_error)
    app.add_middleware(Boundary, metrics=metrics or Metrics(), clock=appliance.clock)
    return app


class _Description:
    def __init__(self, app: FastAPI, door: Door) -> None:
        self._app = app
        self._door = door

    async def show(self, request: Request) -> Response:
        self._door.admit(request, surface="openapi")
        return json_response(describe(self._app, (ChatBody, TaskBody)))
