"""Text that may be protected health information, as a type that does not print.

`str()`, `repr()`, f-strings, logging, JSON encoders and tracebacks show a placeholder with the length only.
`reveal()` is the one way to the characters, and every place in the code that calls it is listed in
`tests/golden/reveal_sites.txt`: a new site is a reviewed diff.  Answers HIPAA 45 CFR 164.312(a)(1).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn, Self

from typing_extensions import override


@dataclass(frozen=True, slots=True, repr=False)
class ClinicalText:
    """Hold text that may be PHI; compare it, measure it, join it, but never print it."""

    _characters: str = field(repr=False)

    @classmethod
    def join(cls, parts: Iterable[Self], separator: str = "") -> Self:
        """Return one text from several."""
        return cls(separator.join(part.reveal() for part in parts))

    def reveal(self) -> str:
        """Return the characters.  The caller MUST NOT let them reach a log, metric, error or file."""
        return self._characters

    def reveal_bytes(self) -> bytes:
        """Return UTF-8 bytes for sealing or for the engine's socket; a listed act like `reveal`."""
        return self.reveal().encode()

    def __len__(self) -> int:
        """Return the number of characters, which is not PHI."""
        return len(self._characters)

    @override
    def __repr__(self) -> str:
        """Return a placeholder that shows the length only."""
        return f"<clinical text, {len(self)} characters>"

    __str__ = __repr__

    @override
    def __format__(self, spec: str) -> str:
        """Return the placeholder whatever the format asks for."""
        return repr(self)

    @override
    def __getstate__(self) -> NoReturn:
        """Refuse to be pickled: a pickle is a copy on its way somewhere."""
        message = "clinical text cannot be pickled or copied deeply"
        raise TypeError(message)


@dataclass(frozen=True, slots=True, repr=False)
class SafeText:
    """Hold text whose identifiers the guard has replaced: the only text that may be handed to the broker.

    Only `phi.guard` MUST make one; `tests/golden/reveal_sites.txt` lists every place that does.  It prints no more
    than `ClinicalText` does, because a clinical story without names is still not for a log.
    """

    _characters: str = field(repr=False)

    @classmethod
    def of_json(cls, value: object) -> Self:
        """Return the JSON text of a structure whose texts are safe ones; anything else in it is our own words."""
        return cls(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_characters_of))

    def reveal_bytes(self) -> bytes:
        """Return UTF-8 bytes for the broker's socket; a listed act."""
        return self._characters.encode()

    def __len__(self) -> int:
        """Return the number of characters."""
        return len(self._characters)

    @override
    def __repr__(self) -> str:
        """Return a placeholder that shows the length only."""
        return f"<safe text, {len(self)} characters>"

    __str__ = __repr__

    @override
    def __format__(self, spec: str) -> str:
        """Return the placeholder whatever the format asks for."""
        return repr(self)


def _characters_of(value: object) -> str:
    if isinstance(value, SafeText):
        return value.reveal_bytes().decode()
    message = "only safe text may be put into a body that leaves"
    raise TypeError(message)
