"""The harness itself: what a test run leaves when it is killed, and that a block proves something here."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.packet_capture import capture
from tests.support.target_host import Layer, TargetHost, World
from tests.support.target_host.places import CACHE
from tests.support.target_host.world import LAN, METADATA, NEIGHBOUR, RESOLVER, SINK, SINK_6

CONNECTS = """
import socket, sys
for place in sys.argv[1:]:
    host, port = place.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 10) as one:
        print(place, one.recv(20).decode().strip())
"""

ABANDONED = """
import sys, time
from tests.support.target_host import world
with world() as outside, outside.host("left") as host:
    host.boot()
    print(outside.net.holder, host.folder, flush=True)
    time.sleep(600)
"""


def test_a_host_without_a_firewall_reaches_everybody_outside(bare_host: TargetHost) -> None:
    places = [f"{SINK}:443", f"{METADATA}:80", f"{RESOLVER}:53", f"{NEIGHBOUR}:8099", f"{SINK_6}:443"]

    answered = bare_host.python(CONNECTS, *places).output.splitlines()

    assert answered == [f"{place} outside" for place in places]


def test_a_host_begins_as_nothing_but_a_server(bare_host: TargetHost) -> None:
    assert bare_host.exec("systemctl", "is-system-running").output == "running\n"
    assert bare_host.exec("sh", "-c", "command -v nft psql chronyd", check=False).output == ""
    assert bare_host.exec("getent", "passwd", "861", check=False).output == ""


def test_the_operator_has_no_way_out_of_the_world(outside: World) -> None:
    interfaces = subprocess.run(outside.command("ls", "/sys/class/net"), capture_output=True, text=True, check=True)

    assert set(interfaces.stdout.split()) <= {"lo", LAN} | {
        name for name in interfaces.stdout.split() if name[:3] == "vb-"
    }


def test_the_capture_sees_what_a_host_sends_while_it_boots_and_keeps_its_disk(outside: World, suite: str) -> None:
    with outside.host("other", suite=suite) as host:
        host.boot()
        host.write("/etc/systemd/system/early.service", EARLY.format(sink=SINK))
        host.exec("systemctl", "enable", "early.service")
        with capture(outside.net, LAN) as seen:
            host.reboot()
            host.until(lambda: host.run("systemctl", "is-failed", "early", check=False).output != "activating\n")

    assert ("udp", SINK, 123) in seen.destinations(host.address)


EARLY = """
[Unit]
DefaultDependencies=no
After=systemd-networkd.service
[Service]
Type=oneshot
ExecStart=/bin/bash -c 'until echo early >/dev/udp/{sink}/123; do sleep 0.05; done'
[Install]
WantedBy=sysinit.target
"""


def test_a_host_starts_from_the_frozen_disk_of_another(outside: World, suite: str) -> None:
    layer = Path(outside.folder / "layer")
    with outside.host("first", suite=suite) as first:
        first.boot()
        first.write("/etc/kept", "by the first\n")
        first.exec("rm", "/etc/debian_version")
        first.power_off()
        frozen = first.freeze(layer)

    with outside.host("second", suite=suite, layers=(Layer(folder=frozen.folder),)) as second:
        second.boot()
        kept, removed = second.read("/etc/kept"), second.exec("ls", "/etc/debian_version", check=False)
        second.write("/etc/kept", "by the second\n")

    assert kept == "by the first\n"
    assert removed.code != 0
    assert (layer / "etc/kept").read_text() == "by the first\n"


def test_power_that_is_cut_ends_every_process_at_once_and_the_disk_boots_again(bare_host: TargetHost) -> None:
    bare_host.exec("systemd-run", "--unit=busy", "sleep", "1000")
    bare_host.write("/etc/before", "the cut\n")

    bare_host.cut_power()
    bare_host.boot()

    assert bare_host.read("/etc/before") == "the cut\n"
    assert bare_host.exec("systemctl", "is-active", "busy", check=False).code != 0


def test_a_test_run_that_is_killed_leaves_nothing_that_runs_and_the_next_clears_its_files(outside: World) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", ABANDONED], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        keeper, folder = process.stdout.readline().split()
        process.send_signal(signal.SIGKILL)

    _until_gone(Path(f"/proc/{keeper}"))
    subprocess.run([sys.executable, "-c", NEXT], env=environment, check=True)

    assert not Path(folder).exists()
    assert str(CACHE) not in Path("/proc/self/mountinfo").read_text()
    groups = Path(f"/proc/{outside.net.holder}/root/sys/fs/cgroup").glob(f"appliance-test-{process.pid}-*")
    assert list(groups) == []


NEXT = """
from tests.support.target_host import world
with world():
    pass
"""


def _until_gone(process: Path) -> None:
    limit_s = time.monotonic() + 60
    while process.exists():
        assert time.monotonic() < limit_s
        time.sleep(0.05)
