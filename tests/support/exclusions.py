"""Excluded patients as the commands leave them, without officers and without a recorder."""

from datetime import UTC, datetime

from appliance.cli.exclusion_book import Addition, Book
from appliance.config import Config
from appliance.exclusions import Exclusion

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def book(config: Config) -> Book:
    """Return the list of an appliance for changes."""
    return Book(config)


def add(config: Config, *numbers: str, kind: str = "opt-out", by: str = "r.first") -> tuple[Exclusion, ...]:
    """Exclude record numbers, unconfirmed, and return their entries."""
    return Book(config).add(Addition(kind=kind, numbers=numbers, case="PAT-1", by=by), NOW)


def confirm_all(config: Config, *, by: str = "r.second") -> None:
    """Confirm every batch, as a second officer's command does once it may."""
    for batch in {entry.batch for entry in Book(config).entries()}:
        Book(config).confirm(batch, NOW, lambda _entries: by)
