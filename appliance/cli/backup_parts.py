"""What a backup of the appliance holds, in which order, and how it is read back: a stream of plain files.

Order makes it consistent while everything runs: witnesses first, then the databases, each as of one moment, then the
keys.  So no witness in a backup has seen more than its database holds, and no body in it lacks its month's keys.
It MUST NOT hold what opens or signs by itself: neither the custodian's passphrase or PIN, nor the checkpoint key, nor a
TLS key or a provider's credential.  Bodies stay sealed.  The manifest comes last, so that a short stream is found.
"""

import hashlib
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from appliance.config import Config
from appliance.errors import ConfigError

FORMAT = 1
"""Version of the stream; another one refuses."""

MANIFEST = "manifest.json"
"""Last member: every file with its SHA-256."""

BEFORE = ("witness",)
"""Parts of HOME that are taken before the databases."""

AFTER = (
    "appliance.yaml",
    "trail.yaml",
    "audit",
    "custodian",
    "gateway",
    "broker",
    "approvals",
    "exclusions",
    "archive",
    "clients.json",
    "exclusions.json",
    "secrets",
)
"""Parts of HOME that are taken after them; the last three stand there in the embedded default only."""

LEFT_OUT = ("checkpoint.key", "passphrase*", "*.pin", "*.pin.tried", "*.lock", "trail.db*", "cache", ".*")
"""Names that are never taken: what signs or opens by itself, what is made again, and what a crash left behind."""

PIECE_BYTES = 16 * 1024 * 1024
"""A database is streamed in pieces, because a tar member says its length first; so much is held in memory."""

_DIGITS = 6


@dataclass(slots=True)
class Packer:
    """Writes files into an archive and remembers what it wrote.  Owned by one command."""

    tar: tarfile.TarFile
    files: dict[str, str] = field(default_factory=dict)
    """Name of each member and its SHA-256."""

    def add_tree(self, path: Path, name: str) -> None:
        """Add a file, or a folder with all that is under it; what goes away meanwhile is left out."""
        for each, inner in _walk(path, PurePosixPath(name)):
            try:
                status = each.stat()
                data = b"" if stat.S_ISDIR(status.st_mode) else each.read_bytes()
            except FileNotFoundError:
                continue
            self._add(str(inner), data, status)

    def add_pieces(self, name: str, source: BinaryIO) -> None:
        """Add what a program writes, piece by piece."""
        number = 0
        while data := source.read(PIECE_BYTES):
            self._add(f"{name}/{number:0{_DIGITS}d}", data, None)
            number += 1

    def finish(self, **members: object) -> None:
        """Write the manifest, the last member."""
        manifest = {"format": FORMAT, **members, "files": self.files}
        self._add(MANIFEST, json.dumps(manifest, sort_keys=True).encode(), None)

    def _add(self, name: str, data: bytes, status: os.stat_result | None) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o600
        if status is not None:
            info.mode, info.uid, info.gid = status.st_mode & 0o777, status.st_uid, status.st_gid
            info.mtime = int(status.st_mtime)
            info.type = tarfile.DIRTYPE if stat.S_ISDIR(status.st_mode) else tarfile.REGTYPE
        self.tar.addfile(info, io.BytesIO(data))
        self.files[_key(info)] = hashlib.sha256(data).hexdigest()


@contextmanager
def packing(stream: BinaryIO) -> Iterator[Packer]:
    """Yield what writes into a stream; the archive is ended afterwards."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        yield Packer(tar)


def pack_homes(packer: Packer, config: Config, names: tuple[str, ...]) -> None:
    """Add those parts of HOME that are there."""
    for name in names:
        packer.add_tree(config.home / name, f"home/{name}")


def unpack(stream: BinaryIO, into: Path) -> dict[str, object]:
    """Write a backup's files under a folder, and return its manifest.

    Raises ConfigError for anything that no backup holds, that differs from the manifest, or that is missing.
    """
    found: dict[str, str] = {}
    manifest = b""
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                data = _read(tar, member)
                found[_key(member)] = hashlib.sha256(data).hexdigest()
                if member.name == MANIFEST:
                    manifest = data
                else:
                    _write(into, member, data)
    except (tarfile.TarError, EOFError) as error:
        raise ConfigError(
            "The backup is damaged or cut short; take another one.", detail=type(error).__name__
        ) from error
    return _checked(manifest, found)


def _checked(manifest: bytes, found: dict[str, str]) -> dict[str, object]:
    try:
        told = json.loads(manifest)
        files = told["files"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError("The backup has no manifest: it is cut short; take another one.") from error
    if told.get("format") != FORMAT:
        raise ConfigError("The backup is of another format; open it with the release that wrote it.")
    if {name: digest for name, digest in found.items() if name != MANIFEST} != files:
        raise ConfigError("The backup's files are not those of its manifest; take another one.")
    return {name: value for name, value in told.items() if name != "files"} | {"files": len(files)}


def _key(member: tarfile.TarInfo) -> str:
    """Return a member's name in the manifest: a folder's ends in a slash."""
    return f"{member.name}/" if member.isdir() else member.name


def _read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """Return a member's bytes.  Raises ConfigError unless it is a plain file or a folder whose name stays inside."""
    parts = PurePosixPath(member.name).parts
    if not (member.isreg() or member.isdir()) or member.name.startswith("/") or ".." in parts or not parts:
        raise ConfigError("The backup holds something that no backup holds; do not use it.")
    source = tar.extractfile(member)
    return source.read() if source else b""


def _write(into: Path, member: tarfile.TarInfo, data: bytes) -> None:
    """Write a file or make a folder, with owner and rights; the pieces of a database one after the other."""
    path = into / member.name
    if member.isdir():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _give(path, member, mode=member.mode | stat.S_IRWXU)
        return
    is_piece = path.parent.name.endswith((".dump", ".db")) and path.name.isdigit()
    if is_piece:
        path = path.parent
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Made private first: it is never readable by more than the backup said, not even for a moment.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600), "ab") as file:
        file.write(data)
    if is_piece:
        return
    _give(path, member, mode=member.mode)


def _give(path: Path, member: tarfile.TarInfo, *, mode: int) -> None:
    """Give a file or folder the owner, which only root can, and the rights that it had."""
    if os.geteuid() == 0:
        os.chown(path, member.uid, member.gid)
    path.chmod(mode & 0o777)


def _walk(path: Path, name: PurePosixPath) -> Iterator[tuple[Path, PurePosixPath]]:
    """Yield folders and plain files from a path on, in a fixed order, but for what is left out; no link is followed."""
    if path.is_symlink() or any(PurePosixPath(path.name).match(pattern) for pattern in LEFT_OUT):
        return
    if path.is_file():
        yield path, name
    elif path.is_dir():
        yield path, name
        for each in sorted(path.iterdir()):
            yield from _walk(each, name / each.name)
