"""One adapter a provider, with its kept connections, for as long as the register says the same of the provider.

An entry of the register that changed gets an adapter of its own, so nothing of an old address, certificate or name is
used again; the old one is closed once nobody uses it.  The vendors' SDKs are loaded once the register names anybody:
they take seconds and much memory, and an appliance that escalates nothing carries no code that could.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module

from appliance.broker.providers.adapter import Adapter
from appliance.policy.register import Provider, Register

Make = Callable[[Provider], Adapter]
"""Makes the adapter of an entry of the register."""


def load_sdks() -> Make:
    """Load the vendors' SDKs and return what makes their adapters."""
    make: Make = import_module("appliance.broker.providers.choose").adapter_for
    return make


@dataclass(slots=True)
class _Held:
    provider: Provider
    adapter: Adapter
    users: int = 0


class Adapters:
    """Make adapters when they are needed and close them when they are not; owned by the broker's event loop."""

    def __init__(self, load: Callable[[], Make] = load_sdks) -> None:
        """Take what loads the code that makes one; it is called when one is needed first, in a thread."""
        self._load = load
        self._make: Make | None = None
        self._held: dict[str, _Held] = {}

    @asynccontextmanager
    async def of(self, provider: Provider) -> AsyncIterator[Adapter]:
        """Give the adapter of this very entry of the register."""
        held = self._held.get(provider.name)
        if held is None or held.provider != provider:
            await self._drop(provider.name)
            make = await self._loaded()
            held = self._held[provider.name] = _Held(provider, make(provider))
        held.users += 1
        try:
            yield held.adapter
        finally:
            held.users -= 1
            if not held.users and self._held.get(provider.name) is not held:
                await held.adapter.aclose()

    async def keep(self, register: Register) -> None:
        """Be ready for the providers of this register, and close the adapters of entries that it no longer holds."""
        if register:
            await self._loaded()
        for held in tuple(self._held.values()):
            if register.get(held.provider.name) != held.provider:
                await self._drop(held.provider.name)

    async def aclose(self) -> None:
        """Close all."""
        for name in tuple(self._held):
            await self._drop(name)

    async def _loaded(self) -> Make:
        if self._make is None:
            self._make = await asyncio.to_thread(self._load)
        return self._make

    async def _drop(self, name: str) -> None:
        held = self._held.pop(name, None)
        if held is not None and not held.users:
            await held.adapter.aclose()
