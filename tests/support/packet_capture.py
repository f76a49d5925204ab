"""Every packet on one interface of a network namespace, by a packet socket (packet(7)), and the streams in them.

    with capture(outside, CABLE) as seen:
        ...
    assert seen.destinations() == {("tcp", "192.0.2.2", 443)}
    assert all(is_tls(stream) for stream in seen.streams())

A capture that lost packets proves nothing, so losing one is an error.  Bounded: beyond `MAX_BYTES` it is one too.
"""

import ipaddress
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.net_namespace import NetNamespace

MAX_BYTES = 256 * 1024 * 1024
"""What a capture may keep in memory."""

_BUFFER_BYTES = 64 * 1024 * 1024
_LARGEST = 128 * 1024
"""Segments of a virtual cable are up to 64 KiB."""

_EVERY_PROTOCOL = 0x0003
"""ETH_P_ALL."""

_OUTGOING = 4
"""PACKET_OUTGOING: on the loopback interface each packet is seen twice."""

_SOL_PACKET, _STATISTICS = 263, 6
_FORCED_BUFFER = 33
"""SO_RCVBUFFORCE."""

_SETTLE_S = 0.2
_TCP, _UDP, _ICMP_6 = 6, 17, 58
_NAMES = {_TCP: "tcp", _UDP: "udp", 1: "icmp", _ICMP_6: "icmp6"}
_KERNEL_ICMP_6 = {133, 134, 135, 136, 143}
"""Router and neighbour discovery and multicast reports (RFC 4861, RFC 3810): the kernel's own, without content."""

_TLS_TYPES = range(20, 25)
"""RFC 8446 5.1."""

_TLS_LARGEST = 2**14 + 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """One IP packet."""

    protocol: str
    source: str
    source_port: int
    destination: str
    destination_port: int
    sequence: int
    payload: bytes = field(repr=False)


@dataclass(slots=True)
class Capture:
    """What was seen; read it after the end."""

    frames: list[bytes] = field(default_factory=list, repr=False)
    """Every frame from its first byte, also of what is no IP."""

    packets: list[Packet] = field(default_factory=list)
    lost: int = 0
    failure: str = ""

    def leaving(self, source: str) -> list[Packet]:
        """Return the packets that this address sent."""
        return [packet for packet in self.packets if packet.source == source]

    def destinations(self, *sources: str) -> set[tuple[str, str, int]]:
        """Return whom these addresses sent anything, as protocol, address and port."""
        sent = [packet for source in sources for packet in self.leaving(source)]
        return {(packet.protocol, packet.destination, packet.destination_port) for packet in sent}

    def streams(self) -> dict[tuple[str, int, str, int], bytes]:
        """Return every TCP stream's bytes in order, by source, port, destination and port."""
        found: dict[tuple[str, int, str, int], list[Packet]] = {}
        for packet in self.packets:
            if packet.protocol == "tcp":
                key = (packet.source, packet.source_port, packet.destination, packet.destination_port)
                found.setdefault(key, []).append(packet)
        return {key: _joined(packets) for key, packets in found.items()}

    def holds(self, *texts: str) -> list[str]:
        """Return those texts that stand anywhere in a frame or across the frames of a stream."""
        everything = [*self.frames, *self.streams().values()]
        return [text for text in texts if any(text.encode() in each for each in everything)]

    def add(self, frame: bytes) -> None:
        """Keep one frame."""
        self.frames.append(frame)
        packet = _packet(frame)
        if packet is not None:
            self.packets.append(packet)


