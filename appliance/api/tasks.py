"""The appliance's own surface: ``/api/v1/tasks`` with typed inputs and outputs, whole or as events.

What is listed and shown is what the caller may use, by the same decision as the request itself.
"""

from fastapi import FastAPI, Request, Response

from appliance.api import provenance, subject
from appliance.api.dependencies import Caller, Door
from appliance.api.disconnect import while_connected
from appliance.api.openapi import PROBLEMS, body_of, json_response
from appliance.api.schemas.tasks import TaskBody, parse_task
from appliance.api.sse import StreamedAnswer
from appliance.api.task_answer import EventFraming, description_of, summary_of, to_object
from appliance.errors import UnknownTaskError
from appliance.exchange import Sampling, Surface, TaskRequest
from appliance.wiring import Appliance

SURFACE = "tasks"
"""Label of logs and metrics."""


class TaskSurface:
    """The handlers of ``/api/v1/tasks``."""

    def __init__(self, appliance: Appliance, door: Door) -> None:
        """Take the wired appliance and its door."""
        self._pipeline = appliance.pipeline
        self._door = door

    def add_to(self, app: FastAPI) -> None:
        """Add the routes."""
        app.add_api_route("/api/v1/tasks", self.index, summary="List the tasks that you may use", responses=PROBLEMS)
        app.add_api_route(
            "/api/v1/tasks/{task}",
            self.show,
            summary="Show a task's schemas, limits and threshold",
            responses=PROBLEMS,
        )
        app.add_api_route(
            "/api/v1/tasks/{task}",
            self.create,
            methods=["POST"],
            summary="Have a task done",
            openapi_extra=body_of(TaskBody),
            responses=PROBLEMS,
        )

    async def index(self, request: Request) -> Response:  # noqa: D102  # the route's summary says it
        caller = self._door.admit(request, surface=SURFACE)
        return json_response({"tasks": [summary_of(task) for task in self._pipeline.tasks_for(caller.actor)]})

    async def show(self, request: Request, task: str) -> Response:  # noqa: D102
        caller = self._door.admit(request, surface=SURFACE)
        for known in self._pipeline.tasks_for(caller.actor):
            if known.name == task:
                return json_response(description_of(known))
        raise UnknownTaskError

    async def create(self, request: Request, task: str) -> Response:  # noqa: D102
        caller = self._door.admit(request, surface=SURFACE)
        body = parse_task(await self._door.read(request))
        wants_events = "text/event-stream" in request.headers.get("accept", "")
        wanted = _to_request(body, caller, task=task, stream=wants_events if body.stream is None else body.stream)
        self._door.name_task(caller, task)
        if wanted.stream:
            return StreamedAnswer(self._pipeline.stream(caller.actor, wanted), EventFraming())
        answer = await while_connected(request.receive, self._pipeline.answer(caller.actor, wanted))
        caller.visit.tell(answer.exchange)
        return json_response(to_object(answer), headers=provenance.headers(answer.exchange))


def _to_request(body: TaskBody, caller: Caller, *, task: str, stream: bool) -> TaskRequest:
    stated = body.stated()
    return TaskRequest(
        task=task,
        surface=Surface.TASKS,
        subject=subject.to_subject(stated, caller.stated),
        input=body.input_text(),
        people=body.people_text(),
        sampling=Sampling(max_tokens=body.max_tokens, temperature=body.temperature, seed=body.seed),
        data_class=subject.to_data_class(stated, caller.stated),
        restrictions=subject.to_restrictions(stated, caller.stated),
        stream=stream,
        deadline_s=subject.to_deadline(stated, caller.stated),
        request_id=caller.visit.request_id,
        trace_id=caller.visit.trace_id,
    )
