"""What a whole machine boots: a disk image, a kernel, and the root in which the emulator is installed.

Both are built once under `.cache`, by debootstrap; an interrupted build is begun again.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.target_host.base import operator_key
from tests.support.target_host.places import CACHE, one_at_a_time

TOOLS_SUITE = "trixie"
"""Its QEMU is the newest that debootstrap reaches."""

TOOLS = "qemu-system-x86,swtpm,swtpm-tools,ovmf"
PACKAGES = (
    "apparmor,auditd,ca-certificates,cryptsetup-bin,dbus,e2fsprogs,gpgv,initramfs-tools,iproute2,kmod,libpam-systemd,"
    "libtss2-rc0,libtss2-tcti-device0,linux-image-amd64,nftables,openssh-server,procps,python3,sudo,systemd-sysv,"
    "tpm2-tools,udev"
)
"""A server as its installer leaves it, and what a test asks its TPM with."""

SIZE_BYTES = 8 * 1024**3
_APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private")
_WITHIN_S = 3600.0

_NETWORK = """\
[Match]
Name=en*
[Network]
Address={address}/24
Gateway={gateway}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """Everything that a machine boots from; copied for each machine."""

    folder: Path

    @property
    def image(self) -> Path:
        """The root file system, whole."""
        return self.folder / "disk.raw"

    @property
    def kernel(self) -> Path:
        """The release's own kernel."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """And its first root."""
        return self.folder / "initrd"


def tools_root() -> Path:
    """Return the root with the emulator, built if it is not there."""
    root = CACHE / "machine-tools"
    with one_at_a_time(root.name):
        if not root.is_dir():
            partial = _fresh(root)
            _run(*_APART, "debootstrap", "--variant=minbase", f"--include={TOOLS}", TOOLS_SUITE, str(partial))
            partial.rename(root)
    return root


def machine_disk(suite: str, *, address: str, gateway: str) -> Disk:
    """Return the disk of a release for a machine with this address, built if it is not there."""
    disk = Disk(folder=CACHE / f"machine-{suite}-{address}")
    with one_at_a_time("machine"):
        if not disk.folder.is_dir():
            partial = _fresh(disk.folder)
            _furnish(partial, suite, _NETWORK.format(address=address, gateway=gateway))
            partial.rename(disk.folder)
    return disk


def _furnish(folder: Path, suite: str, network: str) -> None:
    root = folder / "root"
    _run(*_APART, "debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, str(root))
    for leak in ("etc/resolv.conf", "etc/hostname"):
        (root / leak).unlink(missing_ok=True)
    (root / "etc/hostname").write_text("machine\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 machine\n")
    (root / "etc/fstab").write_text("/dev/vda / ext4 rw 0 1\n")
    (root / "etc/systemd/network/10-lan.network").write_text(network)
    keys = root / "root/.ssh"
    keys.mkdir(mode=0o700, exist_ok=True)
    (keys / "authorized_keys").write_text(operator_key().with_suffix(".pub").read_text())
    _run("chroot", str(root), "systemctl", "--quiet", "enable", "systemd-networkd", "ssh")
    _run("chroot", str(root), "systemctl", "--quiet", "mask", "systemd-networkd-wait-online.service")
    for name in ("vmlinuz", "initrd"):
        shutil.copy(next((root / "boot").glob(f"{name}*-*")), folder / name)
    shutil.copy(root / "etc/ssh/ssh_host_ed25519_key.pub", folder / "host_key.pub")
    image = folder / "disk.raw"
    with image.open("wb") as file:
        file.truncate(SIZE_BYTES)
    _run("mkfs.ext4", "-q", "-F", "-d", str(root), str(image))
    shutil.rmtree(root)


def _fresh(folder: Path) -> Path:
    partial = folder.with_name(f"{folder.name}.partial")
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    return partial


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=_WITHIN_S)
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise RuntimeError(f"'{' '.join(words[-4:])}' failed:\n{last}")
