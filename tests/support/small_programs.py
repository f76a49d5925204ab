"""Small programs in the place of the five, for tests of the supervisor alone: they start in milliseconds.

Each listens on a Unix socket and appends what happens to it to ``events``; the gateway also answers /readyz over HTTPS.
"""

import sys

from appliance.auth.certificates import Certificates, ensure_certificates
from appliance.cli.supervisor_child import Program
from appliance.cli.supervisor_probes import is_port_open, is_socket_open
from appliance.cli.supervisor_state import Running, boot_id
from appliance.config import Config
from appliance.errors import ApplianceError

LISTENER = """
import os, signal, socket, sys, time
name, path, events = sys.argv[1:4]
def say(what):
    with open(events, "a") as file: file.write(f"{name} {what}\\n")
def stop(number, frame):
    say("stopped"); sys.exit(0)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGHUP, lambda number, frame: say("reloaded"))
if os.path.exists(path): os.unlink(path)
server = socket.socket(socket.AF_UNIX); server.bind(path); server.listen(8); say("started")
while True: server.accept()[0].close()
"""

GATEWAY = """
import http.server, signal, ssl, sys
name, port, events, certificate, key, status = sys.argv[1:7]
def say(what):
    with open(events, "a") as file: file.write(f"{name} {what}\\n")
def stop(number, frame):
    say("stopped"); sys.exit(0)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGHUP, lambda number, frame: say("reloaded"))
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"reasons": [{"code": "engine_down"}]}'
        self.send_response(int(status)); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Ready)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
say("started")
server.serve_forever()
"""


async def _no_check() -> None:
    return


def small_programs(
    config: Config, *, ready: bool = True, broken: str = "", refused: ApplianceError | None = None
) -> dict[str, Program]:
    """Return five programs; `broken` names one that dies at once, `refused` is what the engine's check raises."""
    certificates = ensure_certificates(config.tls, ["127.0.0.1"])
    made = {name: _listener(config, name) for name in ("recorder", "broker", "console", "engine")}
    made["gateway"] = _gateway(config, certificates, status=200 if ready else 503)
    if broken:
        made[broken] = _changed(made[broken], command=(sys.executable, "-c", "raise SystemExit('no such luck')"))
    if refused is not None:
        made["engine"] = _changed(made["engine"], check=_refusing(refused))
    return made


def running_of(config: Config) -> Running:
    """Return the addresses that the supervisor publishes."""
    return Running(
        pid=1, boot=boot_id(), since="2026-11-23T00:00:00+00:00", home=config.home,
        url=f"https://127.0.0.1:{config.port}", console_url="", metrics_url="", ca=config.tls / "ca.crt",
    )  # fmt: skip


def events(config: Config) -> list[str]:
    """Return what happened so far, in order."""
    file = config.home / "events"
    return file.read_text().splitlines() if file.exists() else []


def _listener(config: Config, name: str) -> Program:
    path = config.run / f"{name}.sock"
    command = (sys.executable, "-c", LISTENER, name, str(path), str(config.home / "events"))
    return _program(config, name, command, is_listening=lambda: is_socket_open(path))


def _gateway(config: Config, certificates: Certificates, *, status: int) -> Program:
    files = (str(certificates.certificate), str(certificates.key), str(status))
    command = (sys.executable, "-c", GATEWAY, "gateway", str(config.port), str(config.home / "events"), *files)
    return _program(config, "gateway", command, is_listening=lambda: is_port_open("127.0.0.1", config.port))


def _program(config: Config, name: str, command: tuple[str, ...], is_listening: object) -> Program:
    return Program(
        name=name,
        command=command,
        environment={},
        folder=config.home,
        log=config.log / f"{name}.log",
        is_listening=is_listening,  # type: ignore[arg-type]
        check=_no_check,
        stop_s=5.0,
    )


def _changed(program: Program, **changes: object) -> Program:
    return Program(**{**{name: getattr(program, name) for name in Program.__slots__}, **changes})


def _refusing(error: ApplianceError) -> object:
    async def check() -> None:
        raise error

    return check
