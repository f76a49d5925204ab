"""What leaves the appliance on the managed route: to the pinned host only, by TLS only, and no identifier of anybody.

A packet capture sees all that any of its programs tries to send to any address on earth.
"""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import pytest

from appliance.cli.supervisor_state import read_running
from appliance.config import load_config
from appliance.policy.register import Provider, Service
from tests.support.canaries import PEOPLE, Person, found_in
from tests.support.escalating_appliance import TASK, escalating_appliance, until
from tests.support.net_namespace import CABLE, INSIDE, INSIDE_6, PINNED, NetNamespace, cable, reason_to_skip
from tests.support.packet_capture import Capture, capture, is_tls
from tests.support.registers import an_agreement
from tests.support.running_appliance import IssuedClient, RunningAppliance
from tests.support.stand_ins import Behaviour, StandIn
from tests.support.threaded_stand_in import threaded_stand_in


@pytest.fixture(scope="module", autouse=True)
def _needs_namespaces() -> None:
    if reason := reason_to_skip():
        pytest.skip(reason)


HOSPITAL = "hospital"
"""A tenant that is no sandbox: its requests go to providers with agreements, not to stand-ins."""

SENDS = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    one.sendto(b"Jane Canary asks a name server", ("198.51.100.7", 53))
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as one:
    one.sendto(b"x", ("2001:db8:ffff::9", 443))
with socket.socket() as one:
    one.settimeout(0.3)
    try:
        one.connect(("203.0.113.9", 443))
    except TimeoutError:
        pass
"""

SPEAKS = """
import socket
with socket.create_connection(("192.0.2.2", 443)) as one:
    one.sendall(b"GET /Jane%20")
    one.sendall(b"Canary HTTP/1.1")
    one.recv(1)
"""


def test_the_capture_sees_what_is_sent_to_anybody() -> None:
    with cable() as (inside, outside), capture(outside, CABLE) as seen:
        subprocess.run(inside.command(sys.executable, "-c", SENDS), check=True, timeout=20)

    assert seen.destinations(INSIDE, INSIDE_6) >= {
        ("udp", "198.51.100.7", 53),
        ("udp", "2001:db8:ffff::9", 443),
        ("tcp", "203.0.113.9", 443),
    }
    assert seen.holds("Jane Canary", "John Canary") == ["Jane Canary"]


def test_the_capture_reads_a_stream_across_its_packets_and_knows_that_it_is_no_tls() -> None:
    with (
        cable() as (inside, outside),
        capture(outside, CABLE) as seen,
        outside.call(lambda: socket.create_server((PINNED, 443))) as server,
    ):
        server.settimeout(10)
        child = subprocess.Popen(inside.command(sys.executable, "-c", SPEAKS))
        with server.accept()[0] as peer:
            while len(peer.recv(100, socket.MSG_PEEK)) < 27:
                pass
        child.wait(10)

    [stream] = _sent(seen)
    assert seen.destinations(INSIDE, INSIDE_6) == {("tcp", PINNED, 443)}
    assert stream == b"GET /Jane%20Canary HTTP/1.1"
    assert seen.holds("Jane%20Canary") == ["Jane%20Canary"]
    assert not is_tls(stream)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What was seen while an appliance worked."""

    seen: Capture
    """On the cable: everything that any of its programs sent to any address but loopback."""

    stand_ins: list[StandIn]
    """One of each service, in the order of their names in the register."""

    worked: "Worked"


@dataclass(slots=True, kw_only=True)
class Worked:
    """What an appliance answered, and what it left."""

    answers: dict[str, httpx.Response] = field(default_factory=dict)
    """By the route that was taken, and by what was asked where none was."""

    metrics: bytes = b""
    in_processes: bytes = b""
    """Arguments and environment of each of its programs."""

    on_disk: dict[str, bytes] = field(default_factory=dict)
    """Every file of its home once it has stopped, but the credentials themselves."""


@pytest.fixture(scope="module")
def passage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Passage]:
    with ExitStack() as stack:
        inside, outside = stack.enter_context(cable())
        stand_ins = [
            stack.enter_context(threaded_stand_in(service, namespace=outside, address=PINNED, host=_host(service)))
            for service in Service
        ]
        seen = stack.enter_context(capture(outside, CABLE))
        worked = _worked(tmp_path_factory.mktemp("egress"), inside, stand_ins)
        stack.close()
        yield Passage(seen=seen, stand_ins=stand_ins, worked=worked)


