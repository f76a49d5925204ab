"""The bundle in force, and the one way to replace it.

A new bundle is loaded and checked as a whole beside the old one and takes its place in one assignment, so a request
sees either the one or the other.  A bad bundle changes nothing but `last_error`, which readiness and ``appliance
status`` show until a good one was loaded.
"""

from datetime import datetime
from pathlib import Path

from appliance.errors import PolicyInvalidError
from appliance.policy.agreements import check_expiry
from appliance.policy.bundle import Bundle
from appliance.policy.load import load_bundle


class CurrentPolicy:
    """Hold the bundle in force; owned by `wiring`, reloaded by the process's own event loop only."""

    def __init__(self, path: Path) -> None:
        """Load the first bundle.  Raises PolicyInvalidError: without a policy nothing starts."""
        self._path = path
        self._bundle = load_bundle(path)
        self._last_error = ""

    @property
    def bundle(self) -> Bundle:
        """The bundle in force; take it once for each request."""
        return self._bundle

    @property
    def last_error(self) -> str:
        """Why the newest bundle was refused, with file and line; empty while the bundle in force is the newest."""
        return self._last_error

    def reload(self, now: datetime) -> Bundle:
        """Load the folder again and put it in force.  Raises PolicyInvalidError and keeps the old one if it is bad.

        Bad is also one whose register names an agreement that has ended by now; the first bundle may, because an
        agreement that ends must not keep local work from starting.
        """
        try:
            bundle = load_bundle(self._path)
            check_expiry(bundle.providers, now)
        except PolicyInvalidError as error:
            self._last_error = error.public
            raise
        self._bundle, self._last_error = bundle, ""
        return bundle
