"""Write a set of short words as people read it: in one string, with spaces between.

Nothing else belongs here; the lists stand in the modules that know what they mean.
"""


def words(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())
