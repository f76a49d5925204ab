"""Which months can be searched for people: those whose index keys are at hand.

The recorder's side holds the keys of the current and the prepared months only; past months are the custodian's.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from audit.errors import StoreError
from audit.keyring import Custodian, IndexKey, Trail


def held_index_keys(trail: Trail) -> dict[str, IndexKey]:
    """Return the index keys on the recorder's side that this user can read: those of the current and coming months."""
    keys: dict[str, IndexKey] = {}
    for month in trail.prepared_months():
        try:
            keys[month] = trail.index_key(month)
        except StoreError:
            continue  # its file may be the recorder's alone; `query` then says that the month was not searched
    return keys


def custodian_index_keys(custodian: Custodian, months: tuple[str, ...]) -> dict[str, IndexKey]:
    """Return the index keys of these months that the custodian still holds."""
    held = set(custodian.months())
    return {month: custodian.secrets(month).index_key() for month in months if month in held}


def current_index_key(keys: Mapping[str, IndexKey]) -> IndexKey | None:
    """Return the index key of this month, if it is at hand."""
    return keys.get(datetime.now(UTC).strftime("%Y-%m"))
