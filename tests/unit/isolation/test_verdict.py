"""The same errno is a wall from this machine and a hole from a router."""

import errno
import socket

import pytest

from appliance.isolation.attempt import Outcome
from appliance.isolation.verdict import judge_call, judge_sender

OWN = "10.231.7.2"


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENOBUFS, errno.EAGAIN, errno.EADDRNOTAVAIL])
def test_a_probe_that_lacks_something_proves_nothing(number: int) -> None:
    assert judge_call(number, socket.AF_INET).outcome is Outcome.UNPROVEN


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENETUNREACH, errno.EAFNOSUPPORT])
def test_what_this_machine_will_not_send_is_refused(number: int) -> None:
    assert judge_call(number, socket.AF_INET).outcome is Outcome.REFUSED


def test_a_missing_own_ipv6_address_is_a_refusal() -> None:
    assert judge_call(errno.EADDRNOTAVAIL, socket.AF_INET6).outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("number", "sender", "outcome"),
    [
        (errno.EHOSTUNREACH, "10.231.7.1", Outcome.REACHED),
        (errno.EHOSTUNREACH, OWN, Outcome.REFUSED),
        (errno.EHOSTUNREACH, "127.0.0.53", Outcome.REFUSED),
        (errno.EHOSTUNREACH, None, Outcome.UNPROVEN),
        (errno.ETIMEDOUT, None, Outcome.UNPROVEN),
        (errno.ECONNREFUSED, OWN, Outcome.REACHED),
        (errno.ECONNRESET, None, Outcome.REACHED),
    ],
)
def test_a_later_error_is_judged_by_who_sent_it(number: int, sender: str | None, outcome: Outcome) -> None:
    assert judge_sender(number, sender=sender, own_address=OWN).outcome is outcome
