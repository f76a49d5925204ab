import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from appliance.api.telemetry import log_crash, log_stray

SECRET = "Jane Canary"


@pytest.fixture
def caught() -> Iterator[Exception]:
    """Return an exception with a traceback and words that must not be repeated."""
    try:
        int(SECRET)
    except ValueError as error:
        yield error


async def test_a_crash_and_a_stray_exception_are_told_without_their_words(caught: Exception) -> None:
    loop = asyncio.get_running_loop()
    with capture_logs() as logs:
        log_crash(type(caught), caught, None)
        log_crash(KeyboardInterrupt, KeyboardInterrupt(), None)
        log_stray(loop, {"exception": caught, "message": SECRET})
        log_stray(loop, {"message": SECRET})

    assert [entry["event"] for entry in logs] == ["gateway_crashed", "stray_exception", "stray_exception"]
    assert SECRET not in str(logs)


def test_the_log_is_one_json_object_a_line_also_for_libraries() -> None:
    script = (
        "import logging, structlog, warnings\n"
        "from appliance.api.telemetry import configure_logging\n"
        "configure_logging()\n"
        "structlog.get_logger('x').info('event', value=object(), number=1)\n"
        "logging.getLogger('uvicorn.error').warning('said %s', 'Jane')\n"
        "logging.getLogger('uvicorn.access').warning('GET /Jane')\n"
        "warnings.warn('Jane')\n"
        "raise ValueError('Jane')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    entries = [json.loads(line) for line in done.stderr.splitlines()]
    assert [entry["event"] for entry in entries] == ["event", "library_message", "library_message", "gateway_crashed"]
    assert entries[0]["value"] == "<object>"
    assert "Jane" not in done.stderr
