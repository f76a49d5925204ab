"""The root key under an AES key of a PKCS#11 token: an HSM, a smart card, a network key store.

The token encrypts and decrypts 32 bytes with AES-256-GCM, bound to the trail; its key is made on the token and cannot
be taken out.  Not RSA or EC: a root wrapped so today could be opened by a quantum computer from an old backup.  Not
CKM_AES_KEY_WRAP: it binds nothing to the trail, and the root would have to become an object that may leave the token.
The PIN is given to the token once; a wrong one is never tried again, because the token locks.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from audit.canonical import Value
from audit.errors import OpenError, SecretRefusedError
from audit.keyring.child import run_child
from audit.keyring.months import SECRET_BYTES
from audit.keyring.root import Protection, RootFile, RootProtector
from audit.keyring.wrapping import root_identity

PROGRAM = "audit.keyring.pkcs11_program"
"""Module that speaks to the token, in a process of its own."""

_REFUSALS = {
    "module": "the PKCS#11 module {module} cannot be loaded; install the token's software, or correct its path",
    "token": "no token named '{token}' is there; plug it in or start its service, and run this again",
    "tokens": "several tokens are named '{token}'; give each a name of its own",
    "pin": (
        "the PIN of the token '{token}' is wrong. It was tried once and is not tried again, because too many wrong "
        "PINs lock the token; find the right one first"
    ),
    "locked": "the PIN of the token '{token}' is locked; unlock it with the token's own tool and its security officer",
    "final": (
        "the next wrong PIN locks the token '{token}', so it was not tried; log in once with the token's own tool, "
        "such as pkcs11-tool --login --test"
    ),
    "key": "the key of this root is not on the token '{token}'; restore the token from its backup",
    "extractable": "the root's key can be taken out of the token '{token}', so it is not used; restore the right one",
    "mechanism": "the token '{token}' does not do AES-GCM; choose another token",
    "opens": "the key on the token '{token}' does not open root.json; restore root.json or the token from the backup",
}
"""What a person reads for each refusal, by the name that the program answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenProtector(RootProtector):
    """Keeps a root key on a PKCS#11 token."""

    module: Path
    """The vendor's library; it runs as whoever runs this, so only its owner may be able to write it."""

    token: str
    """The token's label."""

    pin: bytes = field(repr=False)

    key: str = ""
    """CKA_ID of the key that wraps, hex; empty makes one.  What unwraps is named by `root.json`."""

    @property
    @override
    def protection(self) -> Protection:
        return Protection.PKCS11

    @override
    def wrap(self, root: bytes, *, origin: str) -> dict[str, Value]:
        answer = self._ask("wrap" if self.key else "make", data=root, key=self.key, identity=root_identity(origin))
        return {
            "protector": Protection.PKCS11.value,
            "module": str(self.module),
            "token": self.token,
            "key": answer["key"],
            "root": answer["root"],
        }

    @override
    def unwrap(self, file: RootFile) -> bytes:
        answer = self._ask("unwrap", data=file.data("root"), key=file.text("key"), identity=root_identity(file.origin))
        root = bytes.fromhex(answer["root"])
        if len(root) != SECRET_BYTES:
            raise OpenError(f"{file.path} holds no root key; restore it from the backup")
        return root

    def _ask(self, op: str, *, data: bytes, key: str, identity: bytes) -> dict[str, str]:
        """Ask the token once.  Raises OpenError for a refusal, a crash, or a token that hangs."""
        question = {
            "op": op,
            "module": str(self.module),
            "token": self.token,
            "pin": self._pin(),
            "key": key,
            "data": data.hex(),
            "identity": identity.hex(),
        }
        ended = run_child([sys.executable, "-m", PROGRAM], data=json.dumps(question).encode())
        try:
            answer: dict[str, str] = json.loads(ended.out)
        except ValueError as error:
            raise OpenError(
                f"the PKCS#11 module {self.module} broke off (code {ended.code}); try it with pkcs11-tool --list-slots"
            ) from error
        if "refused" in answer:
            raise (SecretRefusedError if answer["refused"] == "pin" else OpenError)(self.sentence(answer))
        return answer

    def _pin(self) -> str:
        try:
            return self.pin.decode()
        except UnicodeDecodeError as error:
            raise OpenError(f"the PIN of the token '{self.token}' is no text; it was not tried") from error

    def sentence(self, answer: Mapping[str, str]) -> str:
        """Return what a person reads for a refusal."""
        known = _REFUSALS.get(answer["refused"])
        if known is None:
            return f"the token '{self.token}' refused ({answer.get('detail', '')}); see the token's own log"
        return known.format(module=self.module, token=self.token)
