"""One target host: its disk, its power, and what can be done in it from outside.

Its disk is an overlay: the base root, then layers that were frozen from other hosts' disks, then its own upper folder.
Nothing writes into the upper folder while the host is on.  `cut_power` is a power cut as far as a container can show
one: every process is gone at once, in the middle of whatever it did; what the page cache held survives, which only a
whole machine can show otherwise (`tests.support.target_machine`).
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.target_host.groups import clear_group, group_name

BOOTED_WITHIN_S = 900.0
"""A bare host takes a second; an appliance is up when its engine has loaded the model, on a busy machine in minutes."""

OFF_WITHIN_S = 300.0
"""The engine finishes what is in flight first."""

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NETWORK = """\
[Match]
Name=host0
[Network]
Address={address}/24
Gateway={gateway}
Gateway={gateway_6}
LinkLocalAddressing=ipv6
IPv6AcceptRA=no
[Address]
Address={address_6}/64
DuplicateAddressDetection=none
"""
"""The address is there at once, so that nothing that is tried right after the boot fails for want of it."""

_START = """
set -e
group=/sys/fs/cgroup/{group}
mkdir -p "$group"
echo 0 > "$group/cgroup.procs"
exec unshare --mount --propagation private sh -ec '
mount -t overlay overlay -o "lowerdir={lower},upperdir={upper},workdir={work},redirect_dir=on" "{root}"
exec systemd-nspawn --quiet --directory="{root}" --machine="{machine}" --hostname="{name}" --register=no --keep-unit \\
  --boot --network-bridge=lan0 --console=pipe --resolv-conf=off --timezone=off --link-journal=no \\
  --system-call-filter={bpf} --capability=all {binds}
'
"""
"""A control group of its own, so that several hosts can run at once; and bpf(2), which IPAddressDeny= needs.  A folder
of a lower layer can be renamed, as on a server's one disk (redirect_dir)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended."""

    code: int
    output: str
    errors: str

    @property
    def text(self) -> str:
        """Return both streams, for a message."""
        return f"exit {self.code}\n{self.output}\n{self.errors}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A disk that was frozen, to start other hosts from."""

    folder: Path
    """Never written to again."""


