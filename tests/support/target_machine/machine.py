"""One whole machine in a world: QEMU and a TPM of its own, reached by ssh from the LAN.

`cut_power` kills the emulator: what the machine's page cache held and never wrote is lost, as in a real power cut.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.target_host.base import operator_key
from tests.support.target_host.host import Done
from tests.support.target_host.world import LAN, NETWORK, OPERATOR, World
from tests.support.target_machine.disk import Disk, machine_disk, tools_root

ADDRESS = f"{NETWORK}.80"
BOOTED_WITHIN_S = 600.0
DATA_BYTES = 256 * 1024**2
"""A second disk, for a volume that the TPM unlocks."""

_START = """
set -e
mount --bind {folder} {tools}/mnt
mount -t proc proc {tools}/proc
mount --rbind /dev {tools}/dev
exec chroot {tools} sh -ec '
cd /mnt
swtpm socket --tpm2 --tpmstate dir=tpm --ctrl type=unixio,path=swtpm.sock --flags startup-clear --daemon
exec qemu-system-x86_64 -M q35,smm=on -accel tcg,thread=multi -cpu max -smp 2 -m 2048 -display none \\
  -serial file:console.log -no-reboot \\
  -drive if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \\
  -drive if=pflash,format=raw,unit=1,file=variables.fd \\
  -chardev socket,id=tpm,path=swtpm.sock -tpmdev emulator,id=tpm0,chardev=tpm -device tpm-crb,tpmdev=tpm0 \\
  -drive file=disk.raw,format=raw,if=virtio -drive file=data.raw,format=raw,if=virtio \\
  -kernel vmlinuz -initrd initrd -append "root=/dev/vda rw console=ttyS0" \\
  -netdev tap,id=net0,ifname={tap},script=no,downscript=no -device virtio-net-pci,netdev=net0
'
"""
_TAP = "tap0"


@dataclass(slots=True, kw_only=True)
class TargetMachine:
    """One machine; make it with `machine`."""

    outside: World = field(repr=False)
    folder: Path
    tools: Path
    address: str = ADDRESS
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def boot(self) -> None:
        """Switch it on and wait until ssh answers."""
        script = _START.format(folder=self.folder, tools=self.tools, tap=_TAP)
        words = self.outside.command("unshare", "--mount", "--propagation", "private", "sh", "-c", script)
        with (self.folder / "emulator.log").open("ab") as log:
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        limit_s = time.monotonic() + BOOTED_WITHIN_S
        while self.ssh("true", check=False, within_s=20).code != 0:
            if self._process.poll() is not None or time.monotonic() > limit_s:
                raise RuntimeError(f"the machine did not boot:\n{self._last_words()}")
            time.sleep(1)

    def cut_power(self) -> None:
        """End the emulator at once; does nothing if it is off."""
        if self._process is None:
            return
        for pid in _descendants(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def power_off(self) -> None:
        """Shut it down as an operator does."""
        if self._process is None:
            return
        self.ssh("systemctl", "poweroff", check=False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(BOOTED_WITHIN_S)
        self.cut_power()

    def ssh(self, *words: str, check: bool = True, given: str = "", within_s: float = 300.0) -> Done:
        """Run a command in it as root.  Raises RuntimeError if it fails, unless it may."""
        command = [
            "timeout", "--kill-after=5", str(within_s), "ssh", "-F", "none", "-i", str(operator_key()),
            "-o", f"UserKnownHostsFile={self.folder}/known_hosts", "-o", "GlobalKnownHostsFile=none",
            "-o", "ConnectTimeout=10", "-o", "BatchMode=yes", f"root@{self.address}", "--", *words,
        ]  # fmt: skip
        done = subprocess.run(self.outside.command(*command), input=given, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"'{' '.join(words)}': {done.stdout}\n{done.stderr}")
        return Done(code=done.returncode, output=done.stdout, errors=done.stderr)

    def script(self, text: str, *, check: bool = True) -> Done:
        """Run a shell script in it."""
        return self.ssh("bash", "-e", "-s", given=text, check=check)

    def _last_words(self) -> str:
        logs = [self.folder / name for name in ("emulator.log", "console.log")]
        text = "\n".join(log.read_text(errors="replace") for log in logs if log.exists())
        return "\n".join(text.splitlines()[-25:])


@contextmanager
def machine(outside: World, suite: str = "bookworm") -> Iterator[TargetMachine]:
    """Boot a machine of one's own until the end."""
    tools, disk = tools_root(), machine_disk(suite, address=ADDRESS, gateway=OPERATOR)
    folder = outside.folder / "machine"
    _lay_out(folder, disk, tools)
    outside.net.ip(f"tuntap add {_TAP} mode tap")
    outside.net.ip(f"link set {_TAP} master {LAN}")
    outside.net.ip(f"link set {_TAP} up")
    made = TargetMachine(outside=outside, folder=folder, tools=tools)
    try:
        made.boot()
        yield made
    finally:
        made.cut_power()


def _lay_out(folder: Path, disk: Disk, tools: Path) -> None:
    (folder / "tpm").mkdir(parents=True)
    for file in (disk.kernel, disk.initrd):
        shutil.copy(file, folder / file.name)
    subprocess.run(["cp", "--sparse=always", str(disk.image), str(folder / "disk.raw")], check=True)  # noqa: S607
    with (folder / "data.raw").open("wb") as data:
        data.truncate(DATA_BYTES)
    shutil.copy(tools / "usr/share/OVMF/OVMF_VARS_4M.fd", folder / "variables.fd")
    kind, key, *_ = (disk.folder / "host_key.pub").read_text().split()
    (folder / "known_hosts").write_text(f"{ADDRESS} {kind} {key}\n")


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found
