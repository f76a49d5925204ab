"""A try counts as refused only with this machine's own word for it; silence and a stranger's error are no refusal."""

import shutil
import socket
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from appliance.isolation.attempt import Attempt, Outcome
from appliance.isolation.connections import Destination, try_all, try_tcp
from tests.support.isolation_network import AS_ROOT, enter_network

LISTENER = "192.0.2.66"
SILENT = "198.18.0.1"
"""Behind a device that takes packets and answers nothing."""


def to(address: str, port: int = 44300) -> Destination:
    """Return a destination."""
    return Destination(label="test", address=address, port=port)


def outcomes(rules: str, work: Callable[[], Sequence[Attempt]]) -> list[tuple[str, Outcome, str]]:
    """Return what tries come to in an empty network with these nftables rules."""
    return [(each.group, each.outcome, each.evidence) for each in enter_network(rules, work)]


def test_a_connection_that_is_answered_was_not_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = try_tcp([to("127.0.0.1", listener.getsockname()[1])])

    assert [(each.outcome, each.evidence) for each in found] == [(Outcome.REACHED, "it answered")]


def test_a_reset_is_an_answer_too() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        found = try_tcp([to("127.0.0.1", unused.getsockname()[1])])

    assert [(each.outcome, each.evidence) for each in found] == [(Outcome.REACHED, "it answered: ECONNREFUSED")]


def test_a_datagram_that_left_was_not_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        found = try_all([to("127.0.0.1", listener.getsockname()[1])])

    assert found[-1].outcome is Outcome.REACHED


def test_what_this_machine_will_not_even_send_is_refused() -> None:
    found = try_all([to("255.255.255.255")])

    assert {each.outcome for each in found} == {Outcome.REFUSED}


def test_an_ipv6_destination_is_shown_in_brackets() -> None:
    assert to("2001:db8::1", 443).target == "test [2001:db8::1]:443"


@AS_ROOT
def test_silence_after_a_packet_that_left_is_no_refusal() -> None:
    found = outcomes("", partial(try_tcp, [to(SILENT)]))

    assert found == [("tcp", Outcome.REACHED, "the packet left; nothing answered")]


@AS_ROOT
@pytest.mark.skipif(shutil.which("nft") is None, reason="needs nftables")
def test_a_silent_drop_by_this_machine_is_a_refusal() -> None:
    found = outcomes("counter drop", partial(try_all, [to(LISTENER)]))

    assert found == [
        ("tcp", Outcome.REFUSED, "a filter of this machine dropped it (TCP_INFO)"),
        ("udp", Outcome.REFUSED, "this machine refused: EPERM"),
    ]


@AS_ROOT
@pytest.mark.skipif(shutil.which("nft") is None, reason="needs nftables")
def test_a_rejection_by_this_machine_is_a_refusal() -> None:
    rule = "counter reject with icmpx type admin-prohibited"
    found = outcomes(rule, partial(try_tcp, [to(SILENT), to("127.0.0.53")]))

    assert {outcome for _, outcome, _ in found} == {Outcome.REFUSED}
    assert {evidence for _, _, evidence in found} == {"a filter of this machine rejected it (EHOSTUNREACH)"}


@AS_ROOT
@pytest.mark.skipif(shutil.which("nft") is None, reason="needs nftables")
def test_a_reset_made_by_the_rules_does_not_pass_for_a_wall() -> None:
    found = outcomes("meta l4proto tcp reject with tcp reset", partial(try_tcp, [to(LISTENER)]))

    assert [outcome for _, outcome, _ in found] == [Outcome.REACHED]
