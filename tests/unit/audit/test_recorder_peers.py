import asyncio
import itertools
import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from typing_extensions import override

from audit.errors import PeerRefusedError, SettingsError
from audit.record import Kind
from audit.recorder.client import RecorderClient
from audit.recorder.messages import Op, Request
from audit.recorder.peers import NOBODY, PROGRAM_CONNECTIONS, PROGRAMS, Peers, Rights, read_peers
from audit.recorder.wire import FrameReader, encode_frame
from tests.support.other_users import connected_as, needs_root, open_folder
from tests.support.served import Served, served
from tests.support.trails import example_event

USERS = {"gateway": 861, "broker": 863, "console": 865}
STRANGER = 862
GROUP = os.getegid()
"""The socket's group: the recorder's own."""

CALLS = {
    "gateway": {"append", "exchange", "receipt", "health"},
    "broker": {"exchange", "health"},
    "console": {"append", "checkpoint", "health"},
}
EXCHANGES = {Kind.INTENT, Kind.DECISION, Kind.DISCLOSURE, Kind.RELEASE, Kind.OUTCOME}
KINDS: dict[str, set[Kind]] = {"gateway": EXCHANGES, "broker": set(), "console": {Kind.ACCESS}}


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture
def peers() -> Peers:
    return read_peers([f"{name}={user}" for name, user in USERS.items()])


def request(op: str, *events: dict[str, object]) -> Request:
    return Request.model_validate_json(json.dumps({"call": 1, "op": op, "events": list(events)}))


def is_allowed(program: str, made: Request) -> bool:
    try:
        PROGRAMS[program].check(made)
    except PeerRefusedError:
        return False
    return True


class AllBrokers(Peers):
    """Everybody is the broker, this process too."""

    @override
    def of(self, user: int) -> Rights | None:
        return PROGRAMS["broker"]


async def ask(connection: socket.socket, message: dict[str, object]) -> dict[str, object]:
    """Return the answer to one call over a connection that is made already; empty if it was closed instead."""
    reader, writer = await asyncio.open_unix_connection(sock=connection)
    try:
        writer.write(encode_frame({"call": 1, **message}))
        frames, found = FrameReader(), []
        while not found:
            if not (data := await asyncio.wait_for(reader.read(65_536), 10)):
                return {}
            found = list(frames.feed(data))
        return dict(json.loads(found[0][0]))
    except ConnectionError:
        return {}
    finally:
        writer.close()


async def ask_as(running: Served, user: int, message: dict[str, object]) -> dict[str, object]:
    return await ask(connected_as(running.socket, user, groups=[GROUP]), message)


@pytest.mark.parametrize(("program", "op"), list(itertools.product(PROGRAMS, get_args(Op))))
def test_a_program_makes_only_the_calls_that_it_needs(program: str, op: str) -> None:
    assert is_allowed(program, request(op)) == (op in CALLS[program])


@pytest.mark.parametrize(("program", "kind"), list(itertools.product(PROGRAMS, Kind)))
def test_a_program_records_only_the_kinds_that_it_makes(program: str, kind: Kind) -> None:
    assert is_allowed(program, request("append", {"kind": kind.value})) == (kind in KINDS[program])


def test_one_wrong_event_among_good_ones_refuses_the_call() -> None:
    assert not is_allowed("gateway", request("append", {"kind": "intent"}, {"kind": "access"}))


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("gateway_started", True),
        ("policy_reloaded", True),
        ("policy_refused", True),
        ("register_approved", False),
        ("provider_opened", False),
        ("month_destroyed", False),
        ("", False),
    ],
)
def test_the_gateway_records_its_own_operations_and_no_approval(code: str, allowed: bool) -> None:  # noqa: FBT001  # a table
    assert is_allowed("gateway", request("append", {"kind": "operation", "code": code})) == allowed


def test_root_and_the_recorders_own_user_may_do_everything() -> None:
    for user in (0, os.getuid()):
        rights = Peers().of(user)
        assert rights is not None
        for op, kind in itertools.product(get_args(Op), Kind):
            rights.check(request(op, {"kind": kind.value, "code": "register_approved"}))


def test_nobody_else_may_connect() -> None:
    assert Peers().of(STRANGER) is None
    assert read_peers(["gateway=861"]).of(STRANGER) is None


