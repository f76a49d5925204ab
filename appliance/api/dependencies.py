"""What every guarded handler starts with: who is calling, and what the headers say about the request.

The proof is checked before the body is read, so a stranger costs one hash and no memory.
"""

from dataclasses import dataclass

from starlette.requests import Request

from appliance.api import subject
from appliance.api.body import read_object
from appliance.api.visit import Visit, visit_of
from appliance.errors import NotAuthenticatedError
from appliance.exchange import Actor
from appliance.wiring import Appliance


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A proven caller and its request's bookkeeping."""

    actor: Actor
    visit: Visit
    stated: subject.Stated
    """What the ``Appliance-…`` headers say."""


class Door:
    """Lets proven callers in; one for all handlers."""

    def __init__(self, appliance: Appliance) -> None:
        """Take the wired appliance."""
        self._authenticator = appliance.authenticator
        self._limits = appliance.config.limits
        self._policy = appliance.policy

    def admit(self, request: Request, *, surface: str) -> Caller:
        """Return who is calling.  Raises NotAuthenticatedError, RegistryInvalidError, InvalidRequestError."""
        visit = visit_of(request.scope)
        visit.surface = surface
        proofs = request.headers.getlist("authorization")
        if len(proofs) > 1:
            raise NotAuthenticatedError
        actor = self._authenticator.authenticate(proofs[0] if proofs else None)
        visit.client = actor.client_id
        return Caller(actor=actor, visit=visit, stated=subject.from_headers(request.headers))

    async def read(self, request: Request) -> dict[str, object]:
        """Return the request's JSON object.  Raises InvalidRequestError, BodyTooSlowError or CallerGoneError."""
        return await read_object(request, self._limits)

    def name_task(self, caller: Caller, task: str) -> None:
        """Let log and metrics show the task, if there is one of that name: never a word that the caller made up."""
        if task in self._policy.bundle.tasks:
            caller.visit.task = task
