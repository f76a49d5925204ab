"""Write the archive of an evidence bundle: ZIP64 in one spelling (FORMAT.md section 13).

No time, no owner, no option of the machine gets into it, so the same records give the same bytes and a verifier can
judge every byte outside the members too.  Members come one after the other and are never held in memory.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from audit.canonical import Value
from audit.export.verify_bundle import MEMBERS, Entry, end_records

LEVEL = 6
"""zlib's own default: a higher one takes three times as long for a hundredth less."""

RAW = -15
"""Deflate without a header (APPNOTE 4.4.5), with the largest window."""


class ArchiveWriter:
    """The archive while it is written; owned by one caller, whose members MUST come in the order of `MEMBERS`."""

    def __init__(self, file: BinaryIO) -> None:
        """Take an empty file that can be written and sought in."""
        self._file = file
        self._entries: list[Entry] = []
        self._listed: list[Value] = []
        self._place = 0

    def add(self, name: str, chunks: Iterable[bytes]) -> str:
        """Write one member and return the SHA-256 of its content, as hex."""
        if self._entries and MEMBERS.index(name) <= MEMBERS.index(self._entries[-1].name):
            raise RuntimeError(f"the member {name} comes too late")
        blank = Entry(name=name, crc=0, size=0, packed=0, offset=self._place)
        content, stored = _Tally(), _Tally()
        self._file.seek(self._place + len(blank.header()))
        for data in _packed(content.over(chunks), deflated=blank.method != 0):
            stored.add(data)
            self._file.write(data)
        # The sizes stand before what they measure, and are known only now.
        entry = Entry(name=name, crc=content.crc, size=content.size, packed=stored.size, offset=self._place)
        self._file.seek(self._place)
        self._file.write(entry.header())
        self._place += len(entry.header()) + entry.packed
        self._entries.append(entry)
        digests = {"sha256": content.digest.hexdigest(), "packed_sha256": stored.digest.hexdigest()}
        self._listed.append({"name": name, "size": entry.size, "packed": entry.packed, **digests})
        return digests["sha256"]

    def listed(self) -> list[Value]:
        """Return what a manifest says of the members so far."""
        return list(self._listed)

    def finish(self) -> None:
        """Write the directory; nothing may be added after it."""
        directory = b"".join(entry.listed() for entry in self._entries)
        self._file.seek(self._place)
        self._file.write(directory + end_records(len(self._entries), len(directory), self._place))


class _Tally:
    """The size and digests of bytes that pass."""

    def __init__(self) -> None:
        self.digest, self.size, self.crc = hashlib.sha256(), 0, 0

    def add(self, data: bytes) -> None:
        self.digest.update(data)
        self.size += len(data)
        self.crc = zlib.crc32(data, self.crc)

    def over(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.add(chunk)
            yield chunk


def _packed(chunks: Iterable[bytes], *, deflated: bool) -> Iterator[bytes]:
    if not deflated:
        yield from chunks
        return
    deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, RAW)
    yield from map(deflate.compress, chunks)
    yield deflate.flush()
