"""Cut text into words and into windows that a model can read at once.

A word is what a name model judges as one: sub-word pieces never decide alone, so no half of a name is left behind.
"""

import re
from dataclasses import dataclass

WORD = re.compile(r"[^\W_]+(?:['\u2019.@/-][^\W_]+)*")
"""Letters and digits, joined by what joins the parts of one word: ``O'Neil``, ``J.R.``, ``Smith-Jones``."""

GAP = re.compile(r"[\s,.'\u2019-]{1,3}")
"""What may stand between two words of one name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of text that a model reads at once; what it says of the margins is not used."""

    start: int
    end: int
