"""The gateway's surfaces as files: what callers may send, and which routes need no proof; every change is a diff."""

import json
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from appliance.api.app import create_app
from tests.support.gateway_client import Gateway, running_gateway
from tests.support.golden import Golden


@pytest.fixture
async def description(tmp_path: Path, policies: Path) -> dict[str, object]:
    """Return the OpenAPI document that a caller gets."""
    async with running_gateway(tmp_path, policies) as gateway, gateway.http() as http:
        return (await http.get("/openapi.json")).json()


async def test_the_description_of_the_surfaces_is_the_expected_one(
    description: dict[str, object], golden: Golden
) -> None:
    golden.check("openapi.json", json.dumps(description, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


async def test_every_reference_in_the_description_resolves(description: dict[str, object]) -> None:
    text = json.dumps(description)
    parts = description["components"]["schemas"]  # type: ignore[index]

    names = {piece.split('"')[0] for piece in text.split('"#/components/schemas/')[1:]}

    assert names <= set(parts)


async def test_routes_without_proof_are_a_list_that_must_not_grow(
    tmp_path: Path, policies: Path, golden: Golden
) -> None:
    async with running_gateway(tmp_path, policies) as gateway:
        unguarded = [line for line in routes(gateway) if not await is_guarded(gateway, line)]

    golden.check("unguarded_routes.txt", "".join(f"{line}\n" for line in unguarded))


def routes(gateway: Gateway) -> list[str]:
    """Return every route of the application as ``METHOD path``."""
    found = []
    for route in create_app(gateway.appliance).routes:
        assert isinstance(route, APIRoute), route
        found += [f"{method} {route.path}" for method in sorted(route.methods)]
    return sorted(found)


async def is_guarded(gateway: Gateway, line: str) -> bool:
    """Say whether a stranger is turned away."""
    method, path = line.split()
    async with gateway.http("") as http:
        return (await http.request(method, path, json={})).status_code == 401
