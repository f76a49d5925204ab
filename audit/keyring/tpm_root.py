"""The root key bound to this machine's TPM 2.0: a stolen disk or a copied folder opens nothing.

The TPM seals 32 random bytes, and those wrap the root.  Two locks, one of which may be chosen: a PIN, which the TPM
itself refuses after too many wrong ones, or PCRs, so that only the same firmware and boot chain get it.  (Both at once
would need the PIN in an argument of tpm2_unseal.)  With neither, whoever runs this machine opens it.
A cleared or broken TPM never gives its secret back: keep `root.json` from before under a passphrase.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from audit.canonical import Value
from audit.errors import OpenError
from audit.keyring.months import SECRET_BYTES
from audit.keyring.root import Protection, RootFile, RootProtector
from audit.keyring.tpm_tools import Tpm, open_tpm
from audit.keyring.wrapping import root_identity, unwrap, wrap

AUTH_DIGITS = 32
"""A TPM takes an authorisation of at most 32 bytes here: the length of its name algorithm's digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TpmProtector(RootProtector):
    """Keeps a root key in this machine's TPM."""

    tcti: str = ""
    """How the TPM is reached, as TPM2TOOLS_TCTI; empty for the machine's own."""

    pcrs: str = ""
    """Selection such as ``sha256:0,2,4,7``; empty when the state of the machine does not matter."""

    pin: bytes = field(default=b"", repr=False)

    @property
    @override
    def protection(self) -> Protection:
        return Protection.TPM2

    @override
    def wrap(self, root: bytes, *, origin: str) -> dict[str, Value]:
        if self.pcrs and self.pin:
            raise OpenError("a root in the TPM is locked by a PIN or by PCRs, not by both; choose one")
        key = secrets.token_bytes(SECRET_BYTES)
        with open_tpm(self.tcti) as tpm:
            public, private = self._seal(tpm, key)
        return {
            "protector": Protection.TPM2.value,
            "tcti": self.tcti,
            "pcrs": self.pcrs,
            "pin": bool(self.pin),
            "public": public.hex(),
            "private": private.hex(),
            "root": wrap(key, root, root_identity(origin)).hex(),
        }

    @override
    def unwrap(self, file: RootFile) -> bytes:
        with open_tpm(self.tcti) as tpm:
            for name in ("public", "private"):
                Path(tpm.path(name)).write_bytes(file.data(name))
            key = self._unseal(tpm)
        root = unwrap(key, file.data("root"), root_identity(file.origin)) if len(key) == SECRET_BYTES else None
        if root is None:
            raise OpenError(f"what the TPM sealed does not open {file.path}; restore it from the backup")
        return root

    def _seal(self, tpm: Tpm, key: bytes) -> tuple[bytes, bytes]:
        policy = self._policy(tpm)
        attributes = "fixedtpm|fixedparent" if self.pcrs else "fixedtpm|fixedparent|userwithauth"
        # Without a PIN there is nothing to guess: others' wrong PINs must not lock this out.
        attributes += "" if self.pin else "|noda"
        with tpm.session("--hmac-session") as session:
            tpm.run(
                "tpm2_create", "-Q", "-C", tpm.path("primary.ctx"), "-i", "-", "-u", tpm.path("public"),
                "-r", tpm.path("private"), "-a", attributes, "-S", session, *policy, data=key, auth=self._auth(),
            )  # fmt: skip
            tpm.flush()
        return Path(tpm.path("public")).read_bytes(), Path(tpm.path("private")).read_bytes()

    def _policy(self, tpm: Tpm) -> tuple[str, ...]:
        """Return the arguments that bind to the machine's present state."""
        if not self.pcrs:
            return ()
        trial, policy = tpm.path("trial.ctx"), tpm.path("policy")
        tpm.run("tpm2_startauthsession", "-S", trial)
        tpm.run("tpm2_policypcr", "-Q", "-S", trial, "-l", self.pcrs, "-L", policy)
        tpm.run("tpm2_flushcontext", trial)
        return ("-L", policy)

    def _unseal(self, tpm: Tpm) -> bytes:
        loaded = tpm.path("sealed.ctx")
        tpm.run(
            "tpm2_load", "-Q", "-C", tpm.path("primary.ctx"), "-u", tpm.path("public"), "-r", tpm.path("private"),
            "-c", loaded,
        )  # fmt: skip
        tpm.flush()
        with tpm.session("--policy-session" if self.pcrs else "--hmac-session") as session:
            if not self.pcrs:
                return tpm.run("tpm2_unseal", "-c", loaded, "-S", session, auth=self._auth())
            tpm.run("tpm2_policypcr", "-Q", "-S", session, "-l", self.pcrs)
            return tpm.run("tpm2_unseal", "-c", loaded, "-p", f"session:{session}")

    def _auth(self) -> bytes:
        """Return what the TPM takes as the PIN: of one length, and of characters that no tool reads otherwise."""
        if not self.pin:
            return b""
        return hashlib.sha256(b"audit/1/tpm-pin\n" + self.pin).hexdigest()[:AUTH_DIGITS].encode()
