"""Reads compact receipts for a program that got one from somebody else and has to know whether it holds.

A receipt that a caller shows is a claim; only the recorder's signature makes it the recorder's.  The keys are read
from ``verifier.keys`` each time, so that a restored trail's new origin counts at once and the old one's no longer.
"""

from pathlib import Path

from audit.checkpoint import read_receipt
from audit.keyring.trail import read_verifier_keys
from audit.record import Receipt


class ReceiptReader:
    """Read receipts of one trail; holds no key between two of them."""

    def __init__(self, keys: Path) -> None:
        """Take the file of the trail's public keys; nothing is opened yet."""
        self._keys = keys

    def read(self, compact: str) -> Receipt:
        """Return what a compact receipt promises.

        Raises CheckpointError if its signature does not hold or is another trail's, StoreError or FormatError if
        the keys cannot be read.
        """
        return read_receipt(compact, read_verifier_keys(self._keys))
