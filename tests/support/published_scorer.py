"""The scorer that others publish, where the shared data lie beside the checkout; ours must give its numbers."""

import importlib.util
from types import ModuleType

import pytest

from appliance.config import CHECKOUT


def published_scorer() -> ModuleType:
    """Return the scorer's module, or skip the test."""
    file = CHECKOUT.parent / "shared" / "tools" / "phi_eval.py"
    if not file.exists():
        pytest.skip("../shared is not here")
    spec = importlib.util.spec_from_file_location("phi_eval", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
