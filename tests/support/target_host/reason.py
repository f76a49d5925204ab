"""Whether this machine can have target hosts, and if not, why: a test that is skipped says what it would need."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.target_host.places import run_folder

TOOLS = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "timeout": "coreutils",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
"""Program and the package that brings it."""

_TRY = """
mount -t tmpfs tmpfs /run
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir /sys/fs/cgroup/{name} && rmdir /sys/fs/cgroup/{name}
cd "{folder}" && mkdir lower upper work merged
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work,redirect_dir=on merged
ip link add lan0 type bridge
"""
_APART = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private")
_WITHIN_S = 60.0


def reason_to_skip() -> str:
    """Return why there can be no target host here; empty if there can."""
    if os.geteuid() != 0:
        return "target hosts are booted by root only"
    missing = {package for tool, package in TOOLS.items() if shutil.which(tool) is None}
    if missing:
        return f"not installed: {', '.join(sorted(missing))}"
    with run_folder() as folder:
        return _refusal(folder)


def _refusal(folder: Path) -> str:
    script = _TRY.format(folder=folder, name=f"appliance-try-{os.getpid()}")
    done = subprocess.run(
        [*_APART, "sh", "-ec", script], capture_output=True, text=True, timeout=_WITHIN_S, check=False
    )
    if done.returncode == 0:
        return ""
    return f"this machine allows no cgroup2, overlay or network namespace: {done.stderr.strip()}"
