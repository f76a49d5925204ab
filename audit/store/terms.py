"""The dictionary of terms as the writer keeps it: each readable value once, by number (`audit.terms`).

Only the one writer adds to it, in the transaction of the first record that uses a value.  What it remembers of numbers
and blocks is a cache: after a failed transaction the whole `Database` is dropped with it and opened anew.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, func, insert, select

from audit.store.schema import BLOCK_RECORDS, term

MAX_REMEMBERED = 10_000
"""Terms kept in memory; a site has hundreds, and what is forgotten is asked of the table again."""

_Term = tuple[str, str]
"""Member and value."""


class TermBook:
    """Numbers of terms and the newest block's terms.  Owned by `Database`."""

    def __init__(self, connection: Connection) -> None:
        """Take the writer's connection."""
        self._connection = connection
        self._numbers: dict[_Term, int] = {}
        self._next = 0
        """Number of the next new term; 0 until the table was asked."""
        self._block = -1
        self._in_block: set[int] = set()

    def numbers(self, terms: Mapping[str, str]) -> dict[str, int]:
        """Return the number of each member's value; a new value gets its row now."""
        return {member: self._number((member, value)) for member, value in terms.items()}

    def note(self, sequence: int, numbers: Iterable[int]) -> list[tuple[int, int]]:
        """Return the (term, block) rows that a record adds to its block."""
        block = sequence // BLOCK_RECORDS
        if block != self._block:
            self._block, self._in_block = block, set()
        added = [number for number in numbers if number not in self._in_block]
        self._in_block.update(added)
        return [(number, block) for number in added]

    def _number(self, wanted: _Term) -> int:
        number = self._numbers.get(wanted)
        if number is None:
            if len(self._numbers) >= MAX_REMEMBERED:
                self._numbers.clear()
            number = self._numbers[wanted] = self._stored(wanted) or self._add(wanted)
        return number

    def _stored(self, wanted: _Term) -> int | None:
        member, value = wanted
        found: int | None = self._connection.execute(
            select(term.c.id).where(term.c.member == member, term.c.value == value)
        ).scalar()
        return found

    def _add(self, wanted: _Term) -> int:
        if not self._next:
            last = self._connection.execute(select(func.max(term.c.id))).scalar()
            self._next = last + 1 if isinstance(last, int) else 1
        number, self._next = self._next, self._next + 1
        self._connection.execute(insert(term), {"id": number, "member": wanted[0], "value": wanted[1]})
        return number
