"""Write look-alike characters in their plain form, one for one, so that offsets stay those of the caller's text.

Full-width and Arabic-Indic digits, the many dashes and the many spaces are how an identifier slips past an
expression written in ASCII.  Folding never adds or removes a character.
"""

_DIGIT_ZEROS = (0x0660, 0x06F0, 0x0966, 0xFF10, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6)
"""Code points of digit zero in Arabic-Indic, Persian, Devanagari, full-width and the mathematical alphabets."""

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"

_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"

_FULL_WIDTH_OFFSET = 0xFEE0
"""Full-width forms U+FF01 to U+FF5E stand this far above ASCII ``!`` to ``~`` (Unicode chart FF00)."""

FOLDED: dict[int, str] = (
    {code + _FULL_WIDTH_OFFSET: chr(code) for code in range(0x21, 0x7F)}
    | {zero + digit: str(digit) for zero in _DIGIT_ZEROS for digit in range(10)}
    | dict.fromkeys(map(ord, _DASHES), "-")
    | dict.fromkeys(map(ord, _SPACES), " ")
)
"""Character by character translation; every value is one character long."""


def fold(text: str) -> str:
    """Return text of the same length with look-alikes in their ASCII form."""
    return text if text.isascii() else text.translate(FOLDED)
