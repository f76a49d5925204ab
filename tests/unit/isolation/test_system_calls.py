"""A call that the kernel looked at was let in, whatever it answered."""

import errno
import signal
from pathlib import Path

import pytest

from appliance.isolation.attempt import Outcome
from appliance.isolation.families import try_families
from appliance.isolation.joined import Place, become, start
from appliance.isolation.system_calls import CALLS, Call, read_status, try_calls
from tests.support.isolation import a_unit
from tests.support.isolation_network import AS_ROOT, enter_network


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (errno.EPERM << 8, Outcome.REFUSED),
        (errno.ENOSYS << 8, Outcome.REFUSED),
        (errno.EFAULT << 8, Outcome.REACHED),
        (errno.EINVAL << 8, Outcome.REACHED),
        (200 << 8, Outcome.REACHED),
        (int(signal.SIGSYS), Outcome.REFUSED),
        (int(signal.SIGSEGV), Outcome.UNPROVEN),
    ],
)
def test_only_the_sandboxs_own_words_count_as_refused(status: int, outcome: Outcome) -> None:
    assert read_status(status)[0] is outcome


def test_outside_of_a_sandbox_calls_are_found_to_be_let_in() -> None:
    before = Path("/proc/self/ns/net").readlink()

    found = {each.target: each for each in try_calls()}

    assert len(found) == len(CALLS)
    assert not found["ptrace"].holds
    assert Path("/proc/self/ns/net").readlink() == before


def test_an_unknown_machine_type_proves_nothing() -> None:
    call = Call(name="io_uring_setup", numbers={}, arguments=lambda: ())

    assert [each.outcome for each in try_calls((call,))] == [Outcome.UNPROVEN]


@AS_ROOT
def test_outside_of_a_sandbox_sockets_are_found_to_be_made(tmp_path: Path) -> None:
    unit = a_unit(tmp_path, "recorder")

    found = {each.target: each for each in enter_network("", lambda: try_families(unit))}

    assert not found["AF_NETLINK"].holds
    assert not found["AF_INET"].holds
    assert "AF_UNIX" not in found


@AS_ROOT
def test_a_user_without_rights_makes_no_raw_socket(tmp_path: Path) -> None:
    unit = a_unit(tmp_path)

    found = start("test", lambda: become(Place(unit=unit)), lambda: try_families(unit)).finish()

    assert {each.outcome for each in found if each.target.startswith("raw ")} == {Outcome.REFUSED}
