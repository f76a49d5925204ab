"""The console's own log: JSON lines on standard error, constant events, typed fields, never a value of the trail."""

import logging
import sys

import structlog


def configure_journal() -> None:
    """Send structlog's lines to standard error as JSON, and silence uvicorn's, whose lines hold paths."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logging.getLogger(name).disabled = True
