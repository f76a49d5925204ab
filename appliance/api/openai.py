"""OpenAI's surface: ``/v1/models`` and ``/v1/chat/completions``; a model is a task that the caller may use.

Handlers translate and call; the ``openai`` SDKs work unmodified.  What differs from OpenAI stands in the README:
an extra member ``appliance`` and headers that say which route, model and evidence an answer rests on.
"""

from fastapi import FastAPI, Request, Response

from appliance.api import provenance
from appliance.api.chat_answer import ChunkFraming, completion_bytes, model_object, models_list
from appliance.api.chat_request import to_request
from appliance.api.dependencies import Door
from appliance.api.disconnect import while_connected
from appliance.api.openapi import OPENAI_ERRORS, body_of, json_response
from appliance.api.schemas.chat import ChatBody, parse_chat
from appliance.api.sse import StreamedAnswer
from appliance.errors import UnknownTaskError
from appliance.wiring import Appliance

SURFACE = "chat"
"""Label of logs and metrics."""


class OpenAiSurface:
    """The handlers of ``/v1``."""

    def __init__(self, appliance: Appliance, door: Door) -> None:
        """Take the wired appliance and its door."""
        self._pipeline = appliance.pipeline
        self._clock = appliance.clock
        self._door = door

    def add_to(self, app: FastAPI) -> None:
        """Add the routes."""
        app.add_api_route("/v1/models", self.models, summary="List the tasks that you may use", responses=OPENAI_ERRORS)
        app.add_api_route(
            "/v1/models/{model}", self.model, summary="Show one task that you may use", responses=OPENAI_ERRORS
        )
        app.add_api_route(
            "/v1/chat/completions",
            self.create,
            methods=["POST"],
            summary="Have a task done, in OpenAI's form",
            openapi_extra=body_of(ChatBody),
            responses=OPENAI_ERRORS,
        )

    async def models(self, request: Request) -> Response:  # noqa: D102  # the route's summary says it
        caller = self._door.admit(request, surface=SURFACE)
        return json_response(models_list(task.name for task in self._pipeline.tasks_for(caller.actor)))

    async def model(self, request: Request, model: str) -> Response:  # noqa: D102
        caller = self._door.admit(request, surface=SURFACE)
        if model not in {task.name for task in self._pipeline.tasks_for(caller.actor)}:
            raise UnknownTaskError
        return json_response(model_object(model))

    async def create(self, request: Request) -> Response:  # noqa: D102
        caller = self._door.admit(request, surface=SURFACE)
        chat = parse_chat(await self._door.read(request))
        wanted = to_request(chat, caller)
        self._door.name_task(caller, wanted.task)
        created = int(self._clock.now().timestamp())
        if wanted.stream:
            include_usage = bool(chat.stream_options and chat.stream_options.include_usage)
            framing = ChunkFraming(created=created, include_usage=include_usage)
            return StreamedAnswer(self._pipeline.stream(caller.actor, wanted), framing)
        answer = await while_connected(request.receive, self._pipeline.answer(caller.actor, wanted))
        caller.visit.tell(answer.exchange)
        content = completion_bytes(answer, created=created)
        return Response(content, headers=provenance.headers(answer.exchange), media_type="application/json")
