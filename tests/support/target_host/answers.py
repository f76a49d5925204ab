"""Whoever is outside answers: a TCP server for each address and port given, and a UDP echo.  Runs in a world.

``python answers.py tcp:198.51.100.66:443 udp:198.51.100.53:53``.  It prints one line when all of them listen.
"""

import asyncio
import sys


class Echo(asyncio.DatagramProtocol):
    """Answers a datagram with itself."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Send it back."""
        if isinstance(self.transport, asyncio.DatagramTransport):
            self.transport.sendto(data, addr)


async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say a word and close."""
    writer.write(b"outside\n")
    writer.close()


async def main(places: list[str]) -> None:
    """Listen everywhere until the world ends."""
    servers = []
    for place in places:
        kind, address = place.split(":", 1)
        host, port = address.rsplit(":", 1)
        host = host.strip("[]")
        if kind == "tcp":
            servers.append(await asyncio.start_server(greet, host, int(port)))
        else:
            loop = asyncio.get_running_loop()
            servers.append((await loop.create_datagram_endpoint(Echo, local_addr=(host, int(port))))[0])
    sys.stdout.write("up\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


asyncio.run(main(sys.argv[1:]))
