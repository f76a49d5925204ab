"""What was found out about systemd, nftables and ssh before the roles were written, each held where it is true.

A finding that says "this does not protect" stands beside the one that does: when a distribution mends the first, the
test says so, and when one breaks the second, nothing is shipped.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.target_host import Controller, TargetHost, Task, World
from tests.support.target_host.world import SILENT, SINK

ANSIBLE = Path(__file__).parents[2] / "ansible"

UID = 4242
"""Of the units that the tests make up."""

OWN_LISTENER = """
import socket
listening = socket.create_server(("127.0.0.1", 0))
asks = socket.socket()
asks.settimeout(3)
try:
    asks.connect(listening.getsockname())
    print("reached")
except OSError:
    print("denied")
"""
"""With IPAddressDeny=any a unit cannot even reach itself; nobody but its own kernel has to answer."""

REACHES = f"""
import socket, sys
try:
    with socket.create_connection(("{SINK}", 443), float(sys.argv[1])) as one:
        print(one.recv(20).decode().strip())
except OSError as error:
    print("refused")
"""

PATIENT, BRIEF = "20", "3"
"""Seconds: for what must be answered on a busy machine, and for what is dropped without a word."""

BINDS = """
import socket
socket.create_server(("0.0.0.0", 4444)).close()
print("bound")
"""

REFUSE_UID = f"""
table inet trial {{
  chain output {{
    type filter hook output priority filter
    meta skuid {UID} reject with icmpx type admin-prohibited
  }}
}}
"""


@pytest.fixture(scope="module", autouse=True)
def _users(bare_host: TargetHost) -> None:
    """Make the users of the made-up units: systemd starts nothing as a number that nobody has."""
    for uid in (UID, UID + 1):
        bare_host.exec("useradd", "--system", "--uid", str(uid), f"trial-{uid}")


@pytest.fixture
def refused_by_uid(bare_host: TargetHost) -> Iterator[None]:
    bare_host.in_network("nft", "-f", "-", given=REFUSE_UID)
    yield
    bare_host.in_network("nft", "delete", "table", "inet", "trial")


@pytest.fixture(scope="module")
def io_uring_probe(tmp_path_factory: pytest.TempPathFactory, bare_host: TargetHost) -> str:
    """Return the path of the probe on the host."""
    built = tmp_path_factory.mktemp("probe") / "io_uring_probe"
    source = Path(__file__).parents[1] / "support/target_host/io_uring_probe.c"
    subprocess.run([shutil.which("cc") or "cc", "-static", "-O1", "-o", built, source], check=True)
    bare_host.copy(built, "/usr/local/bin/io_uring_probe", mode="0755")
    return "/usr/local/bin/io_uring_probe"


def test_ip_address_deny_bites_where_systemd_may_load_its_filter(bare_host: TargetHost) -> None:
    denied = bare_host.unit(OWN_LISTENER, "PrivateNetwork=yes", "IPAddressDeny=any")
    allowed = bare_host.unit(OWN_LISTENER, "PrivateNetwork=yes")

    assert denied.output == "denied\n", denied.text
    assert allowed.output == "reached\n", allowed.text


def test_ip_address_deny_fails_open_and_says_nothing_where_it_cannot_load_it(outside: World, suite: str) -> None:
    with outside.host("lax", suite=suite, bpf=False) as host:
        host.boot()
        done = host.unit(OWN_LISTENER, "PrivateNetwork=yes", "IPAddressDeny=any")

    assert (done.code, done.output, done.errors) == (0, "reached\n", "")


def test_io_uring_walks_around_restricted_families_and_the_filter_on_it_stops_that(
    bare_host: TargetHost, io_uring_probe: str
) -> None:
    without = _ring(bare_host, io_uring_probe, "RestrictAddressFamilies=AF_UNIX", "SystemCallFilter=@system-service")
    if without.startswith("io_uring_setup"):
        pytest.skip(f"this kernel makes no ring for anybody: {without}")
    families = "~io_uring_setup io_uring_enter io_uring_register"
    held = ("RestrictAddressFamilies=AF_UNIX", "SystemCallFilter=@system-service", f"SystemCallFilter={families}")

    assert without == "connected"
    assert _ring(bare_host, io_uring_probe, *held, "SystemCallErrorNumber=EPERM").startswith("io_uring_setup:")


def _ring(host: TargetHost, probe: str, *properties: str) -> str:
    settings = [word for each in properties for word in ("-p", each)]
    words = ["systemd-run", "--wait", "--pipe", "--quiet", "--collect", *settings, probe, SINK, "443"]
    return host.exec(*words, check=False).output.strip()


def test_socket_bind_deny_does_nothing_on_debian_12_so_no_unit_of_ours_counts_on_it(
    bare_host: TargetHost, suite: str
) -> None:
    ours = _text_of("roles/**/*.j2", "roles/**/*.yml")
    assert not re.search(r"SocketBind|RestrictNetworkInterfaces|RestrictFileSystems", ours)
    if suite != "bookworm":
        pytest.skip("Debian 12's systemd is the one that is built without it")

    bound = bare_host.unit(BINDS, "SocketBindDeny=any")

    assert "-BPF_FRAMEWORK" in bare_host.exec("systemctl", "--version").output
    assert bound.output == "bound\n", bound.text


@pytest.mark.usefixtures("refused_by_uid")
def test_the_firewall_by_uid_holds_alone(bare_host: TargetHost) -> None:
    assert bare_host.unit(REACHES, uid=UID, arguments=(BRIEF,)).output == "refused\n"
    assert bare_host.unit(REACHES, uid=UID + 1, arguments=(PATIENT,)).output == "outside\n"


def test_the_units_address_filter_holds_alone(bare_host: TargetHost) -> None:
    assert bare_host.unit(REACHES, "IPAddressDeny=any", uid=UID, arguments=(BRIEF,)).output == "refused\n"
    assert bare_host.unit(REACHES, uid=UID, arguments=(PATIENT,)).output == "outside\n"


def test_an_allowed_address_is_allowed_on_every_port_so_ports_are_the_firewalls(bare_host: TargetHost) -> None:
    either = REACHES.replace("443", "80")

    for script in (REACHES, either):
        done = bare_host.unit(script, "IPAddressDeny=any", f"IPAddressAllow={SINK}", uid=UID, arguments=(PATIENT,))
        assert done.output == "outside\n", done.text


def test_a_dynamic_user_has_no_number_that_a_firewall_could_name_so_ours_are_fixed(bare_host: TargetHost) -> None:
    words = ["systemd-run", "--wait", "--pipe", "--quiet", "--collect", "-p", "DynamicUser=yes"]
    uids = {bare_host.exec(*words, f"--unit=dynamic-{n}", "id", "-u").output for n in ("one", "two")}

    assert len(uids) == 2
    assert "DynamicUser" not in _text_of("roles/**/*.j2", "roles/**/*.yml")


def test_a_credential_is_shown_to_its_unit_alone(bare_host: TargetHost) -> None:
    bare_host.write("/etc/secret", "of the provider\n", mode="0600")
    reads = "import os; print(open(os.environ['CREDENTIALS_DIRECTORY'] + '/key').read().strip())"

    given = bare_host.unit(reads, "LoadCredential=key:/etc/secret", uid=UID)
    itself = bare_host.unit("print(open('/etc/secret').read())", uid=UID)

    assert given.output == "of the provider\n", given.text
    assert "PermissionError" in itself.errors


def test_no_role_needs_what_systemd_249_does_not_have() -> None:
    assert not re.search(
        r"systemd-creds|LoadCredentialEncrypted|SetCredential", _text_of("roles/**/*.j2", "roles/**/*.yml")
    )


def test_the_firewalls_words_parse_on_the_oldest_nft_too() -> None:
    rules = _text_of("roles/firewall/templates/*.j2")

    assert "icmpx type admin-prohibited" in rules
    assert not re.search(r"icmpx (?!type )", rules)


def test_the_ssh_session_in_which_a_closed_firewall_is_loaded_lives_on(
    bare_host: TargetHost, controller: Callable[..., Controller], playbooks: Path
) -> None:
    """Conntrack meets the session midway and may take the server for the one who began: one stateless rule helps."""

    def load(task: Task) -> bool:
        if (task.state, task.name) == ("begins", "Wait"):
            bare_host.in_network("nft", "-f", "-", given=CLOSED)
        return False

    try:
        played = controller(bare_host, playbooks=playbooks).play("trial.yml", watch=load)
        fresh = controller(bare_host, playbooks=playbooks).play("trial.yml")
    finally:
        bare_host.in_network("nft", "delete", "table", "inet", "closed")

    assert played.code == 0, played.text
    assert fresh.code == 0, fresh.text


def test_a_resolver_that_is_gone_and_a_name_that_is_nowhere_do_not_stop_the_playbook(
    bare_host: TargetHost, controller: Callable[..., Controller], playbooks: Path
) -> None:
    """Every sudo waits for the resolver then, longer than Ansible does unless it is told to."""
    hosts = bare_host.read("/etc/hosts")
    bare_host.write("/etc/hosts", "127.0.0.1 localhost\n")
    bare_host.write("/etc/resolv.conf", f"nameserver {SILENT}\n")
    try:
        played = controller(bare_host, playbooks=playbooks).play("trial.yml", options=["--tags", "one"])
    finally:
        bare_host.write("/etc/hosts", hosts)
        bare_host.exec("rm", "/etc/resolv.conf")

    assert played.code == 0, played.text


def test_a_play_that_matches_no_host_is_no_success(
    outside: World, bare_host: TargetHost, tmp_path: Path, playbooks: Path
) -> None:
    groups = {"misspelt": [bare_host.name]}
    controller = Controller(world=outside, hosts=[bare_host], folder=tmp_path, groups=groups, playbooks=playbooks)

    with pytest.raises(RuntimeError, match="no host"):
        controller.play("trial.yml")


def test_a_bare_host_lacks_what_the_apt_module_needs(bare_host: TargetHost) -> None:
    """So the role brings python3-apt by a command, before the first task that uses the module."""
    assert bare_host.exec("python3", "-c", "import apt", check=False).code != 0


@pytest.fixture
def playbooks(tmp_path: Path) -> Path:
    """Return a folder with our settings of Ansible and a small playbook."""
    folder = tmp_path / "playbooks"
    folder.mkdir()
    (folder / "ansible.cfg").write_text((ANSIBLE / "ansible.cfg").read_text())
    (folder / "trial.yml").write_text(TRIAL)
    return folder


TRIAL = """
- name: Trial
  hosts: appliance
  become: true
  gather_facts: false
  tasks:
    - name: Wait
      ansible.builtin.command: sleep 1
      tags: [one]
    - name: Say that it lives
      ansible.builtin.command: "true"
"""

CLOSED = """
table inet closed {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established accept
    tcp dport 22 accept
  }
  chain output {
    type filter hook output priority filter; policy drop;
    meta skuid 0 tcp sport 22 tcp flags & (syn | ack) == ack accept
    ct state established ct direction reply accept
  }
}
"""


def _text_of(*patterns: str) -> str:
    return "\n".join(file.read_text() for pattern in patterns for file in sorted(ANSIBLE.glob(pattern)))
