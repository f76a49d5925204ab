"""The syslog witness: each checkpoint as one RFC 5424 message over TLS, framed by octet counting (RFC 5425).

The message's text is the same line that a witness file holds, so what the hospital's syslog server kept can be given to
`audit verify` as it is.  Syslog has no answer: a message is accepted when the server's TLS stack has taken it and has
not hung up; one that is lost all the same is covered by the next.  It cannot be asked back at start.
"""

import os
import re
import select
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime

from audit.canonical import encode
from audit.checkpoint import Statement, read_checkpoint
from audit.errors import WitnessError
from audit.keyring.signatures import VerifierKey
from audit.witness.tls import TlsTarget

PRIORITY = 13 * 8 + 5
"""Facility 13, log audit; severity 5, notice (RFC 5424 section 6.2.1)."""

APPLICATION = "audit-recorder"
"""APP-NAME of every message."""

MESSAGE_ID = "checkpoint"
"""MSGID of every message."""

STRUCTURE_ID = "checkpoint@32473"
"""SD-ID; 32473 is the enterprise number that RFC 5612 leaves for those without one."""

HANGUP_S = 0.1
"""A server that refuses the client's certificate says so just after the first message (TLS 1.3)."""

MAX_HOSTNAME = 255
"""RFC 5424 section 6.2.4."""


class SyslogSender:
    """One connection to a syslog server, made anew whenever it is lost.  Owned by one thread at a time."""

    kind = "syslog"
    cosigned = ""

    def __init__(
        self, target: TlsTarget, *, name: str, keys: Sequence[VerifierKey], hangup_s: float = HANGUP_S
    ) -> None:
        """Take where the server listens and the log's public keys; nothing is connected yet."""
        self.name = name
        self._target = target
        self._keys = keys
        self._hangup_s = hangup_s
        self._connection: ssl.SSLSocket | None = None

    def confirm(self, note: str) -> None:
        """Reach the server; it cannot say what it remembers."""
        read_checkpoint(note, self._keys)
        self._connected()

    def publish(self, note: str, *, time_ms: int) -> None:
        """Send one checkpoint.  Raises WitnessError if the server did not take it."""
        message = syslog_message(read_checkpoint(note, self._keys), note=note, time_ms=time_ms)
        connection = self._connected()
        try:
            with self._target.told(self._where), self._target.deadline(connection):
                connection.sendall(frame(message))
                _check_open(connection, wait_s=self._hangup_s)
        except WitnessError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection, telling the server that this is the end (RFC 5425 section 4.4)."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.settimeout(self._hangup_s)
            connection.unwrap()
        except (OSError, ValueError):
            pass  # The server has gone already.
        finally:
            connection.close()

    @property
    def _where(self) -> str:
        return f"the witness {self.name} ({self._target.where})"

    def _connected(self) -> ssl.SSLSocket:
        """Return the open connection, or a new one if the server has hung up."""
        if self._connection is not None:
            try:
                _check_open(self._connection, wait_s=0.0)
            except OSError:
                self.close()
        if self._connection is None:
            self._connection = self._target.connect(where=self._where)
        return self._connection


def frame(message: bytes) -> bytes:
    """Return a message with its octet count (RFC 5425 section 4.3)."""
    return str(len(message)).encode() + b" " + message


def syslog_message(checkpoint: Statement, *, note: str, time_ms: int) -> bytes:
    """Return the RFC 5424 message of a checkpoint; its text is a line of a witness file without the final LF."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    host = re.sub(r"[^!-~]", "", socket.gethostname())[:MAX_HOSTNAME] or "-"
    data = f'[{STRUCTURE_ID} origin="{checkpoint.origin}" size="{checkpoint.size}" root="{checkpoint.root.hex()}"]'
    header = f"<{PRIORITY}>1 {moment} {host} {APPLICATION} {os.getpid()} {MESSAGE_ID} {data} "
    return header.encode() + encode({"v": 1, "time": time_ms, "note": note})


def _check_open(connection: ssl.SSLSocket, *, wait_s: float) -> None:
    """Raise OSError if the server has hung up; a syslog server never says anything else."""
    readable, _, _ = select.select([connection], [], [], wait_s)
    if not readable and not connection.pending():
        return
    connection.settimeout(wait_s or 0.001)
    try:
        if not connection.recv(1):
            raise ConnectionResetError("the server has closed the connection")
    except TimeoutError:
        return  # TLS bookkeeping, such as a session ticket: nothing was said.
    finally:
        connection.settimeout(None)
