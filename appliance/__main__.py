"""``python -m appliance`` and the console script ``appliance``.

It closes the process to others, holds what libraries would say, and enters `cli.root`; nothing may import it.
"""

import logging
import sys

from appliance.cli import root
from appliance.held_loggers import hold_loggers
from audit.hardening import harden


def main() -> None:
    """Run one command and leave with its exit code."""
    harden()
    hold_loggers(_on_stderr())
    sys.excepthook = root.show_crash
    root.main()


def _on_stderr() -> logging.Handler:
    """Return what tells a person of a library's errors, where they were raised and of which type."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.ERROR)
    handler.setFormatter(logging.Formatter("%(name)s at %(module)s:%(lineno)d: %(told)s"))
    return handler


if __name__ == "__main__":
    main()
