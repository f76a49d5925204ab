"""Speak to a TPM 2.0 through tpm2-tools, and say in words what it refused.

The tools are few, packaged by every distribution, and read secrets from descriptors.  Sessions that carry a secret are
salted and encrypted, so that a probe on the bus between processor and TPM reads nothing.  Without a resource manager a
TPM keeps three objects, so each tool's leftovers are flushed.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit.errors import OpenError, SecretRefusedError
from audit.keyring.child import memory_file, run_child

PRIMARY_ATTRIBUTES = "restricted|decrypt|fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda"
"""A storage key as tpm2-tools make it, but for the last word: it has no PIN, so wrong PINs must not lock it."""

_CODE = re.compile(r"\(0x([0-9A-Fa-f]+)\)")
"""How tpm2-tools name a response code of the TPM."""

_FORMAT_ONE = 0x80
"""Bit of a response code that says that handle, session or parameter number stand in it (TPM 2.0 part 2, 6.6)."""

_FORMAT_ONE_MASK = 0x0BF
"""What is left of such a code without those numbers."""

_WRONG_PIN = 0x08E
"""TPM_RC_AUTH_FAIL: the TPM has counted the attempt."""

_REFUSALS = {
    _WRONG_PIN: (
        "the PIN of the TPM is wrong. It was tried once and is not tried again, because too many wrong PINs lock the "
        "TPM; find the right one first"
    ),
    0x0A2: "the owner's authorisation of the TPM is set; this release needs it empty, see tpm2_changeauth",
    0x921: "the TPM is locked after too many wrong PINs; wait, or have its owner run tpm2_dictionarylockout",
    0x09D: (
        "this machine did not start as it did when the root was sealed (its PCRs differ); start the system of that "
        "time, or restore the root kept under another protector"
    ),
    0x09F: (
        "this TPM does not know this root: it was cleared, or it is another machine's; restore the root kept under "
        "another protector"
    ),
}
"""What a person reads, by response code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tpm:
    """One conversation with a TPM, in a private folder of its own."""

    folder: Path
    tcti: str
    """How the TPM is reached, as TPM2TOOLS_TCTI; empty for the machine's own."""

    def run(self, tool: str, *arguments: str, data: bytes = b"", auth: bytes = b"") -> bytes:
        """Run one tool and return what it wrote; `auth` goes in as ``-p``.  Raises OpenError saying what to do."""
        if not auth:
            return self._run(tool, arguments, data=data)
        with memory_file(auth) as descriptor:
            return self._run(tool, (*arguments, "-p", f"file:/dev/fd/{descriptor}"), data=data, inherited=(descriptor,))

    def flush(self) -> None:
        """Free what the tools before left in the TPM."""
        self.run("tpm2_flushcontext", "-t")

    def path(self, name: str) -> str:
        """Return the path of a file of this conversation."""
        return str(self.folder / name)

    @contextmanager
    def session(self, kind: str) -> Iterator[str]:
        """Give the file of an encrypted session that is salted to the primary key, and end it after."""
        path = self.path("session.ctx")
        self.run("tpm2_startauthsession", kind, "-S", path, "-c", self.path("primary.ctx"))
        self.flush()
        try:
            self.run("tpm2_sessionconfig", path, "--enable-encrypt", "--enable-decrypt")
            yield path
        finally:
            self.tidy("tpm2_flushcontext", path)

    def make_primary(self) -> None:
        """Make the primary key, the same each time until the TPM is cleared."""
        self.run(
            "tpm2_createprimary", "-Q", "-C", "o", "-g", "sha256", "-G", "ecc", "-a", PRIMARY_ATTRIBUTES,
            "-c", self.path("primary.ctx"),
        )  # fmt: skip
        self.flush()

    def _run(self, tool: str, arguments: tuple[str, ...], *, data: bytes, inherited: tuple[int, ...] = ()) -> bytes:
        ended = run_child([tool, *arguments], data=data, environment=self._environment(), inherited=inherited)
        if ended.code:
            raise _refusal(tool, ended.err)
        return ended.out

    def tidy(self, tool: str, *arguments: str) -> None:
        """Run a tool that tidies up after one that may have failed: that one's error is told, not this one's."""
        run_child([tool, *arguments], environment=self._environment())

    def _environment(self) -> dict[str, str]:
        return {"TPM2TOOLS_TCTI": self.tcti} if self.tcti else {}


@contextmanager
def open_tpm(tcti: str) -> Iterator[Tpm]:
    """Give a conversation with the TPM; its files hold no secret and are gone after."""
    with tempfile.TemporaryDirectory(prefix="tpm-") as folder:
        tpm = Tpm(folder=Path(folder), tcti=tcti)
        tpm.make_primary()
        try:
            yield tpm
        finally:
            tpm.tidy("tpm2_flushcontext", "-t")


def _refusal(tool: str, messages: str) -> OpenError:
    """Return what a person reads, by the response code that the tool named."""
    codes = [int(code, 16) for code in _CODE.findall(messages)]
    for code in codes:
        plain = code & _FORMAT_ONE_MASK if code & _FORMAT_ONE else code
        if plain in _REFUSALS:
            return (SecretRefusedError if plain == _WRONG_PIN else OpenError)(_REFUSALS[plain])
    if "tcti" in messages.lower():
        return OpenError(
            "no TPM answers; see that the machine has one, that it is switched on, and that you may use /dev/tpmrm0"
        )
    if not codes:
        return OpenError(f"{tool} did not understand what it was given; PCRs are written as sha256:0,2,4,7")
    return OpenError(f"the TPM refused {tool} (0x{codes[0]:x}); see the list of response codes of TPM 2.0")
