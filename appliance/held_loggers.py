"""Holds what libraries would say: their messages are emptied before any handler sees them.

Presidio, spaCy, uvicorn, httpx and the providers' SDKs log through the standard library, some with the text that they
were given, some through handlers of their own, and some set those up again after they were taken away.  So records are
emptied where they are made, for every logger of the process, those of libraries that come later too: what remains is
who spoke, how loudly, where, and the type of an exception.  The same holds for what Python itself prints of a crash.
It MUST be called before the first text of a patient is read (promise 10).
"""

import logging
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import structlog
from typing_extensions import override

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

PLACES = 3
"""Frames of a traceback that are named: enough to find the line, without the text that stands in it."""

HELD = "held: a library's words may be a patient's"
"""Stands in the place of every message."""

TEMPLATED = ("uvicorn",)
"""Libraries whose messages are constant templates, as read in their source; only their arguments are dropped."""

_CRASHES = logging.getLogger("crash")
"""Where the end of a thread or of the process by an unforeseen exception is told."""


class HeldRecord(logging.LogRecord):
    """A record without words: neither message nor arguments nor traceback of the library are kept."""

    def __init__(  # noqa: PLR0913, PLR0917  # the signature that `logging` calls
        self,
        name: str,
        level: int,
        pathname: str,
        lineno: int,
        msg: object,
        args: object,
        exc_info: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None] | None,
        func: str | None = None,
        sinfo: str | None = None,
        **_more: object,
    ) -> None:
        """Keep who spoke, how loudly and where, and describe the exception."""
        del args, sinfo
        said = msg if isinstance(msg, str) and str(name).split(".")[0] in TEMPLATED else HELD
        super().__init__(name, level, pathname, lineno, said, (), None, func, None)
        error = exc_info[1] if exc_info else None
        self.told: Mapping[str, object] = describe(error) if error is not None else {}
        """Type and places of the exception that the record is about."""


class LibraryMessages(logging.Handler):
    """Writes in the process's own log that a library spoke, and where; never what it said."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Write where a message came from, and its template if that is known to be constant."""
        told: dict[str, object] = {"logger": record.name, "place": f"{record.module}:{record.lineno}"}
        if isinstance(record, HeldRecord):
            told |= record.told
            told |= {"message": record.msg} if record.msg != HELD else {}
        log = structlog.get_logger("library")
        log.log(max(record.levelno, logging.INFO), "library_message", **told)


def hold_loggers(tell: logging.Handler) -> None:
    """Empty every record from now on, drop what is below WARNING, and give the rest to one handler alone."""
    logging.setLogRecordFactory(HeldRecord)
    logging.disable(logging.INFO)
    logging.root.handlers[:] = [tell]
    logging.root.setLevel(logging.WARNING)
    for name in tuple(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers[:], logger.propagate = [], True
        logger.setLevel(logging.NOTSET)
    logging.captureWarnings(capture=True)
    sys.excepthook = _tell_crash
    sys.unraisablehook = _tell_unraisable
    threading.excepthook = _tell_thread


def describe(error: BaseException) -> dict[str, object]:
    """Return an exception's type and place, and never its words."""
    frames = traceback.extract_tb(error.__traceback__)[-PLACES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
    return {"error": type(error).__qualname__, "places": places}


def _tell_crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        _CRASHES.critical(HELD, exc_info=(kind, error, trace))


def _tell_unraisable(what: "UnraisableHookArgs") -> None:
    if what.exc_value is not None:
        _CRASHES.error(HELD, exc_info=(what.exc_type, what.exc_value, what.exc_traceback))


def _tell_thread(what: threading.ExceptHookArgs) -> None:
    if what.exc_value is not None:
        _CRASHES.critical(HELD, exc_info=(what.exc_type, what.exc_value, what.exc_traceback))
