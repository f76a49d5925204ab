import inspect
import json
from collections.abc import Iterator

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from appliance import errors
from appliance.api import problems
from appliance.api.visit import SCOPE_KEY, Visit, new_visit
from appliance.decision import Decision
from appliance.errors import ApplianceError

DECISION = Decision(allowed=False, action="UseTask", reasons=("Not granted.",), policy_ids=(), policy_digest="0" * 64)


def classes() -> Iterator[type[ApplianceError]]:
    """Yield every class of the catalogue."""
    for _, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, ApplianceError):
            yield kind


def instance(kind: type[ApplianceError]) -> ApplianceError:
    """Return an error of a class, whatever it needs to be told."""
    if kind is errors.NotPermittedError:
        return kind(DECISION)
    if kind is errors.TooBusyError:
        return errors.TooBusyError(retry_after_s=7)
    if kind is errors.RouteRefusedError:
        return errors.RouteRefusedError("No route.", reasons=("42 % were edited.",))
    if kind is errors.ProviderUnavailableError:
        return errors.ProviderUnavailableError("A sentence with /a/path:7.", provider="p", detail="for the log only")
    return kind("A sentence with /a/path:7.", detail="for the log only")


def request(path: str) -> Request:
    """Return a request as the boundary hands it on."""
    scope = {"type": "http", "path": path, "headers": [], "method": "GET"}
    new_visit(scope, 0.0)
    return Request(scope)


def visit(of: Request) -> Visit:
    """Return the bookkeeping of a request."""
    return of.scope[SCOPE_KEY]


def test_every_class_of_the_catalogue_has_a_status() -> None:
    assert set(classes()) == set(problems.STATUS)


def test_codes_are_unique_but_for_none() -> None:
    codes = [kind.code for kind in classes()]

    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("kind", list(classes()))
@pytest.mark.parametrize("path", ["/v1/models", "/api/v1/tasks"])
async def test_every_error_is_rendered_for_both_surfaces_without_its_detail(
    kind: type[ApplianceError], path: str
) -> None:
    asked = request(path)
    answer = await problems.answer_error(asked, instance(kind))
    body = json.loads(answer.body)

    assert answer.status_code == problems.STATUS[kind]
    assert visit(asked).code == kind.code
    assert kind.code in answer.body.decode()
    assert "log only" not in answer.body.decode()
    assert (body["error"]["message"] if "error" in body else body["detail"]).strip()


@pytest.mark.parametrize("kind", [errors.ConfigError, errors.PolicyInvalidError, errors.ManifestMismatchError])
def test_a_broken_invariant_tells_callers_no_paths(kind: type[ApplianceError]) -> None:
    assert "/a/path" not in json.dumps([problems.problem_body(instance(kind)), problems.openai_body(instance(kind))])


async def test_headers_say_what_a_client_library_acts_on() -> None:
    async def headers(error: ApplianceError) -> dict[str, str]:
        error.exchange_id = "ex_1"
        return dict((await problems.answer_error(request("/v1/models"), error)).headers)

    assert (await headers(errors.TooBusyError(retry_after_s=7)))["retry-after"] == "7"
    assert (await headers(errors.EngineError()))["retry-after"] == "5"
    assert "retry-after" not in await headers(errors.EngineRejectedError())
    assert (await headers(errors.NotAuthenticatedError()))["www-authenticate"].startswith("Bearer")
    assert (await headers(errors.BodyTooSlowError()))["connection"] == "close"
    assert (await headers(instance(errors.RouteRefusedError)))["appliance-route"] == "refused"
    assert (await headers(errors.EngineError()))["appliance-exchange"] == "ex_1"


def test_reasons_field_and_downtime_text_are_told() -> None:
    refused = instance(errors.RouteRefusedError)
    refused.downtime_text = "Write it by hand."

    assert problems.problem_body(refused)["reasons"] == ["42 % were edited."]
    assert problems.problem_body(refused)["downtime_text"] == "Write it by hand."
    assert problems.problem_body(instance(errors.NotPermittedError))["reasons"] == ["Not granted."]
    assert problems.problem_body(errors.InvalidRequestError("x", field="a.b"))["field"] == "a.b"


async def test_what_the_router_refuses_has_a_code_too() -> None:
    unknown = await problems.answer_http_error(request("/v1/x"), HTTPException(404))
    method = await problems.answer_http_error(request("/x"), HTTPException(405, headers={"Allow": "GET"}))
    other = await problems.answer_http_error(request("/x"), HTTPException(406))

    assert json.loads(unknown.body)["error"]["code"] == "not_found"
    assert (json.loads(method.body)["code"], method.headers["allow"]) == ("method_not_allowed", "GET")
    assert json.loads(other.body)["code"] == "invalid_request"


async def test_the_handlers_take_their_own_errors_only() -> None:
    with pytest.raises(TypeError):
        await problems.answer_error(request("/"), ValueError())
    with pytest.raises(TypeError):
        await problems.answer_http_error(request("/"), ValueError())


@pytest.mark.parametrize(("said_s", "told"), [(30, "30"), (0, "5")])
async def test_a_caller_comes_back_when_the_provider_said_so(said_s: int, told: str) -> None:
    error = errors.ProviderUnavailableError(provider="example", retry_s=said_s)

    response = await problems.answer_error(request("/v1/chat/completions"), error)

    assert (response.status_code, response.headers["Retry-After"]) == (503, told)


@pytest.mark.parametrize("error", [errors.ModelRefusedError(), errors.PhiBlockedError()])
async def test_what_will_be_refused_again_has_no_time_to_come_back(error: ApplianceError) -> None:
    response = await problems.answer_error(request("/api/v1/tasks/t"), error)

    assert "Retry-After" not in response.headers
