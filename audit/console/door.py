"""What stands before every route: an officer's key, how often, and the right that the route needs.

`KeyCheck` looks at the key before anything else of a request, even its body; a wrong, an unknown and a revoked key get
the same answer.  `Needs` then asks the policy.  A route without a `Needs` is unguarded;
``tests/golden/console_routes.txt`` lists what each route needs.
"""

from http import HTTPStatus
from typing import Protocol

from fastapi import Request
from fastapi.security import HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from audit.authority import Authority
from audit.console.limits import Rate
from audit.console.problems import ConsoleError, not_authenticated, on_audit_error
from audit.errors import AuditError
from audit.officers import Officer
from audit.permission import Right

BEARER = HTTPBearer(
    auto_error=False, scheme_name="officerKey", description="A key that 'audit officer add' printed: ofk_..."
)
"""The one authentication scheme, for the OpenAPI document; `KeyCheck` does the work."""

PREFIX = "/api/v1"
"""What every path of this surface begins with."""

GUARDED = "/api/"
"""Every path below needs a key, also one that leads nowhere."""


class Rights(Protocol):
    """The part of `Authority` that a route needs."""

    def check(self, officer: Officer, right: Right) -> None:
        """Raise PermissionDeniedError unless the policy permits this."""
        ...


class Door:
    """Who may come in, and how often."""

    def __init__(self, authority: Authority, *, officers: Rate, failures: Rate) -> None:
        """Take who knows the officers, and the rates of an officer and of an address with wrong keys."""
        self._authority = authority
        self._officers = officers
        self._failures = failures

    def officer(self, authorization: str, *, address: str) -> Officer:
        """Return the officer whose key the header holds.  Raises ConsoleError (401 or 429)."""
        scheme, key = get_authorization_scheme_param(authorization)
        found = self._authority.officer(key.strip())
        if found is None or scheme.lower() != BEARER.model.scheme:
            _check_rate(self._failures, address)
            raise not_authenticated()
        _check_rate(self._officers, found.key_id)
        return found


class KeyCheck:
    """ASGI middleware that lets nobody but officers past."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        """Take the application inside and the door."""
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the officer into the scope, or answer."""
        if scope["type"] != "http" or not scope["path"].startswith(GUARDED):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        header = request.headers.get("authorization", "")
        address = request.client.host if request.client else ""
        try:
            scope["officer"] = await run_in_threadpool(self._door.officer, header, address=address)
        except AuditError as error:
            await (await on_audit_error(request, error))(scope, receive, send)
            return
        await self._app(scope, receive, send)


class Needs:
    """A route's dependency: the officer, with this right where there is one."""

    def __init__(self, rights: Rights, right: Right | None) -> None:
        """Take who decides, and the right; None where the act that the body names decides which."""
        self._rights = rights
        self.right = right

    def __call__(self, request: Request) -> Officer:
        """Return the officer, who may do this."""
        officer: Officer = request.scope["officer"]
        if self.right is not None:
            self._rights.check(officer, self.right)
        return officer


def _check_rate(rate: Rate, name: str) -> None:
    wait_s = rate.take(name)
    if wait_s:
        raise ConsoleError(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too_many_requests",
            f"Too many requests; send the next one in {wait_s} seconds.",
            headers={"Retry-After": str(wait_s)},
        )
