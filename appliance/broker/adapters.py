"""One adapter a provider, with its kept connections, for as long as the register says the same of the provider.

An entry of the register that changed gets an adapter of its own, so nothing of an old address, certificate or name is
used again; the old one is closed once nobody uses it.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from appliance.broker.providers.adapter import Adapter
from appliance.policy.register import Provider, Register


@dataclass(slots=True)
class _Held:
    provider: Provider
    adapter: Adapter
    users: int = 0


class Adapters:
    """Make adapters when they are needed and close them when they are not; owned by the broker's event loop."""

    def __init__(self, make: Callable[[Provider], Adapter]) -> None:
        """Take what makes one."""
        self._make = make
        self._held: dict[str, _Held] = {}

    @asynccontextmanager
    async def of(self, provider: Provider) -> AsyncIterator[Adapter]:
        """Give the adapter of this very entry of the register."""
        held = self._held.get(provider.name)
        if held is None or held.provider != provider:
            await self._drop(provider.name)
            held = self._held[provider.name] = _Held(provider, self._make(provider))
        held.users += 1
        try:
            yield held.adapter
        finally:
            held.users -= 1
            if not held.users and self._held.get(provider.name) is not held:
                await held.adapter.aclose()

    async def keep(self, register: Register) -> None:
        """Close the adapters whose entry is no longer in the register as it was."""
        for held in tuple(self._held.values()):
            if register.get(held.provider.name) != held.provider:
                await self._drop(held.provider.name)

    async def aclose(self) -> None:
        """Close all."""
        for name in tuple(self._held):
            await self._drop(name)

    async def _drop(self, name: str) -> None:
        held = self._held.pop(name, None)
        if held is not None and not held.users:
            await held.adapter.aclose()
