"""The root that every target host starts from: a minimal Debian or Ubuntu with systemd, sshd and sudo, never written.

It is built once a suite, with debootstrap, which takes a minute.  Whoever needs it meanwhile waits; an interrupted
build is begun again from what it had fetched.  Nothing of the building machine stays in it: debootstrap copies its
name and its resolver, and a dead resolver makes every sudo wait for 20 seconds.
"""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.support.target_host.places import CACHE, one_at_a_time

PACKAGES = (
    "ca-certificates", "dbus", "gpgv", "iproute2", "libpam-systemd", "openssh-server", "procps", "python3", "sudo",
    "systemd-sysv",
)  # fmt: skip
"""What a server's own installer leaves there at the least; nothing that a role should bring."""

RESOLVED = {"trixie": ("systemd-resolved",), "noble": ("systemd-resolved", "python3-minimal")}
"""What a suite needs beside them."""

OPERATOR = "installer"
"""Who logs in over ssh and may become root."""

_FORM = 1
"""Raised when this module starts to build the root in another way."""

_LEAKS = ("etc/hostname", "etc/resolv.conf")
_MASKED = (
    "systemd-networkd-wait-online.service", "getty.target", "console-getty.service", "apt-daily.timer",
    "apt-daily-upgrade.timer",
)  # fmt: skip
_WITHIN_S = 1800.0


def base_root(suite: str) -> Path:
    """Return the root of this suite, built if it is not there.  Raises RuntimeError with the last lines if it fails."""
    root = CACHE / f"base-{suite}"
    stamp = _stamp(suite)
    with one_at_a_time(f"base-{suite}"):
        if not _is_whole(root, stamp):
            _build(root, suite)
            _stamp_file(root).write_text(stamp)
    return root


def operator_key() -> Path:
    """Return the private key that the operator logs in with; its other half is in every base root."""
    key = CACHE / "operator"
    with one_at_a_time("operator"):
        if not key.with_suffix(".pub").exists():
            key.unlink(missing_ok=True)
            CACHE.mkdir(parents=True, exist_ok=True)
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", str(key))
    return key


def known_host(root: Path, address: str) -> str:
    """Return the line of ssh's known hosts for a host that started from this root."""
    kind, key, *_ = (root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
    return f"{address} {kind} {key}\n"


def _is_whole(root: Path, stamp: str) -> bool:
    file = _stamp_file(root)
    return root.is_dir() and file.is_file() and file.read_text() == stamp


def _stamp_file(root: Path) -> Path:
    return root.with_name(f"{root.name}.stamp")


def _stamp(suite: str) -> str:
    facts = [_FORM, suite, _packages(suite), operator_key().with_suffix(".pub").read_text()]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _packages(suite: str) -> str:
    return ",".join([*PACKAGES, *RESOLVED.get(suite, ())])


def _build(root: Path, suite: str) -> None:
    """Fetch and unpack under another name, then rename; the stamp is written last by the caller."""
    _stamp_file(root).unlink(missing_ok=True)
    partial, fetched = root.with_name(f"{root.name}.partial"), root.with_name(f"fetched-{suite}")
    for folder in (root, partial):
        if folder.exists():
            shutil.rmtree(folder)
    fetched.mkdir(parents=True, exist_ok=True)
    options = ["--variant=minbase", f"--include={_packages(suite)}", f"--cache-dir={fetched}"]
    if suite in ("noble", "jammy"):
        options.append("--components=main,universe")
    # Its own mount and process namespaces: a build that is killed leaves no /proc mounted in a half-made root.
    apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
    _run(*apart, "debootstrap", *options, suite, str(partial))
    _furnish(partial)
    partial.rename(root)


def _furnish(root: Path) -> None:
    """Let the operator in, and take out what would differ from a server that was installed by itself."""
    _run("chroot", str(root), "useradd", "--create-home", "--shell", "/bin/bash", OPERATOR)
    _write(root / "etc/sudoers.d" / OPERATOR, f"{OPERATOR} ALL=(ALL) NOPASSWD: ALL\n", 0o440)
    keys = root / "home" / OPERATOR / ".ssh"
    keys.mkdir(mode=0o700)
    _write(keys / "authorized_keys", operator_key().with_suffix(".pub").read_text(), 0o600)
    _run("chroot", str(root), "chown", "-R", f"{OPERATOR}:{OPERATOR}", f"/home/{OPERATOR}/.ssh")
    _run("chroot", str(root), "systemctl", "--quiet", "enable", "systemd-networkd", "ssh")
    _run("chroot", str(root), "systemctl", "--quiet", "mask", *_MASKED)
    for leak in _LEAKS:
        (root / leak).unlink(missing_ok=True)
    _run("chroot", str(root), "apt-get", "clean")
    (root / "etc/machine-id").write_text("")  # each host gets its own at its first boot


def _write(file: Path, text: str, mode: int) -> None:
    file.write_text(text)
    file.chmod(mode)


def _run(*words: str) -> None:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_WITHIN_S, check=False,
        env=environment,
    )  # fmt: skip
    if done.returncode != 0:
        last = "\n".join(done.stdout.splitlines()[-15:])
        raise RuntimeError(f"'{' '.join(words[:6])} ...' failed with {done.returncode}:\n{last}")
