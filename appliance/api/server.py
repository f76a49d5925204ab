"""The HTTPS listener: uvicorn with our protocol, TLS 1.2 or newer, a bounded handshake and a bounded drain.

Signals are the process entry's business (`main`), not uvicorn's: its own handlers would end the process with the
signal's status after a clean drain.
"""

import asyncio
import contextlib
import functools
import socket
import ssl
from collections.abc import Callable, Generator

import uvicorn
from fastapi import FastAPI
from typing_extensions import override

from appliance.api.protocol import bounded, make_protocol
from appliance.auth.certificates import Certificates
from appliance.config import Limits
from appliance.errors import ConfigError

HANDSHAKE_TIMEOUT_S = 10.0
"""A TLS handshake takes three packets; asyncio's own 60 s would be a slow-loris's friend."""

DRAIN_S = 30
"""What is in flight at a stop gets this long; longer generations are cut and recorded as cancelled."""

KEEP_ALIVE_S = 75
"""Idle connections stay open this long, longer than load balancers' usual 60 s, so that they close first."""

BACKLOG = 512
"""Connections that the kernel may hold while the loop is busy."""

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and AEAD only (NIST SP 800-52r2 §3.3.1); TLS 1.3's own are all of that kind."""


class Listener(uvicorn.Server):
    """Listens on one bound socket until `should_exit` is set."""

    def __init__(
        self,
        app: FastAPI,
        *,
        bound: socket.socket,
        certificates: Certificates,
        limits: Limits,
        tell: Callable[[], None],
    ) -> None:
        """Take the application, the socket, what it is served with, and whom to tell once it listens."""
        self._bound = bound
        self._tell = tell
        self._context = tls_context(certificates)
        self._protocol = bounded(limits)
        super().__init__(
            uvicorn.Config(
                app,
                http=self._protocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=DRAIN_S,
            )
        )

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            functools.partial(make_protocol, self._protocol, self.config, self.server_state),
            sock=self._bound,
            ssl=self._context,
            ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S,
            backlog=BACKLOG,
        )
        self.servers = [server]
        self.started = True
        self._tell()

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to the process entry."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address.  Raises ConfigError if it is taken or not this machine's."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        message = f"Cannot listen on {host} port {port}: it is taken or not an address of this machine; "
        raise ConfigError(message + "stop what listens there, or choose another --host or --port.") from error
    bound.settimeout(0)
    return bound


def tls_context(certificates: Certificates) -> ssl.SSLContext:
    """Return the server's TLS settings.  Raises ConfigError if certificate and key do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    try:
        context.load_cert_chain(certificates.certificate, certificates.key)
    except (OSError, ssl.SSLError) as error:
        message = (
            f"{certificates.certificate} and its key cannot be used; restore them, or remove both to make new ones."
        )
        raise ConfigError(message, detail=type(error).__name__) from error
    return context
