"""A real rsyslogd with gnutls on loopback, in a folder of its own: what a hospital's syslog server is."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

RSYSLOGD = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
"""Debian's package rsyslog, with rsyslog-gnutls; missing is a failure, never a skip."""

_CONFIGURATION = """\
global(
  workDirectory="{folder}/work"
  maxMessageSize="16k"
  defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="{ca}"
  defaultNetstreamDriverCertFile="{certificate}"
  defaultNetstreamDriverKeyFile="{key}"
)
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="{mode}")
template(name="fields" type="list") {{
  property(name="pri") constant(value="|")
  property(name="timereported" dateFormat="rfc3339") constant(value="|")
  property(name="app-name") constant(value="|")
  property(name="msgid") constant(value="|")
  property(name="structured-data") constant(value="|")
  property(name="msg") constant(value="\\n")
}}
ruleset(name="keep") {{
  action(type="omfile" file="{folder}/messages")
  action(type="omfile" file="{folder}/fields" template="fields")
}}
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="keep")
"""


class Rsyslog:
    """One syslog server; the port stays the same over restarts."""

    def __init__(
        self, folder: Path, *, ca: Path, certificate: Path, key: Path, client_certificates: bool = False
    ) -> None:
        """Take a folder and the TLS files; with `client_certificates` it refuses clients without one of the CA."""
        self.folder = folder
        self.messages = folder / "messages"
        """What the server keeps, in its own default form."""

        self.fields = folder / "fields"
        """The same, by the fields of RFC 5424."""

        (folder / "work").mkdir(parents=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._configuration = folder / "rsyslog.conf"
        mode = "x509/certvalid" if client_certificates else "anon"
        self._configuration.write_text(
            _CONFIGURATION.format(folder=folder, ca=ca, certificate=certificate, key=key, mode=mode, port=self.port)
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [RSYSLOGD, "-n", "-f", str(self._configuration), "-i", str(self.folder / "pid")],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        end = time.monotonic() + 20
        while not self._listens():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, "rsyslogd does not listen"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it and wait."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def wait_for(self, count: int) -> list[str]:
        """Return the lines with fields once there are so many."""
        end = time.monotonic() + 20
        while True:
            lines = self.fields.read_text().splitlines() if self.fields.exists() else []
            if len(lines) >= count:
                return lines
            assert time.monotonic() < end, f"{len(lines)} of {count} messages; {(self.folder / 'log').read_text()}"
            time.sleep(0.05)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True
