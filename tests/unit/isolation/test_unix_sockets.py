"""Every Unix socket that answers and is not listed is a way out: D-Bus starts programs, a resolver asks DNS."""

import os
import socket
from dataclasses import replace
from pathlib import Path

from appliance.isolation.unix_sockets import try_unix_sockets
from tests.support.isolation import a_unit


def listener(address: str) -> socket.socket:
    """Return a listening socket."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(address)
    made.listen()
    return made


def answering(folder: Path, *, listed: tuple[Path, ...] = ()) -> list[str]:
    """Return the sockets that answered and may not."""
    unit = replace(a_unit(folder), sockets=listed)
    return [each.target for each in try_unix_sockets(unit, run=folder) if not each.holds]


def test_a_socket_that_answers_is_found_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "some/where").mkdir(parents=True)

    with listener(str(tmp_path / "some/where/x.sock")):
        assert str(tmp_path / "some/where/x.sock") in answering(tmp_path)


def test_a_listed_folder_of_sockets_may_answer(tmp_path: Path) -> None:
    (tmp_path / "appliance-recorder").mkdir()

    with listener(str(tmp_path / "appliance-recorder/recorder.sock")) as made:
        found = answering(tmp_path, listed=(tmp_path / "appliance-recorder",))

        assert made.getsockname() not in found


def test_an_abstract_name_that_answers_is_found(tmp_path: Path) -> None:
    name = f"appliance-test-{os.getpid()}"

    with listener(f"\0{name}"):
        assert f"@{name}" in answering(tmp_path)


def test_a_datagram_socket_is_found_too(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "log"))

        assert str(tmp_path / "log") in answering(tmp_path)


def test_the_bus_is_named_in_the_report_also_where_it_is_hidden(tmp_path: Path) -> None:
    found = try_unix_sockets(a_unit(tmp_path), run=tmp_path)

    assert str(tmp_path / "dbus/system_bus_socket") in {each.target for each in found}


def test_a_busy_socket_answers_too(tmp_path: Path) -> None:
    with listener(str(tmp_path / "busy.sock")) as made:
        made.listen(0)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for each in waiting:
            each.settimeout(0)
            each.connect_ex(made.getsockname())

        assert made.getsockname() in answering(tmp_path)
        for each in waiting:
            each.close()
