"""The gateway's log: one JSON object a line on standard error, constant events, typed fields.

Never input text, headers, or the words of a foreign exception: of an exception only the type and the place are
written.  Libraries that log through the standard library are held to the same: their message is written only when it
is a constant template of uvicorn's, and its arguments never.
"""

import asyncio
import logging
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import structlog
from typing_extensions import override

PLACES = 3
"""Frames of a traceback that are named: enough to find the line, without the text that stands in it."""


def configure_logging() -> None:
    """Set up the process's log; called once, at the very start of `main`."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(default=_shape),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.root.handlers[:] = [LibraryMessages()]
    logging.root.setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        logger.handlers[:], logger.propagate = [], True
    logging.getLogger("uvicorn.access").disabled = True  # it would show paths and callers
    logging.captureWarnings(capture=True)
    sys.excepthook = log_crash


def describe(error: BaseException) -> dict[str, object]:
    """Return an exception's type and place, and never its words."""
    frames = traceback.extract_tb(error.__traceback__)[-PLACES:]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
    return {"error": type(error).__qualname__, "places": places}


def log_crash(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    """Write the end of the process by an unforeseen exception (`sys.excepthook`)."""
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger("gateway").critical("gateway_crashed", **describe(error))


def log_stray(_loop: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:
    """Write an exception that no task awaited (the loop's exception handler)."""
    error = context.get("exception")
    told = describe(error) if isinstance(error, BaseException) else {}
    structlog.get_logger("gateway").error("stray_exception", **told)


class LibraryMessages(logging.Handler):
    """Writes what libraries log, in the gateway's own form."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Write where a message came from, and its template if it is uvicorn's."""
        told: dict[str, object] = {"logger": record.name, "place": f"{record.module}:{record.lineno}"}
        if record.name.startswith("uvicorn") and isinstance(record.msg, str):
            told["message"] = record.msg
        if record.exc_info and record.exc_info[1]:
            told |= describe(record.exc_info[1])
        log = structlog.get_logger("library")
        log.log(max(record.levelno, logging.INFO), "library_message", **told)


def _shape(value: object) -> str:
    """Name the type of a value that JSON cannot hold; its text may be anything."""
    return f"<{type(value).__name__}>"
