"""The guard's real models for tests: where they lie, or why a test is skipped; and what stands in their place."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.config import CHECKOUT
from appliance.phi.findings import Finding

MODELS = CHECKOUT / "var" / "models" / "guard"
"""Filled by `make gateway`."""

ABSENT = "the guard's models are not here; run 'make gateway'"


def real_models() -> Path:
    """Return the folder of the real models, or skip the test that asks."""
    if not (MODELS / "stamp").exists():
        pytest.skip(ABSENT)
    return MODELS


class NoNames:
    """A name finder that finds what it was told to, and remembers what it was given."""

    def __init__(self, *found: Finding) -> None:
        self._found = found
        self.ordinary: frozenset[str] = frozenset()
        self.texts: list[str] = []

    def use(self, ordinary: frozenset[str]) -> None:
        """Remember the site's words."""
        self.ordinary = ordinary

    def find(self, text: str, found: Sequence[Finding] = ()) -> list[Finding]:  # noqa: ARG002 - as production
        """Remember the text and find what it was told to."""
        self.texts.append(text)
        return list(self._found)
