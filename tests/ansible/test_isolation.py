"""Two layers hold apart: with either taken away the other stops everything, and with both gone nothing starts."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.firewall_rules import why_not
from tests.support.isolation_host import NETWORKED, UNITS, IsolatedHost, bind_code, furnish
from tests.support.target_host import World

pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.skipif(shutil.which("nft") is None, reason="needs nftables"),
    pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the host's own Python 3.11 imports these libraries"),
]

REFUSED, REACHED = frozenset({"refused"}), frozenset({"reached"})

LOOP = """
import os, socket, sys, time
os.setgid(861); os.setuid(861)
made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
sent, tried, end = 0, 0, time.monotonic() + 3
while time.monotonic() < end:
    tried += 1
    try:
        made.sendto(b"x", ("198.51.100.66", 9))
        sent += 1
    except PermissionError:
        pass
print(sent, tried)
"""
"""Sends as the gateway's user as often as it can, for three seconds, outside of any unit: only the rules stop it."""


@pytest.fixture(scope="module")
def isolated(outside: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IsolatedHost]:
    with outside.host("walls", suite="bookworm") as host:
        bind_code(host)
        host.boot()
        yield furnish(host, tmp_path_factory.mktemp("isolated"))


@pytest.fixture(autouse=True)
def both_layers(isolated: IsolatedHost) -> Iterator[None]:
    """Begin and end each test with both layers."""
    isolated.load_rules()
    yield
    isolated.set_filter(present=True)
    isolated.load_rules()


def test_with_both_layers_every_unit_starts(isolated: IsolatedHost) -> None:
    assert isolated.refusals() == {}


def test_each_layer_alone_refuses_everything_for_every_unit(isolated: IsolatedHost) -> None:
    assert isolated.refusals() == {}

    assert isolated.tried("filter", UNITS) == dict.fromkeys(UNITS, REFUSED)
    assert isolated.tried("rules", UNITS) == dict.fromkeys(UNITS, REFUSED)


def test_without_nftables_the_address_filter_still_stops_everything_outside(isolated: IsolatedHost) -> None:
    isolated.drop_rules()

    refused = isolated.refusals()

    # A filter of addresses knows no ports and no direction: those that are spoken to from outside do not start.
    assert set(refused) == set(NETWORKED)
    assert not [line for line in refused.values() if "Internet" in line or "metadata" in line]


def test_without_nftables_its_loss_is_found(isolated: IsolatedHost) -> None:
    isolated.drop_rules()

    assert all("reached" in outcomes for outcomes in isolated.tried("rules", UNITS).values())


def test_without_the_address_filter_nftables_still_stops_everything(isolated: IsolatedHost) -> None:
    isolated.set_filter(present=False)

    refused = isolated.refusals()

    assert set(refused) == {"engine"}  # proven from inside: the filter that it was promised does not bite
    assert "IPAddressDeny= does not bite" in refused["engine"]
    assert isolated.tried("rules", UNITS) == dict.fromkeys(UNITS, REFUSED)


def test_without_the_address_filter_its_loss_is_found(isolated: IsolatedHost) -> None:
    isolated.set_filter(present=False)
    isolated.refusals()

    assert isolated.tried("filter", NETWORKED) == dict.fromkeys(NETWORKED, REACHED)


def test_with_both_gone_no_unit_that_has_a_network_starts(isolated: IsolatedHost) -> None:
    isolated.set_filter(present=False)
    isolated.drop_rules()

    refused = isolated.refusals()

    assert set(refused) == {*NETWORKED, "engine"}
    assert all("Internet" in refused[name] for name in NETWORKED)


def test_loading_the_rules_again_leaves_no_window(isolated: IsolatedHost) -> None:
    isolated.host.exec("systemd-run", "--unit", "loop", "-p", "StandardOutput=file:/run/loop", "python3", "-c", LOOP)

    while isolated.host.exec("systemctl", "is-active", "loop", check=False).output == "active\n":
        isolated.load_rules()

    sent, tried = (int(word) for word in isolated.host.read("/run/loop").split())
    assert sent == 0
    assert tried > 100


def test_a_unit_whose_code_was_changed_does_not_start(isolated: IsolatedHost, tmp_path: Path) -> None:
    file = "/opt/appliance/releases/1/gateway/pyvenv.cfg"
    kept = isolated.host.read(file)
    isolated.host.write(file, f"{kept}# changed\n")

    refused = isolated.refusals()
    isolated.host.write(file, kept)

    assert set(refused) == set(UNITS), tmp_path
    assert "gateway/pyvenv.cfg has changed" in refused["recorder"]
