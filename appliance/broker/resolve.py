"""Says at which addresses a pinned host may be reached: the register's word first, DNS never alone.

Single addresses of the register are taken as they stand and no name is looked up.  Where the register holds ranges,
the name is looked up and only members of a range are used: a DNS answer that points elsewhere opens nothing (DNS
rebinding, a poisoned cache).
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from appliance.policy.register import Endpoint

LOOKUP_WITHIN_S = 5.0
"""As long as glibc's resolver waits for one server (resolv.conf(5), ``timeout``)."""

MAX_TRIED = 4
"""Addresses that are tried for one connection; vendors publish two to eight."""

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Asks DNS: the addresses of a host.  Raises OSError."""


class UnreachableHostError(OSError):
    """Say that no address of the register is known for a host."""


class Addresses:
    """The addresses of one endpoint; owned by its egress."""

    def __init__(self, endpoint: Endpoint, *, lookup: Lookup | None = None) -> None:
        """Take the endpoint and, for tests, who asks DNS."""
        self._endpoint = endpoint
        self._ranges = tuple(ipaddress.ip_network(each, strict=False) for each in endpoint.addresses)
        self._lookup = look_up if lookup is None else lookup

    async def find(self) -> tuple[str, ...]:
        """Return the addresses to try, in order.  Raises UnreachableHostError."""
        if all(each.num_addresses == 1 for each in self._ranges):
            return tuple(str(each.network_address) for each in self._ranges)[:MAX_TRIED]
        try:
            async with asyncio.timeout(LOOKUP_WITHIN_S):
                found = await self._lookup(self._endpoint.host, self._endpoint.port)
        except (OSError, TimeoutError) as error:
            raise UnreachableHostError("the name could not be looked up") from error
        members = tuple(address for address in dict.fromkeys(found) if self._is_member(address))
        if not members:
            raise UnreachableHostError("the name has no address in the register's ranges")
        return members[:MAX_TRIED]

    def _is_member(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in each for each in self._ranges)


async def look_up(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver.  Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
