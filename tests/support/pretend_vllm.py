"""A program that starts, generates, drains and fails as vLLM does, in fifty milliseconds and on the same command line.

It stands in ``config.engine.python``'s place.  What it does can be changed while it runs, by files in its home:
``sick`` makes every completion an error, ``stubborn`` makes it ignore SIGTERM.  It writes ``asked`` (a byte a
completion) and ``child`` (the pid of a process that it leaves behind).
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from appliance.config import Config, EngineConfig
from tests.support.model_folders import pinned_folder

SCRIPT = """\
import http.server, json, os, pathlib, signal, socketserver, subprocess, sys, threading, time
home = pathlib.Path(os.environ["HOME"])
if (home / "broken").exists():
    sys.exit(7)
child = subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"])
(home / "child").write_text(str(child.pid))
ANSWER = json.dumps({"choices": [{"message": {"content": "OK"}, "finish_reason": "length"}]}).encode()
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        with (home / "asked").open("a") as asked:
            asked.write(".")
        self.send_response(500 if (home / "sick").exists() else 200)
        self.send_header("content-length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)
    def log_message(self, *_):
        pass
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
server = Server(sys.argv[sys.argv.index("--uds") + 1], Handler)
def end(*_):
    if not (home / "stubborn").exists():
        time.sleep(0.2)  # what is in flight
        (home / "drained").touch()
        os._exit(0)
signal.signal(signal.SIGTERM, end)
server.serve_forever(poll_interval=0.05)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PretendEngine:
    """A home folder whose engine is the pretended one."""

    config: Config

    def has(self, name: str) -> bool:
        """Say whether a file stands in the engine's home."""
        return (self.config.engine_home / name).exists()

    def put(self, name: str) -> None:
        """Put a file into the engine's home."""
        self.config.engine_home.mkdir(mode=0o700, exist_ok=True)
        (self.config.engine_home / name).touch()

    def take(self, name: str) -> None:
        """Take it away again."""
        (self.config.engine_home / name).unlink()

    @property
    def asked(self) -> int:
        """Return how many completions were asked for."""
        return (self.config.engine_home / "asked").stat().st_size if self.has("asked") else 0

    @property
    def child(self) -> int:
        """Return the process that it leaves behind."""
        return int((self.config.engine_home / "child").read_text())


def pretend_engine(folder: Path) -> PretendEngine:
    """Make a home with pinned weights and this program as its engine."""
    program = folder / "python"
    program.write_text(f"#!{sys.executable} -IS\n{SCRIPT}")
    program.chmod(0o755)
    model = pinned_folder(folder / "model")
    return PretendEngine(config=Config(home=folder, engine=EngineConfig(python=program, model=model)))
