"""At which addresses a host may be reached."""

import asyncio
from collections.abc import Sequence

import pytest

from appliance.broker import resolve
from appliance.broker.resolve import Addresses, Lookup, UnreachableHostError, look_up
from tests.support.registers import an_endpoint


def answering(*addresses: str) -> Lookup:
    async def lookup(host: str, port: int) -> Sequence[str]:
        assert (host, port) == ("api.cloud.example", 443)
        return addresses

    return lookup


async def never(_host: str, _port: int) -> Sequence[str]:
    raise AssertionError("no name may be looked up")


async def test_single_addresses_are_taken_without_dns() -> None:
    endpoint = an_endpoint(addresses=("203.0.113.5", "2001:db8::5", "203.0.113.9/32"))

    assert await Addresses(endpoint, lookup=never).find() == ("203.0.113.5", "2001:db8::5", "203.0.113.9")


async def test_of_ranges_only_members_are_used_each_once() -> None:
    endpoint = an_endpoint(addresses=("203.0.113.0/28", "2001:db8::/64"))
    lookup = answering("198.51.100.1", "203.0.113.3", "2001:db8::7", "203.0.113.3", "203.0.113.77", "no-address")

    assert await Addresses(endpoint, lookup=lookup).find() == ("203.0.113.3", "2001:db8::7")


async def test_only_some_are_tried() -> None:
    endpoint = an_endpoint(addresses=("203.0.113.0/24",))
    lookup = answering(*(f"203.0.113.{last}" for last in range(9)))

    assert len(await Addresses(endpoint, lookup=lookup).find()) == resolve.MAX_TRIED


@pytest.mark.parametrize("found", [(), ("198.51.100.1",), ("127.0.0.1", "::1")])
async def test_a_host_outside_of_its_ranges_is_unreachable(found: tuple[str, ...]) -> None:
    with pytest.raises(UnreachableHostError):
        await Addresses(an_endpoint(), lookup=answering(*found)).find()


async def test_a_name_that_cannot_be_looked_up_is_unreachable() -> None:
    async def failing(_host: str, _port: int) -> Sequence[str]:
        raise OSError

    with pytest.raises(UnreachableHostError):
        await Addresses(an_endpoint(), lookup=failing).find()


async def test_a_resolver_that_hangs_makes_the_host_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolve, "LOOKUP_WITHIN_S", 0.01)

    async def hanging(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return ()

    with pytest.raises(UnreachableHostError):
        await Addresses(an_endpoint(), lookup=hanging).find()


async def test_the_systems_resolver_is_asked() -> None:
    assert "127.0.0.1" in await look_up("localhost", 443)
