"""Finding identifiers reaches nobody, asks no name server and leaves no file: not in Python, not below it.

A child process notes what Python's own audit hook sees (PEP 578) and, by a small library that stands before the C
library, what native code does that Python cannot see, such as the runtime of the models.
"""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.config import CHECKOUT
from tests.support.canaries import NAME, NOTE

MODELS = CHECKOUT / "var" / "models" / "guard"
SOURCE = CHECKOUT / "tests" / "support" / "seen_sockets.c"

has_models = pytest.mark.skipif(
    not MODELS.exists(), reason="the guard's models are not here; 'make gateway' fills them"
)

PROBE = ["socket.__new__", "socket.bind"]
"""urllib3, which Presidio imports, asks the kernel once whether it knows IPv6, by a socket that it closes at once."""

WATCHED = """
import json, os, sys

events = []

def look(event, arguments):
    if event.startswith(("socket.", "urllib.", "http.", "ftplib.", "smtplib.", "subprocess.", "os.system", "os.exec")):
        events.append(event)
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        events.append(f"writes {arguments[0]}")

sys.addaudithook(look)
"""

FINDS = """
from pathlib import Path
from appliance.phi.analyzer import Analyzer
from appliance.phi.settings import Site

events.append("imported")
analyzer = Analyzer.open(Path(sys.argv[1]), site=Site(facilities=("Kestrelmoor",)))
text = sys.argv[2] + " Mail zs@kestrelmoor.example or see https://www.kestrelmoor.example/a?b=c or 192.0.2.7."
found = analyzer.find(text) + analyzer.find(text * 20)
words = [text[each.start : each.end] for each in found if each.end <= len(text)]
"""

CONNECTS = """
import socket
with socket.socket() as one:
    one.connect_ex(("127.0.0.1", 9))
open(os.path.join(os.environ["HOME"], "left"), "w").close()
words = []
"""

BELOW_PYTHON = """
import ctypes
ctypes.CDLL(None).socket(2, 1, 0)
words = []
"""

TOLD = """
events, links = list(events), [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
sockets = [link for link in links if os.path.islink(link) and "socket" in os.readlink(link)]
print(json.dumps({"events": events, "words": words, "sockets": sockets}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a child did."""

    events: list[str]
    """Of Python."""

    below: list[str]
    """Of the C library."""

    sockets: list[str]
    """Open at the end."""

    words: list[str]
    home: list[str]
    """Files that it left in its home folder."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the library that notes the calls."""
    built = tmp_path_factory.mktemp("library") / "seen_sockets.so"
    compiler = shutil.which("cc") or "cc"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(built), str(SOURCE), "-ldl"], check=True)
    return built


def child(code: str, *, library: Path, folder: Path) -> Told:
    """Run code in a process of its own with an empty home."""
    home, seen = folder / "home", folder / "seen"
    home.mkdir()
    environment = {"HOME": str(home), "LD_PRELOAD": str(library), "SEEN_SOCKETS": str(seen), "TMPDIR": str(home)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    command = [sys.executable, "-c", WATCHED + code + TOLD, str(MODELS), NOTE]
    done = subprocess.run(
        command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    below = seen.read_text().split() if seen.exists() else []
    left = [str(file.relative_to(home)) for file in home.rglob("*")]
    return Told(events=told["events"], below=below, sockets=told["sockets"], words=told["words"], home=left)


@has_models
def test_finding_opens_no_socket_and_leaves_no_file(library: Path, tmp_path: Path) -> None:
    told = child(FINDS, library=library, folder=tmp_path)

    assert NAME in told.words
    assert told.events in (["imported"], [*PROBE, "imported"])
    assert told.below in ([], ["socket"])
    assert (told.sockets, told.home) == ([], [])


def test_the_watch_sees_python_connect_and_a_file_that_is_left(library: Path, tmp_path: Path) -> None:
    told = child(CONNECTS, library=library, folder=tmp_path)

    assert {"socket.__new__", "socket.connect"} <= set(told.events)
    assert told.below == ["socket", "connect"]
    assert told.home == ["left"]


def test_the_watch_sees_what_python_does_not(library: Path, tmp_path: Path) -> None:
    told = child(BELOW_PYTHON, library=library, folder=tmp_path)

    assert told.events == []
    assert told.below == ["socket"]
    assert len(told.sockets) == 1
