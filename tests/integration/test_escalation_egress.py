"""What leaves the appliance on the managed route: to the pinned host only, by TLS only, and no identifier of anybody.

A packet capture sees all that any of its programs tries to send to any address on earth.
"""

import socket
import subprocess
import sys

import pytest

from tests.support.net_namespace import CABLE, INSIDE, INSIDE_6, PINNED, cable, reason_to_skip
from tests.support.packet_capture import Capture, capture, is_tls


@pytest.fixture(scope="module", autouse=True)
def _needs_namespaces() -> None:
    if reason := reason_to_skip():
        pytest.skip(reason)


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


def _sent(seen: Capture) -> list[bytes]:
    return [stream for (source, *_), stream in seen.streams().items() if source == INSIDE]
