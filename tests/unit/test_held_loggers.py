"""Whatever a library says, and however it has set its loggers up, its words reach no log."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from appliance.held_loggers import HELD, HeldRecord, LibraryMessages, describe

SECRET = "Quillon Ysterbrandt"

HELD_IN_A_CHILD = """
import logging, sys, structlog, threading, warnings
from appliance.held_loggers import LibraryMessages, hold_loggers
structlog.configure(
    processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.PrintLoggerFactory(sys.stderr)
)
WORDS = "Quillon Ysterbrandt"
"""

HOLD = "hold_loggers(LibraryMessages())\n"


def child(code: str, *, hold: bool = True) -> str:
    """Run a script in a process of its own, whose loggers are held or not; return all that it printed."""
    script = HELD_IN_A_CHILD + (HOLD if hold else "") + code
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@pytest.fixture
def caught() -> Iterator[Exception]:
    """Return an exception with a traceback and words that must not be repeated."""
    try:
        int(SECRET)
    except ValueError as error:
        yield error


WAYS_TO_SPEAK = {
    "as an argument": "logging.getLogger('presidio-analyzer').warning('found %s', WORDS)",
    "in the message": "logging.getLogger('spacy').error(f'found {WORDS}')",
    "with an exception": """
try:
    int(WORDS)
except ValueError:
    logging.getLogger('openai').exception('cannot read it')""",
    "as an object that prints itself": "logging.getLogger('httpx').error(ValueError(WORDS))",
    "with the stack": "logging.getLogger('botocore').error('%s', WORDS, stack_info=True)",
    "as a warning": "warnings.warn(WORDS, UserWarning)",
    "at the end of the process": "raise ValueError(WORDS)",
    "at the end of a thread": """
def fail():
    raise ValueError(WORDS)
thread = threading.Thread(target=fail)
thread.start()
thread.join()""",
    "where nobody can catch it": """
class Broken:
    def __del__(self):
        raise ValueError(WORDS)
Broken()""",
    "as an exception that no task awaited": """
import asyncio, gc
async def fail():
    raise ValueError(WORDS)
async def main():
    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    del task
    gc.collect()
asyncio.run(main())""",
}


@pytest.mark.parametrize("code", WAYS_TO_SPEAK.values(), ids=WAYS_TO_SPEAK.keys())
def test_a_librarys_words_are_held_and_that_it_spoke_is_told(code: str) -> None:
    loud, quiet = child(code, hold=False), child(code)

    assert SECRET in loud
    assert SECRET not in quiet
    assert [json.loads(line)["event"] for line in quiet.splitlines() if line.startswith("{")] == ["library_message"]


def test_a_library_that_sets_up_a_handler_of_its_own_later_says_nothing_through_it() -> None:
    code = """
own = logging.getLogger('decision_process')
own.addHandler(logging.StreamHandler(sys.stdout))
own.propagate = False
own.error(WORDS)
"""
    assert child(code, hold=False).strip() == SECRET
    assert child(code).strip() == HELD


def test_what_is_below_a_warning_is_dropped_even_for_a_logger_that_was_turned_up() -> None:
    code = """
for name in ("openai", "anthropic", "httpcore", "presidio-analyzer"):
    one = logging.getLogger(name)
    one.setLevel(logging.DEBUG)
    one.addHandler(logging.StreamHandler())
    one.info(WORDS)
    one.debug(WORDS)
"""
    assert SECRET in child(code, hold=False)
    assert child(code) == ""


def test_handlers_that_a_library_set_up_before_are_taken_away() -> None:
    early = "early = logging.getLogger('spacy')\nearly.addHandler(logging.StreamHandler(sys.stdout))\n"

    said = child(f"{early}{HOLD}early.error(WORDS)", hold=False)

    assert [json.loads(line)["logger"] for line in said.splitlines()] == ["spacy"]


def test_a_constant_template_of_the_server_is_told_without_its_arguments(caught: Exception) -> None:
    info = (type(caught), caught, caught.__traceback__)
    with capture_logs() as logs:
        for name, message in (("uvicorn.error", "Invalid %s"), ("asyncio", f"future {SECRET}"), ("uvicorn", caught)):
            LibraryMessages().emit(HeldRecord(name, logging.ERROR, "x.py", 7, message, (SECRET,), info))

    assert [entry.get("message") for entry in logs] == ["Invalid %s", None, None]
    assert all(entry["error"] == "ValueError" for entry in logs)
    assert SECRET not in str(logs)


def test_a_record_that_was_made_elsewhere_is_told_by_its_place_only() -> None:
    record = logging.LogRecord("other", logging.ERROR, "x.py", 7, SECRET, (), None)

    with capture_logs() as logs:
        LibraryMessages().emit(record)

    assert logs == [{"event": "library_message", "log_level": "error", "logger": "other", "place": "x:7"}]


def test_a_held_record_keeps_no_words(caught: Exception) -> None:
    info = (type(caught), caught, caught.__traceback__)

    record = HeldRecord("spacy", logging.ERROR, "x.py", 7, f"found {SECRET}", (SECRET,), info, "f", f"stack {SECRET}")

    assert SECRET not in str(vars(record))
    assert record.getMessage() == HELD


def test_an_exception_is_described_by_type_and_place_only(caught: Exception) -> None:
    told = describe(caught)

    assert told["error"] == "ValueError"
    assert SECRET not in str(told)


def test_a_crash_of_a_command_shows_where_and_not_what() -> None:
    code = (
        "from appliance import __main__ as it\n"
        "from appliance.cli import root\n"
        "@root.app.command('fail')\n"
        f"def fail():\n    raise ValueError({SECRET!r})\n"
        "it.sys.argv = ['appliance', 'fail']\n"
        "it.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1
    assert "ValueError: its words are held" in done.stderr
    assert "in fail" in done.stderr
    assert SECRET not in done.stderr