def _worked(folder: Path, inside: NetNamespace, stand_ins: list[StandIn]) -> Worked:
    """Ask each provider in turn, because those before it have no room; and one that names no patient, so nobody."""
    providers = [_hospitals(number, stand_in) for number, stand_in in enumerate(stand_ins)]
    credentials = {each.credential: stand_in.credential for each, stand_in in zip(providers, stand_ins, strict=True)}
    worked = Worked()
    with escalating_appliance(folder, *providers, credentials=credentials, prefix=inside.command) as appliance:
        client = appliance.add_client("ehr", tasks=[TASK, "scheduling-message"], options=["--tenant", HOSPITAL])
        inside.call(lambda: until(lambda: not appliance.readiness()[1]["warnings"]))
        for number, stand_in in enumerate(stand_ins):
            draft = partial(_draft, appliance, client, _person(number), streams=number % 2 == 1)
            worked.answers[f"managed:cloud-{number}"] = inside.call(draft)
            stand_in.behaviour = Behaviour.RATE_LIMITED_NO_HINT
        worked.answers["unnamed"] = inside.call(lambda: _draft(appliance, client, PEOPLE[0], is_named=False))
        worked.metrics = inside.call(lambda: httpx.get(f"{appliance.metrics_url}/metrics", trust_env=False).content)
        worked.in_processes = _seen_by_everybody(appliance)
    files = [path for path in (folder / "home").rglob("*") if path.is_file() and path.parent.name != "credentials"]
    worked.on_disk = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    return worked


def _seen_by_everybody(appliance: RunningAppliance) -> bytes:
    """Return arguments and environment of each program, and of what it started."""
    running = read_running(load_config(appliance.home))
    assert running is not None
    pids = [process.pid for process in running.processes.values()]
    children = [Path(f"/proc/{pid}/task/{pid}/children").read_text().split() for pid in pids]
    everyone = [*map(str, pids), *(child for each in children for child in each)]
    return b"\n".join(Path(f"/proc/{pid}/{name}").read_bytes() for pid in everyone for name in ("cmdline", "environ"))


def _hospitals(number: int, stand_in: StandIn) -> Provider:
    """Return the entry of a provider that is none for the sandbox."""
    agreement = an_agreement(
        id=f"BAA-{number}",
        document_sha256=f"{number + 1}" * 64,
        services=frozenset({stand_in.service}),
        parties=("General Hospital", f"Cloud {number}"),
    )
    return stand_in.provider(
        name=f"cloud-{number}",
        recipient=f"Cloud {number}",
        credential=f"cloud-{number}.key",
        sandbox=False,
        agreements=(agreement,),
    )


def _draft(
    appliance: RunningAppliance, client: IssuedClient, person: Person, *, streams: bool = False, is_named: bool = True
) -> httpx.Response:
    headers = {"Appliance-Patient": person.record} if is_named else {}
    headers |= {"Accept": "text/event-stream"} if streams else {}
    body: dict[str, object] = {"input": {"notes": person.note()}}
    body |= {"people": [person.resource()]} if is_named else {}
    with appliance.http(client.key) as http:
        return http.post(f"/api/v1/tasks/{TASK}", json=body, headers=headers)


def test_each_provider_answered_and_each_answer_is_the_callers_own(passage: Passage) -> None:
    for number in range(len(passage.stand_ins)):
        answer = passage.worked.answers[f"managed:cloud-{number}"]
        assert answer.status_code == 200, answer.text
        assert answer.headers["appliance-route"] == f"managed:cloud-{number}"
        assert _person(number).family in answer.text
    assert passage.worked.answers["unnamed"].json()["code"] == "route_refused"


def test_nothing_went_to_any_address_but_the_pinned_ones(passage: Passage) -> None:
    pinned = {("tcp", PINNED, stand_in.port) for stand_in in passage.stand_ins}

    assert passage.seen.destinations(INSIDE, INSIDE_6) == pinned


def test_everything_that_left_was_tls_to_a_pinned_name(passage: Passage) -> None:
    streams = _sent(passage.seen)

    assert len(streams) >= len(passage.stand_ins)
    assert all(map(is_tls, streams))
    assert {name for stand_in in passage.stand_ins for name in stand_in.names} == set(map(_host, Service))


def test_no_identifier_stood_in_any_packet_or_in_what_a_provider_read(passage: Passage) -> None:
    packets = b"\n".join([*passage.seen.frames, *passage.seen.streams().values()])
    read = [received for stand_in in passage.stand_ins for received in stand_in.received]

    assert len(read) > len(passage.stand_ins)
    assert found_in(packets) == set()
    assert found_in(b"\n".join(received.body for received in read)) == set()
    assert found_in(str([(received.target, received.headers) for received in read]).encode()) == set()


def test_no_identifier_stayed_in_a_file_a_metric_or_a_process(passage: Passage) -> None:
    worked = passage.worked

    assert len(worked.on_disk) > 10
    assert {name: found for name, content in worked.on_disk.items() if (found := found_in(content))} == {}
    assert found_in(worked.metrics) == set()
    assert found_in(worked.in_processes) == set()


def test_no_credential_stands_anywhere_but_in_its_own_file(passage: Passage) -> None:
    worked = passage.worked
    secrets = {part.encode() for each in passage.stand_ins for part in re.findall(r"[\w-]{20,}", each.credential)}
    everywhere = [worked.in_processes, worked.metrics, *worked.on_disk.values(), *passage.seen.frames]

    assert len(secrets) >= 3
    assert [secret for secret in secrets if any(secret in content for content in everywhere)] == []


def _person(number: int) -> Person:
    return PEOPLE[number % len(PEOPLE)]


def _host(service: Service) -> str:
    return f"{service.value}.stand-in.test"


def _sent(seen: Capture) -> list[bytes]:
    return [stream for (source, *_), stream in seen.streams().items() if source == INSIDE]
