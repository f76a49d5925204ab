"""TLS to one witness: one host, one CA, one deadline for everything that is said.

No proxy, no redirect, no other CA than the one that the site has pinned, TLS 1.2 or newer.  A peer that answers one
byte at a time is cut off at the deadline like one that does not answer.  Text of the peer or of the TLS library never
gets into an error: only what kind of failure it was.

The recorder of a site has no network of its own: there the connection goes through the Unix socket of a *relay*, which
passes bytes on to the one address that it is set to.  TLS runs end to end through it, with the witness's own name and
certificate, so a relay that is somebody else can cut the connection and nothing more.
"""

import contextlib
import dataclasses
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from audit.errors import SettingsError, WitnessError

DEADLINE_S = 8.0
"""For connecting, handshake, request and answer together: a witness in the building answers in milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsTarget:
    """Where a witness listens, and what is believed of it."""

    host: str
    port: int
    context: ssl.SSLContext = field(repr=False)
    deadline_s: float = DEADLINE_S
    relay: Path | None = None
    """The Unix socket that passes bytes on to the witness; None to connect to it directly."""

    @property
    def where(self) -> str:
        """Return the way to the witness in words, for errors."""
        return f"{self.host}:{self.port}" + (f" through {self.relay}" if self.relay else "")

    def through(self, relay: Path | None) -> Self:
        """Return the same target, reached through a relay."""
        return dataclasses.replace(self, relay=relay)

    @classmethod
    def load(cls, host: str, port: int, *, ca: Path, certificate: Path | None = None, key: Path | None = None) -> Self:
        """Read the CA, and the client's own certificate where there is one.  Raises SettingsError naming the file."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_verify_locations(cafile=ca)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"{ca} holds no CA certificate in PEM that can be read; correct 'ca'") from error
        if certificate is not None:
            try:
                context.load_cert_chain(certificate, key)
            except (OSError, ssl.SSLError) as error:
                raise SettingsError(
                    f"{certificate} and its key cannot be used; both are PEM, the key without passphrase"
                ) from error
        return cls(host=host, port=port, context=context)

    def connect(self, *, where: str) -> ssl.SSLSocket:
        """Return a connection whose certificate is the host's, by the pinned CA.  Raises WitnessError."""
        with self.told(where):
            plain = self._reach() if self.relay is None else self._reach_relay(self.relay)
            connection = self.context.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
            try:
                with self.deadline(connection):
                    connection.do_handshake()
            except OSError:
                connection.close()
                raise
            return connection

    def _reach(self) -> socket.socket:
        plain = socket.create_connection((self.host, self.port), timeout=self.deadline_s)
        # Headers and body are two writes: without this each request waits for the peer's delayed acknowledgement.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain

    def _reach_relay(self, relay: Path) -> socket.socket:
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        plain.settimeout(self.deadline_s)
        try:
            plain.connect(str(relay))
        except OSError:
            plain.close()
            raise
        return plain

    @contextlib.contextmanager
    def deadline(self, connection: ssl.SSLSocket) -> Iterator[None]:
        """End the connection when the deadline passes, however slowly its peer goes on talking."""
        timer = threading.Timer(self.deadline_s, _cut, (connection,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextlib.contextmanager
    def told(self, where: str) -> Iterator[None]:
        """Turn failures of the network and of TLS into WitnessError, saying what to look at."""
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            raise WitnessError(
                f"{where}: its certificate is not valid for it ({error.verify_message or 'not verified'});"
                " check the CA in the settings, the host's name and the dates"
            ) from error
        except ssl.SSLError as error:
            reason = error.reason or "cut off"
            raise WitnessError(f"{where} does not speak TLS with us ({reason}); check its log") from error
        except TimeoutError as error:
            raise WitnessError(
                f"{where} does not answer within {self.deadline_s:.0f} seconds; check that it runs"
            ) from error
        except OSError as error:
            raise WitnessError(f"{where} cannot be reached ({type(error).__name__}); check that it runs") from error


def _cut(connection: ssl.SSLSocket) -> None:
    # The plain socket's shutdown: the TLS one would forget its keys while another thread may still write.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
