"""Process 1 of a world: as long as it lives there is a world, and it lives as long as its standard input is open.

Run by path, with the standard library alone.  When it ends, for whatever reason, the kernel kills everything in its
process namespace and takes the network and the mounts away.
"""

import signal
import subprocess
import sys

_MOUNTS = """
mount -t tmpfs -o mode=755 tmpfs /run
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
"""
"""A pure unified hierarchy: systemd ignores IPAddressDeny= on a hybrid one, silently.  And a /run of its own, where
systemd-nspawn keeps what belongs to a machine's name."""

subprocess.run(["sh", "-ec", _MOUNTS], check=True)  # noqa: S607 - a fixed script
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever loses its parent here is reaped at once
sys.stdout.write("up\n")
sys.stdout.flush()
sys.stdin.read()
