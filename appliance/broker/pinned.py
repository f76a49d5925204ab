"""Connects to the one pinned endpoint, and to nothing else whatever it is asked for.

It stands below the HTTP library, where every connection must pass: a redirect, a proxy or an SDK's own idea of a host
ends here.  Nothing is written before the other end has proven itself.
"""

import ssl
from collections.abc import Iterable
from contextlib import suppress

import httpcore2
from typing_extensions import override

from appliance.broker.resolve import Addresses, UnreachableHostError
from appliance.broker.tls import client_context, is_pinned
from appliance.policy.register import Endpoint

CONNECT_WITHIN_S = 5.0
"""For one address: three SYN retransmissions (RFC 6298 2.1) and a handshake across an ocean."""


class UntrustedHostError(httpcore2.ConnectError):
    """Say that the other end did not prove to be the pinned host."""


class PinnedBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections to one endpoint; owned by its egress."""

    def __init__(self, endpoint: Endpoint, addresses: Addresses) -> None:
        """Take the endpoint and where it may be."""
        self._endpoint = endpoint
        self._addresses = addresses
        self._sockets = httpcore2.AnyIOBackend()
        self.context = client_context(endpoint)
        """Trusts what the register pins, and nothing else."""

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first pinned address that answers.  Raises httpcore2.ConnectError."""
        if (host, port) != (self._endpoint.host, self._endpoint.port):
            raise UntrustedHostError("another host than the pinned one was asked for")
        try:
            addresses = await self._addresses.find()
        except UnreachableHostError as error:
            raise httpcore2.ConnectError("no pinned address is known") from error
        return _PinnedStream(await self._first_of(addresses), self._endpoint, self.context)

    @override
    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse: no provider is a local socket.  Raises UntrustedHostError."""
        raise UntrustedHostError("another host than the pinned one was asked for")

    async def _first_of(self, addresses: Iterable[str]) -> httpcore2.AsyncNetworkStream:
        for address in addresses:
            with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                return await self._sockets.connect_tcp(address, self._endpoint.port, timeout=CONNECT_WITHIN_S)
        raise httpcore2.ConnectError("no pinned address answers")


class _PinnedStream(httpcore2.AsyncNetworkStream):
    """A connection that only becomes useful by its TLS handshake."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, endpoint: Endpoint, context: ssl.SSLContext) -> None:
        self._stream = stream
        self._endpoint = endpoint
        self._context = context

    @override
    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        try:
            secured = await self._stream.start_tls(self._context, self._endpoint.host, CONNECT_WITHIN_S)
        except httpcore2.ConnectError as error:
            if isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise UntrustedHostError("the certificate is not vouched for by the pinned authority") from None
            raise
        session: ssl.SSLObject = secured.get_extra_info("ssl_object")
        if not is_pinned(session.getpeercert(binary_form=True), self._endpoint.spki_sha256):
            await secured.aclose()
            raise UntrustedHostError("the certificate's key is not a pinned one")
        return secured

    @override
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        raise UntrustedHostError("nothing is read before the handshake")

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        raise UntrustedHostError("nothing is written before the handshake")

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()
