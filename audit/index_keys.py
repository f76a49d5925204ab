"""Which months can be searched for people: those whose index keys are at hand.

The recorder's side holds the keys of the current and the prepared months only; past months are the custodian's, so six
years of them are opened with the custodian's root, once for all.  Keys stay in memory and are never shown.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from audit.errors import OpenError, StoreError
from audit.keyring import Custodian, IndexKey, Trail, open_custodian
from audit.places import Places


def search_keys(places: Places, passphrase: bytes | None = None) -> dict[str, IndexKey]:
    """Return every index key that can be had: the recorder's side's, and the custodian's if its root opens.

    Without a passphrase the custodian's own file is used; where neither is at hand, only the recorder's side's keys
    come back, and an answer then names the months that were not searched.  Raises OpenError for a wrong passphrase.
    Opening costs a key derivation of a quarter of a second: a process that asks often keeps the answer for a while.
    """
    held = held_index_keys(places.trail)
    if not has_custodian(places):
        return held
    try:
        custodian = open_custodian(places.custodian, passphrase=passphrase)
    except StoreError:
        return held
    return {**held, **custodian_index_keys(custodian, custodian.months())}


def has_custodian(places: Places) -> bool:
    """Say whether a custodian's folder is here; a copied trail seldom has one."""
    return (places.custodian / "root.json").exists()


def held_index_keys(trail: Trail) -> dict[str, IndexKey]:
    """Return the index keys on the recorder's side that this user can read: those of the current and coming months."""
    keys: dict[str, IndexKey] = {}
    for month in trail.prepared_months():
        try:
            keys[month] = trail.index_key(month)
        except StoreError:
            continue  # its file may be the recorder's alone; `query` then says that the month was not searched
    return keys


def custodian_index_keys(custodian: Custodian, months: Iterable[str]) -> dict[str, IndexKey]:
    """Return the index keys of these months that the custodian still holds."""
    keys: dict[str, IndexKey] = {}
    for month in set(custodian.months()).intersection(months):
        try:
            keys[month] = custodian.secrets(month).index_key()
        except OpenError:
            continue  # destroyed meanwhile, or damaged: the answer names the month as not searched
    return keys


def current_index_key(keys: Mapping[str, IndexKey]) -> IndexKey | None:
    """Return the index key of this month, if it is at hand."""
    return keys.get(datetime.now(UTC).strftime("%Y-%m"))
