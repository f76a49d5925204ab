"""Whom the reading commands can find: the recorder's side's months at once, past months with the custodian's root.

Nobody is asked for a passphrase unless the answer would otherwise miss months, and unless somebody is there to ask.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from audit.cli.frame import say
from audit.cli.passphrase import can_ask, opened_custodian
from audit.index_keys import custodian_index_keys, has_custodian
from audit.keyring import IndexKey
from audit.places import Places

_Answer = TypeVar("_Answer")


def with_past_months(
    answer: _Answer,
    *,
    missed: Sequence[str],
    keys: dict[str, IndexKey],
    places: Places,
    passphrase_file: Path | None,
    ask_again: Callable[[dict[str, IndexKey]], _Answer],
) -> _Answer:
    """Return the answer, asked again with the custodian's keys where it missed months and somebody can open them."""
    if not missed or not has_custodian(places) or not can_ask(passphrase_file):
        return answer
    say(f"people in {in_short(missed)} can be found with the custodian's passphrase only.")
    custodian = opened_custodian(places.custodian, passphrase_file)
    return ask_again({**keys, **custodian_index_keys(custodian, missed)})


def tell_missed(months: Sequence[str]) -> None:
    """Say on standard error which months were not searched, if any."""
    if months:
        say(
            f"not searched for people: {in_short(months)}; give the custodian passphrase with --passphrase-file "
            "(months whose keys were destroyed can never be searched)."
        )


def in_short(months: Sequence[str]) -> str:
    """Return a list of months that a person can read: six years of them as first and last."""
    few = 6
    return ", ".join(months) if len(months) <= few else f"{months[0]} to {months[-1]} ({len(months)} months)"
