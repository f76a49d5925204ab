"""A whole machine for what a container cannot show: its own kernel, UEFI, TPM 2.0, AppArmor, audit, and a page cache.

    with world() as outside, machine(outside) as booted:
        booted.ssh("systemd-creds", "has-tpm2")

QEMU without KVM, so it is slow: half a minute to boot.  The emulator lives in a root of its own (`tools`), so nothing
is installed on the machine that tests.
"""

from tests.support.target_machine.machine import TargetMachine, machine

__all__ = ["TargetMachine", "machine"]
