"""The figures of the style guide, held as tests."""

import ast
import statistics
from pathlib import Path

import pytest

from tests.support import shape

ROOT = Path(__file__).parents[2]

BROAD_EXCEPTS = {
    "appliance/api/middleware.py": "the ASGI boundary: anything unexpected becomes a 500 without detail",
    "appliance/broker/server.py": "the broker's accept loop: one bad connection must not end it",
    "audit/recorder/__main__.py": "the recorder's exit",
}
"""The only places that may catch everything, each with its reason."""

LONGER = {
    "audit/export/verify_bundle.py": (650, "one file by contract: an auditor carries it alone and reads it whole"),
}
"""Modules that may be longer than others, how long, and why."""


@pytest.fixture(scope="module")
def modules() -> list[shape.Module]:
    return shape.modules(ROOT, "appliance", "audit")


def test_modules_stay_small(modules: list[shape.Module]) -> None:
    lengths = {module.path: module.lines() for module in modules}

    assert {path: n for path, n in lengths.items() if n > LONGER.get(path, (400, ""))[0]} == {}
    assert statistics.median(lengths.values()) <= 150


def test_functions_fit_in_the_head(modules: list[shape.Module]) -> None:
    found = {f"{m.path}:{f.name}": shape.code_lines(m, f) for m in modules for f in m.functions()}

    assert {name: n for name, n in found.items() if n > 40} == {}
    assert statistics.quantiles(found.values(), n=10)[-1] <= 20


def test_functions_branch_little(modules: list[shape.Module]) -> None:
    found = {f"{m.path}:{f.name}": (shape.complexity(f), shape.nesting(f)) for m in modules for f in m.functions()}

    assert {name: n for name, n in found.items() if n[0] > 12 or n[1] > 4} == {}


def test_modules_and_public_names_are_documented(modules: list[shape.Module]) -> None:
    names = {name: is_documented for module in modules for name, is_documented in shape.public_names(module)}

    assert [module.path for module in modules if not ast.get_docstring(module.tree)] == []
    assert [name for name, is_documented in names.items() if not is_documented and "/api/" not in name] == []
    assert sum(names.values()) / len(names) >= 0.95


def test_nothing_is_imported_inside_a_function(modules: list[shape.Module]) -> None:
    assert {m.path: n for m in modules if (n := shape.deferred_imports(m))} == {}


def test_only_the_listed_places_catch_everything(modules: list[shape.Module]) -> None:
    found = {path for module in modules for path in shape.broad_excepts(module)}

    assert found <= set(BROAD_EXCEPTS)


def test_no_test_patches_production_code() -> None:
    needle = "mock" + ".patch"
    files = [file for file in (ROOT / "tests").rglob("*.py") if needle in file.read_text()]

    assert files == []