@dataclass(slots=True, kw_only=True)
class TargetHost:
    """One host; make it with `World.host`."""

    name: str
    address: str
    """Of its one network card, on the LAN."""

    address_6: str
    base: Path
    layers: tuple[Layer, ...]
    folder: Path = field(repr=False)
    holder: int
    """The process that keeps the world."""

    binds: dict[str, Path] = field(default_factory=dict)
    """Folders of this machine that the host sees, read-only, by where it sees them: an install medium."""

    bpf: bool = True
    """Whether its systemd may load the filters of IPAddressDeny=; a container that may not is one of the findings."""

    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _leader: int = field(default=0, repr=False)

    @property
    def upper(self) -> Path:
        """The host's own part of its disk."""
        return self.folder / "upper"

    @property
    def root(self) -> Path:
        """The disk of a host that is on, as this machine sees it; sockets and /proc are the host's own."""
        return Path(f"/proc/{self._leader}/root")

    @property
    def is_on(self) -> bool:
        """Say whether it runs."""
        return self._process is not None and self._process.poll() is None

    def furnish(self, *, gateway: str, gateway_6: str) -> None:
        """Write its name and its network onto its disk, before it is on for the first time."""
        for part in ("upper", "work", "root"):
            (self.folder / part).mkdir(parents=True)
        network = self.upper / "etc/systemd/network/10-host0.network"
        network.parent.mkdir(parents=True)
        network.write_text(
            _NETWORK.format(address=self.address, address_6=self.address_6, gateway=gateway, gateway_6=gateway_6)
        )
        (self.upper / "etc/hostname").write_text(f"{self.name}\n")
        # The name must be found without a resolver, or every sudo waits for 20 seconds.
        (self.upper / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n::1 localhost\n")

    def boot(self) -> float:
        """Switch it on and wait until systemd has started what it starts and sshd answers; return the seconds."""
        started_s = time.monotonic()
        self.switch_on()
        self.until(self._is_running, within_s=BOOTED_WITHIN_S)
        self.until(lambda: self.run("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/22", check=False).code == 0)
        return time.monotonic() - started_s

    def switch_on(self) -> None:
        """Switch it on and wait for nothing but its first process."""
        assert not self.is_on, f"{self.name} is on already"
        lower = ":".join(str(folder) for folder in (*(layer.folder for layer in reversed(self.layers)), self.base))
        script = _START.format(
            group=self._group(),
            lower=lower,
            upper=self.upper,
            work=self.folder / "work",
            root=self.folder / "root",
            machine=f"{self.name}-{self.address.rsplit('.', 1)[-1]}",
            name=self.name,
            bpf="bpf" if self.bpf else "~bpf",
            binds=" ".join(f'"--bind-ro={source}:{place}"' for place, source in self.binds.items()),
        )
        words = ["nsenter", "-t", str(self.holder), "--net", "--mount", "--pid", "--", "sh", "-c", script]
        with self.console.open("ab") as log:
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._leader = 0
        self.until(self._has_leader, within_s=BOOTED_WITHIN_S)

    @property
    def console(self) -> Path:
        """What it printed while it started and stopped."""
        return self.folder / "console.log"

    def power_off(self) -> None:
        """Shut it down as an operator does, and wait for its end."""
        if not self.is_on:
            return
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._leader, signal.SIGRTMIN + 4)  # systemd(1): poweroff.target
        try:
            self._process.wait(OFF_WITHIN_S)
        except subprocess.TimeoutExpired as error:
            self.cut_power()
            raise RuntimeError(f"{self.name} did not shut down:\n{self._last_words()}") from error
        clear_group(self.holder, self._group())

    def cut_power(self) -> None:
        """End every process of it at once; does nothing if it is off."""
        if self._process is None:
            return
        for pid in (*_descendants(self._process.pid), self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        clear_group(self.holder, self._group())

    def reboot(self) -> float:
        """Shut it down and boot it; return the seconds from the second switch on."""
        self.power_off()
        return self.boot()

    def freeze(self, folder: Path) -> Layer:
        """Make a layer of its disk, in this folder; the host must be off and is of no use afterwards."""
        assert not self.is_on, f"{self.name} is on"
        shutil.move(self.upper, folder)
        return Layer(folder=folder)

    def exec(self, *words: str, check: bool = True, given: str = "", within_s: float = 120.0) -> Done:
        """Run a command in it as root, without ssh.  Raises RuntimeError if it fails, unless it may."""
        done = self.run(*words, check=False, given=given, within_s=within_s)
        if check and done.code != 0:
            raise RuntimeError(f"'{' '.join(words)}' on {self.name}: {done.text}")
        return done

    def run(self, *words: str, check: bool, given: str = "", within_s: float = 120.0) -> Done:
        """Run a command in it, bounded from inside, so that nothing of it lives on."""
        spaces = ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--"]
        environment = ["/usr/bin/env", "-i", _PATH, "HOME=/root", "LANG=C.UTF-8"]
        bounded = ["timeout", "--kill-after=5", str(within_s)]
        done = subprocess.run(
            [*spaces, *environment, *bounded, *words], input=given, capture_output=True, text=True, check=check,
            errors="replace",
        )  # fmt: skip
        return Done(code=done.returncode, output=done.stdout, errors=done.stderr)

    def python(self, script: str, *arguments: str, check: bool = True) -> Done:
        """Run a Python script in it as root."""
        return self.exec("python3", "-I", "-", *arguments, given=script, check=check)

    def unit(self, script: str, *properties: str, uid: int = 0, arguments: tuple[str, ...] = ()) -> Done:
        """Run a Python script in a transient unit with these properties, such as ``IPAddressDeny=any``."""
        settings = [word for each in (*properties, f"User={uid}") for word in ("-p", each)]
        words = ["systemd-run", "--wait", "--pipe", "--quiet", "--collect", *settings, "python3", "-I", "-c", script]
        return self.exec(*words, *arguments, check=False)

    def in_network(self, *words: str, given: str = "") -> Done:
        """Run a program of this machine in the host's network and nothing else of it."""
        command = ["timeout", "60", "nsenter", "-t", str(self._leader), "--net", "--", *words]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"'{' '.join(words)}': {done.stderr}")
        return Done(code=0, output=done.stdout, errors=done.stderr)

    def read(self, path: str) -> str:
        """Return a file of it."""
        return self.exec("cat", path).output

    def write(self, path: str, text: str, *, mode: str = "0644") -> None:
        """Write a file of it, with its folder, as root."""
        self.exec("install", "-D", "-m", mode, "/dev/stdin", path, given=text)

    def copy(self, source: Path, path: str, *, mode: str = "0644") -> None:
        """Copy a file of this machine into it, as root's."""
        spaces = ["nsenter", "-t", str(self._leader), "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--"]
        with source.open("rb") as content:
            subprocess.run([*spaces, "install", "-D", "-m", mode, "/dev/stdin", path], stdin=content, check=True)

    def until(self, holds: Callable[[], bool], *, within_s: float = 120.0) -> None:
        """Return once this holds; fail with the host's last words after the time."""
        limit_s = time.monotonic() + within_s
        while not holds():
            if self._process is not None and self._process.poll() is not None:
                raise RuntimeError(f"{self.name} went off by itself:\n{self._last_words()}")
            if time.monotonic() > limit_s:
                raise RuntimeError(f"not within {within_s:.0f} s on {self.name}:\n{self._last_words()}")
            time.sleep(0.1)

    def _is_running(self) -> bool:
        return self.run("systemctl", "is-system-running", check=False).output.strip() in ("running", "degraded")

    def _has_leader(self) -> bool:
        """Find process 1 of the host among nspawn's descendants."""
        assert self._process is not None
        for pid in _descendants(self._process.pid):
            with contextlib.suppress(OSError, ProcessLookupError):
                status = Path(f"/proc/{pid}/status").read_text()
                ids = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
                is_init = Path(f"/proc/{pid}/comm").read_text().strip() in ("systemd", "init")
                if ids[-1] == "1" and len(ids) > 2 and is_init:
                    self._leader = pid
                    return True
        return False

    def _group(self) -> str:
        return group_name(self.address.rsplit(".", 1)[-1])

    def _last_words(self) -> str:
        text = self.console.read_text(errors="replace") if self.console.exists() else ""
        return "\n".join(text.splitlines()[-25:])


def _descendants(pid: int) -> list[int]:
    """Return everybody below this process, as seen from here."""
    found: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *_descendants(int(child))]
    return found
