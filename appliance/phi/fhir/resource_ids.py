"""Give resources ids that say nothing, the same one wherever an id appears, so that references still hold.

A hospital's id of a resource is often the record number itself.  What is issued is a keyed function of it
(HMAC-SHA-256), written in letters only: it looks like no number of the Safe Harbor list, and nobody without the key
can try ids against it.  The key MUST live no longer than the exchange.
"""

import hmac
import re
import secrets
from collections.abc import Mapping
from types import MappingProxyType

KEY_BYTES = 32
"""As long as the digest's output (RFC 2104 section 3)."""

CONSONANTS = "bcdfghjkmnpqrstvwxyz"
"""No vowels, so that no word and no name appears; no l, which is read as 1."""

LETTERS = 16
"""69 bits of 20 letters: two ids of one exchange never meet by chance."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


class ResourceIds:
    """The ids that were issued in one exchange."""

    def __init__(self, key: bytes) -> None:
        """Take the exchange's secret."""
        self._key = key
        self._issued: dict[str, str] = {}

    @classmethod
    def fresh(cls) -> "ResourceIds":
        """Return ids under a key of their own."""
        return cls(secrets.token_bytes(KEY_BYTES))

    def issue(self, original: str) -> str:
        """Return the id in the place of `original`: a UUID for a UUID, a short word otherwise."""
        folded = original.lower() if _UUID.fullmatch(original) else original
        issued = self._issued.get(folded)
        if issued is None:
            issued = self._made(folded)
            self._issued[folded] = issued
        return issued

    def issue_uuid(self, urn: str) -> str:
        """Return the UUID in the place of ``urn:uuid:...``, or of any other URN."""
        prefix = "urn:uuid:"
        rest = urn[len(prefix) :] if urn.lower().startswith(prefix) else ""
        if _UUID.fullmatch(rest):
            return self.issue(rest)
        return self._issued.setdefault(urn, self._uuid(urn))

    def originals(self) -> Mapping[str, str]:
        """Return what each issued id stands for, to restore an answer that names one."""
        return MappingProxyType({issued: original for original, issued in self._issued.items()})

    def wipe(self) -> None:
        """Forget every id; the exchange is over."""
        self._key = b""
        self._issued.clear()

    def _made(self, original: str) -> str:
        return (
            self._uuid(original) if _UUID.fullmatch(original) else "id-" + self._written(original, CONSONANTS)[:LETTERS]
        )

    def _uuid(self, original: str) -> str:
        digits = self._written(original, "abcdef")
        # RFC 9562 section 5.4: version 4 and variant binary 10 at their places, letters everywhere else.
        return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-a{digits[15:18]}-{digits[18:30]}"

    def _written(self, original: str, letters: str) -> str:
        """Return the keyed digest as a number to the base of as many letters, lowest first."""
        number = int.from_bytes(hmac.digest(self._key, original.encode("utf-8", "surrogatepass"), "sha256"))
        written = []
        for _ in range(LETTERS * 2):
            number, digit = divmod(number, len(letters))
            written.append(letters[digit])
        return "".join(written)
