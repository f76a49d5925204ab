"""The other end of a witness's connection: a scripted TLS server, and the real cosigner in a process of its own."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from audit.cosigner.keys import make_cosigner
from tests.support.witnesses import Authority, SignedLog

ROOT = Path(__file__).parents[2]

Script = Callable[[ssl.SSLSocket], None]
"""What the server does with one connection."""


class ScriptedPeer:
    """A TLS server on loopback that runs one script for each connection."""

    def __init__(
        self, authority: Authority, script: Script, *, host: str = "localhost", ca: Path | None = None
    ) -> None:
        """Take who signs the certificate, the script, and a CA that clients must have a certificate of."""
        certificate, key = authority.issue(f"peer-{host}", host=host)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        if ca is not None:
            self._context.load_verify_locations(ca)
            self._context.verify_mode = ssl.CERT_REQUIRED
        self.script = script
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._run, args=(plain,), daemon=True).start()

    def _run(self, plain: socket.socket) -> None:
        plain.settimeout(20)
        with contextlib.suppress(OSError), self._context.wrap_socket(plain, server_side=True) as connection:
            self.script(connection)


@contextlib.contextmanager
def scripted_peer(authority: Authority, script: Script, *, ca: Path | None = None) -> Iterator[ScriptedPeer]:
    """Serve a script until the block ends."""
    peer = ScriptedPeer(authority, script, ca=ca)
    try:
        yield peer
    finally:
        peer.close()


@contextlib.contextmanager
def relay(path: Path, port: int) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Pass what comes in at a Unix socket on to a port of loopback, as systemd-socket-proxyd does; give what came."""
    came: list[tuple[socket.socket, socket.socket]] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=_relay, args=(listener, port, came), daemon=True)
        thread.start()
        try:
            yield came
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for end in (end for pair in came for end in pair):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()


def _relay(listener: socket.socket, port: int, came: list[tuple[socket.socket, socket.socket]]) -> None:
    with contextlib.suppress(OSError):
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", port))
            came.append((near, far))
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def read_request(connection: ssl.SSLSocket) -> bytes:
    """Return the body of one HTTP request; empty at the end of the connection."""
    head = b""
    while b"\r\n\r\n" not in head:
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        head += chunk
    head, _, body = head.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return body


def http_answer(status: int, body: bytes = b"", *, content_type: str = "text/plain", extra: str = "") -> bytes:
    """Return the bytes of one HTTP answer."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


class CosignerProcess:
    """The real witness service of a second appliance, in a child process."""

    def __init__(self, home: Path, authority: Authority, *, name: str = "witness.example/w1") -> None:
        """Take a folder of its own and who signs its certificate."""
        self.home = home
        make_cosigner(home, name=name)
        self.logs = home / "logs"
        self.logs.mkdir(exist_ok=True)
        self.keys = home / "cosigner.keys"
        self._certificate, self._key = authority.issue("cosigner")
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    def watch(self, log: SignedLog) -> None:
        """Let it cosign a log."""
        log.write_keys(self.logs / "watched.keys")

    def start(self) -> None:
        """Start it and wait until it listens; the port stays the same over restarts."""
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "audit.cosigner", "--home", str(self.home), "--port", str(self.port),
                "--certificate", str(self._certificate), "--key", str(self._key),
            ],
            stderr=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        assert self.process.stderr is not None
        line = json.loads(self.process.stderr.readline())
        assert line["event"] == "cosigner.ready", line
        self.port = line["port"]
        end = time.monotonic() + 20
        while not _answers(self.port):
            assert time.monotonic() < end, "the cosigner does not listen"
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill it as a power cut would."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def stop(self) -> tuple[int, str]:
        """Ask it to stop; return its exit code and its log."""
        assert self.process is not None
        self.process.terminate()
        _, log = self.process.communicate(timeout=30)
        return self.process.returncode, log


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
