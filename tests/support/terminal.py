"""A standard output that says it is a terminal, for commands that print texts to people only."""

import io

from typing_extensions import override


class Terminal(io.StringIO):
    """Collect what is printed, as a terminal would be shown it."""

    @override
    def isatty(self) -> bool:
        """Return True."""
        return True
