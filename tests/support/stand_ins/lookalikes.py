"""Text that looks as it did and is spelt otherwise: what a provider would write to slip a name past a search."""

_HOMOGLYPHS = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")  # noqa: RUF001 - Cyrillic on purpose

_UNSEEN = "\u200b"
"""Zero width space."""


def lookalike(text: str) -> str:
    """Return the text with letters of another alphabet in one half of the words and unseen characters in the other."""
    words = text.split(" ")
    return " ".join(word.translate(_HOMOGLYPHS) if at % 2 else _UNSEEN.join(word) for at, word in enumerate(words))