def test_who_was_not_let_in_may_do_nothing() -> None:
    for op in get_args(Op):
        with pytest.raises(PeerRefusedError):
            NOBODY.check(request(op))


@pytest.mark.parametrize(
    "options",
    [
        ["gateway"],
        ["gateway="],
        ["gateway=ito"],
        ["engine=862"],
        ["gateway=0"],
        ["gateway=4294967295"],
        ["gateway=\u0661"],
        [f"gateway={os.getuid()}"],
        ["gateway=861", "broker=861"],
    ],
)
def test_a_peer_that_is_no_program_and_user_of_its_own_is_named(options: list[str]) -> None:
    with pytest.raises(SettingsError, match=f"--peer {options[-1]}"):
        read_peers(options)


async def test_the_socket_is_for_this_user_alone_without_peers(folder: Path) -> None:
    async with served(folder) as running:
        assert stat.S_IMODE(running.socket.stat().st_mode) == 0o600


@needs_root
async def test_a_sites_programs_reach_the_socket_through_the_recorders_group(folder: Path, peers: Peers) -> None:
    async with served(folder, peers=peers) as running:
        assert stat.S_IMODE(running.socket.stat().st_mode) == 0o660
        with pytest.raises(PermissionError):
            connected_as(running.socket, USERS["gateway"])

        assert (await ask_as(running, USERS["gateway"], {"op": "health"}))["result"]


@needs_root
async def test_a_user_who_is_no_program_is_cut_off_and_logged(folder: Path, peers: Peers) -> None:
    async with served(folder, peers=peers) as running:
        assert await ask_as(running, STRANGER, {"op": "health"}) == {}

    assert [line["peer_user"] for line in running.lines.entries if line["event"] == "recorder.peer_refused"] == [862]


@needs_root
async def test_a_program_that_opens_many_connections_keeps_no_other_out(folder: Path, peers: Peers) -> None:
    async with served(folder, peers=peers) as running:
        held = [connected_as(running.socket, USERS["broker"], groups=[GROUP]) for _ in range(PROGRAM_CONNECTIONS)]
        first = await ask_as(running, USERS["broker"], {"op": "health"})
        other = await ask_as(running, USERS["gateway"], {"op": "health"})
        for connection in held:
            connection.close()

    assert first == {}
    assert other["result"]


@needs_root
async def test_a_taken_gateway_cannot_forge_an_approval(folder: Path, peers: Peers) -> None:
    forged = {"kind": "operation", "code": "register_approved", "facts": {"policy": "0" * 64}}
    async with served(folder, peers=peers) as running:
        answer = await ask_as(running, USERS["gateway"], {"op": "append", "events": [forged]})
        size = (await running.client.health())["size"]

    assert answer["error"] == "peer_refused"
    assert size == 1  # the first leaf, and nothing of the gateway's
    told = [line for line in running.lines.entries if line["event"] == "recorder.call_refused"]
    assert [(line["peer"], line["op"], line["kinds"]) for line in told] == [("gateway", "append", ["operation"])]


@needs_root
async def test_a_taken_broker_can_write_nothing(folder: Path, peers: Peers) -> None:
    async with served(folder, peers=peers) as running:
        answers = [
            await ask_as(running, USERS["broker"], {"op": "append", "events": [{"kind": kind.value}]}) for kind in Kind
        ]
        size = (await running.client.health())["size"]

    assert {answer["error"] for answer in answers} == {"peer_refused"}
    assert size == 1


@needs_root
async def test_the_console_records_what_officers_read(folder: Path, peers: Peers) -> None:
    read = {"kind": "access", "code": "query", "user": "ito"}
    async with served(folder, peers=peers) as running:
        answer = await ask_as(running, USERS["console"], {"op": "append", "events": [read], "receipts": "none"})

        assert answer["result"] == []
        assert (await running.client.health())["size"] == 2


async def test_a_client_is_told_that_it_was_refused(folder: Path) -> None:
    async with served(folder, peers=AllBrokers()) as running:
        client = RecorderClient(running.socket)
        try:
            with pytest.raises(PeerRefusedError, match="may not ask the recorder for 'append'"):
                await client.append(example_event())
        finally:
            await client.aclose()