@contextmanager
def capture(namespace: NetNamespace, interface: str) -> Iterator[Capture]:
    """See every packet on this interface until the end.  Raises RuntimeError at the end if one was lost."""
    seen, over = Capture(), threading.Event()
    with namespace.call(lambda: _listening(interface)) as listener:
        thread = threading.Thread(target=_read, args=(listener, seen, over), daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            time.sleep(_SETTLE_S)
            over.set()
            thread.join()
            _, seen.lost = struct.unpack("II", listener.getsockopt(_SOL_PACKET, _STATISTICS, 8))
    if seen.lost or seen.failure:
        raise RuntimeError(f"the capture is not whole: {seen.lost} packets lost {seen.failure}")


def is_tls(stream: bytes) -> bool:
    """Say whether a stream is TLS records from its first byte to its last, which may be cut."""
    at = 0
    while at + 5 <= len(stream):
        kind, version, length = struct.unpack_from(">BHH", stream, at)
        if kind not in _TLS_TYPES or version >> 8 != 3 or length > _TLS_LARGEST:
            return False
        at += 5 + length
    return True


def _listening(interface: str) -> socket.socket:
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERY_PROTOCOL))
    listener.setsockopt(socket.SOL_SOCKET, _FORCED_BUFFER, _BUFFER_BYTES)
    listener.bind((interface, _EVERY_PROTOCOL))
    listener.settimeout(_SETTLE_S)
    return listener


def _read(listener: socket.socket, seen: Capture, over: threading.Event) -> None:
    kept = 0
    while True:
        try:
            frame, address = listener.recvfrom(_LARGEST)
        except TimeoutError:
            if over.is_set():
                return
            continue
        if address[0] == "lo" and address[2] == _OUTGOING:
            continue
        kept += len(frame)
        if kept > MAX_BYTES:
            seen.failure = "because it grew beyond its bound"
            return
        seen.add(frame)


def _packet(frame: bytes) -> Packet | None:
    """Return what an Ethernet frame carries, None for ARP and for the kernel's own ICMPv6."""
    kind = int.from_bytes(frame[12:14])
    if kind == 0x0800:
        start = 14 + 4 * (frame[14] & 0x0F)
        end = 14 + int.from_bytes(frame[16:18])
        protocol, source, destination = frame[23], frame[26:30], frame[30:34]
    elif kind == 0x86DD:
        start, end = 54, 54 + int.from_bytes(frame[18:20])
        protocol, source, destination = _after_options(frame), frame[22:38], frame[38:54]
        if protocol == _ICMP_6:
            return None
    elif kind == 0x0806:
        return None
    else:
        return Packet(
            protocol=f"ethernet {kind:04x}",
            source="",
            source_port=0,
            destination=frame[:6].hex(),
            destination_port=0,
            sequence=0,
            payload=frame[14:],
        )
    return _transport(protocol, source, destination, frame[start : end if end > start else len(frame)])


def _after_options(frame: bytes) -> int:
    """Return the protocol of an IPv6 packet; the kernel's own chatter may stand behind a hop-by-hop header."""
    protocol, at = frame[20], 54
    if protocol == 0:
        protocol, at = frame[54], 62
    return protocol if protocol != _ICMP_6 or frame[at] in _KERNEL_ICMP_6 else 255


def _transport(protocol: int, source: bytes, destination: bytes, content: bytes) -> Packet:
    source_port, destination_port, sequence, payload = 0, 0, 0, content
    if protocol == _TCP:
        source_port, destination_port, sequence = struct.unpack_from(">HHI", content)
        payload = content[4 * (content[12] >> 4) :]
        sequence += content[13] >> 1 & 1  # SYN takes a number of its own
    elif protocol == _UDP:
        source_port, destination_port = struct.unpack_from(">HH", content)
        payload = content[8:]
    return Packet(
        protocol=_NAMES.get(protocol, str(protocol)),
        source=str(ipaddress.ip_address(source)),
        source_port=source_port,
        destination=str(ipaddress.ip_address(destination)),
        destination_port=destination_port,
        sequence=sequence,
        payload=payload,
    )


def _joined(packets: list[Packet]) -> bytes:
    """Return the stream's bytes once each, in order; RFC 9293 3.4: numbers wrap."""
    first = packets[0].sequence
    made = bytearray()
    for packet in sorted(packets, key=lambda each: (each.sequence - first) % 2**32):
        at = (packet.sequence - first) % 2**32
        if packet.payload and at <= len(made):
            made[at : at + len(packet.payload)] = packet.payload
    return bytes(made)
