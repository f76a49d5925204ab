"""An adapter serves one entry of the register, as it stands, and is closed when it does not stand any more."""

from dataclasses import replace

from appliance.broker.adapters import Adapters, load_sdks
from appliance.policy.register import Provider
from tests.support.brokers import ScriptedAdapter, answers
from tests.support.registers import a_provider, a_register

ONE = a_provider()
RENEWED = replace(ONE, recipient_address="2 Main Street, Springfield")


class _Loader:
    """Counts how often it was asked to load."""

    def __init__(self) -> None:
        self.loaded = 0
        self.made: list[ScriptedAdapter] = []

    def load(self) -> "type[ScriptedAdapter] | object":
        self.loaded += 1
        return self._make

    def _make(self, provider: Provider) -> ScriptedAdapter:
        self.made.append(ScriptedAdapter(provider, answers))
        return self.made[-1]


async def test_an_entry_keeps_its_adapter_and_its_connections() -> None:
    loader = _Loader()
    adapters = Adapters(loader.load)
    async with adapters.of(ONE) as first, adapters.of(a_provider()) as second:
        assert first is second

    assert not loader.made[0].is_closed
    await adapters.aclose()
    assert loader.made[0].is_closed


async def test_a_changed_entry_gets_another_adapter_and_the_old_one_ends_with_its_last_call() -> None:
    loader = _Loader()
    adapters = Adapters(loader.load)
    async with adapters.of(ONE) as old:
        async with adapters.of(RENEWED) as new:
            assert new is not old
        assert [each.is_closed for each in loader.made] == [False, False]

    assert [each.is_closed for each in loader.made] == [True, False]


async def test_a_call_keeps_its_adapter_when_the_register_drops_the_provider() -> None:
    loader = _Loader()
    adapters = Adapters(loader.load)
    async with adapters.of(ONE):
        await adapters.keep(a_register(RENEWED))
        assert not loader.made[0].is_closed

    assert loader.made[0].is_closed


async def test_an_appliance_without_a_provider_loads_no_sdk() -> None:
    loader = _Loader()
    adapters = Adapters(loader.load)
    await adapters.keep({})
    assert loader.loaded == 0

    await adapters.keep(a_register(ONE))
    await adapters.keep(a_register(ONE))
    assert (loader.loaded, loader.made) == (1, [])


async def test_the_sdks_make_an_adapter_of_a_real_entry() -> None:
    adapters = Adapters(load_sdks)
    async with adapters.of(ONE) as adapter:
        assert type(adapter).__module__.startswith("appliance.broker.providers")
    await adapters.aclose()
