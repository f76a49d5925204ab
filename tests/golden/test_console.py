"""The console's surface as files: what officers may send, and which right each route needs; every change is a diff."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from audit.console.app import build_app, describe
from audit.console.door import GUARDED, Needs
from audit.console.parts import Parts
from audit.places import find_places
from tests.support.golden import Golden
from tests.support.memory_recorder import MemoryRecorder


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    """Return the application; the description needs no trail."""
    return build_app(Parts.of(find_places(tmp_path), MemoryRecorder()))


def test_the_description_of_the_console_is_the_expected_one(app: FastAPI, golden: Golden) -> None:
    description = json.dumps(describe(app), indent=1, sort_keys=True, ensure_ascii=False)

    golden.check("console_openapi.json", description + "\n")


def test_every_reference_in_the_description_resolves(app: FastAPI) -> None:
    text = json.dumps(describe(app))

    names = {piece.split('"')[0] for piece in text.split('"#/components/schemas/')[1:]}

    assert names <= set(describe(app)["components"]["schemas"])


def test_the_right_that_each_route_needs_changes_only_with_a_reviewed_diff(app: FastAPI, golden: Golden) -> None:
    golden.check("console_routes.txt", "".join(f"{line}\n" for line in sorted(_lines(app))))


def test_only_the_sign_of_life_is_open(app: FastAPI) -> None:
    assert [line for line in _lines(app) if line.endswith("  -")] == ["GET /healthz  -"]


def test_no_person_stands_in_an_address(app: FastAPI) -> None:
    parameters = {
        parameter["name"]
        for path in describe(app)["paths"].values()
        for operation in path.values()
        for parameter in operation.get("parameters", [])
    }

    assert parameters.isdisjoint({"patient", "patients", "user", "case"})


def _lines(app: FastAPI) -> Iterator[str]:
    """Yield each route with what it needs: a right, an officer's key (the act decides the right), or nothing."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        assert isinstance(route, APIRoute)
        for method in sorted(context.methods or ()):
            yield f"{method} {context.path}  {_need(str(context.path), route.dependant)}"


def _need(path: str, dependant: Dependant) -> str:
    needs = [each.call for each in dependant.dependencies if isinstance(each.call, Needs)]
    if not path.startswith(GUARDED):
        assert needs == []
        return "-"
    assert len(needs) == 1, f"{path} must say what it needs"
    return needs[0].right or "an officer's key"
