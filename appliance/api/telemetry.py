"""The gateway's log: one JSON object a line on standard error, constant events, typed fields.

Never input text, headers, or the words of a foreign exception: of an exception only the type and the place are
written.  Libraries that log through the standard library are held to the same (`held_loggers`).
"""

import asyncio
import logging
import sys
from collections.abc import Mapping
from types import TracebackType

import structlog

from appliance.held_loggers import LibraryMessages, describe, hold_loggers


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
    hold_loggers(LibraryMessages())
    logging.getLogger("uvicorn.access").disabled = True  # it would show paths and callers
    sys.excepthook = log_crash


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


def _shape(value: object) -> str:
    """Name the type of a value that JSON cannot hold; its text may be anything."""
    return f"<{type(value).__name__}>"
