"""What an installed version must be, byte for byte: `release.json` beside its environments.

The installer writes it last, when the environments of a version are made; before each start a unit's own folder is read
again and compared, so a file that was altered, added or removed stops the start and is named.  It needs no key and no
network, and takes less than three seconds for both environments.  Links are compared by where they point, never
followed: the system's interpreter behind `bin/python` is the distribution's to prove.  Answers promise 9.

::

    python -m appliance.release write /opt/appliance/releases/1.0.0
    python -m appliance.release check /opt/appliance/current --part gateway
"""

import argparse
import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from appliance.durable_file import write_durably
from appliance.errors import ManifestMismatchError

FILE_NAME = "release.json"
"""Stands in a version's folder, beside the parts that it lists."""

FORMAT = 1
"""Of `release.json`; another one is of another version of the appliance."""

LINK = "-> "
"""Begins the entry of a link, where a file has its digest."""

UNREADABLE = "unreadable"
"""Stands for what cannot be read; never equal to an entry."""

CHUNK_BYTES = 1024 * 1024
"""Read at once."""

MAX_WORKERS = 8
"""An environment has fifty thousand small files, and Python opens them one at a time in each process; eight read the
10 GB of an engine for GPUs in about two seconds, and no disk gives more."""

SMALL = 64
"""Fewer files than this are read here, since starting a process costs more."""

MAX_NAMED = 10
"""Differences in one message; more say the same."""

REMEDY = "run the playbook again, which installs this version anew, and ask who changed it."
"""What an operator does about every difference."""


def write_release(folder: Path) -> Path:
    """Read every part of a version's folder and write down what it is; nobody may change a file from then on."""
    parts = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))
    content = {"format": FORMAT, "parts": {part: _entries(folder / part) for part in parts}}
    path = folder / FILE_NAME
    write_durably(path, json.dumps(content, sort_keys=True, indent=0).encode(), mode=0o644)
    return path


def check_release(folder: Path, part: str | None = None) -> None:
    """Read a part again, or all of them.  Raises ManifestMismatchError naming each file that differs."""
    folder = folder.resolve()
    listed = _listed(folder)
    if part is not None and part not in listed:
        raise ManifestMismatchError(f"{folder / FILE_NAME} does not list '{part}': {REMEDY}")
    differences = []
    for name in listed if part is None else (part,):
        wanted, found = listed[name], _entries(folder / name)
        differences += [f"{name}/{path} is missing" for path in sorted(wanted.keys() - found.keys())]
        differences += [f"{name}/{path} is extra" for path in sorted(found.keys() - wanted.keys())]
        both = sorted(wanted.keys() & found.keys())
        differences += [f"{name}/{path} has changed" for path in both if wanted[path] != found[path]]
    if differences:
        named = "; ".join(differences[:MAX_NAMED])
        more = f"; and {len(differences) - MAX_NAMED} more" if len(differences) > MAX_NAMED else ""
        raise ManifestMismatchError(f"{folder} is not what was installed: {named}{more}. Now {REMEDY}")


def _listed(folder: Path) -> Mapping[str, Mapping[str, str]]:
    path = folder / FILE_NAME
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ManifestMismatchError(
            f"{path} is not there, so this version was not installed to its end: {REMEDY}"
        ) from error
    except OSError as error:
        raise ManifestMismatchError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ManifestMismatchError(f"{path} is no JSON: {REMEDY}") from error
    parts = content.get("parts") if isinstance(content, dict) and content.get("format") == FORMAT else None
    if not isinstance(parts, dict) or not all(isinstance(files, dict) for files in parts.values()):
        raise ManifestMismatchError(f"{path} was not written by this version of the appliance: {REMEDY}")
    return parts


def _entries(folder: Path) -> dict[str, str]:
    """Return the digest of every file and the target of every link, by path.  Raises ManifestMismatchError."""
    entries: dict[str, str] = {}
    files: list[tuple[int, str]] = []
    try:
        for entry in _walk(str(folder)):
            status = entry.stat(follow_symlinks=False)
            name = os.path.relpath(entry.path, folder)
            if stat.S_ISLNK(status.st_mode):
                entries[name] = LINK + str(Path(entry.path).readlink())
            elif stat.S_ISREG(status.st_mode):
                files.append((status.st_size, name))
            else:
                entries[name] = UNREADABLE
    except OSError as error:
        raise ManifestMismatchError(f"{error.filename or folder} cannot be read: {error.strerror}.") from error
    # Largest first and dealt out in turn, so that every worker has about the same to read.
    names = [name for _, name in sorted(files, reverse=True)]
    return {**entries, **_digests(folder, names)}


def _walk(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path)
            else:
                yield entry


def _digests(folder: Path, names: Sequence[str]) -> dict[str, str]:
    workers = min(MAX_WORKERS, len(os.sched_getaffinity(0))) if len(names) > SMALL else 1
    shares = [names[first::workers] for first in range(1, workers)]
    # A pipe each and no semaphores: a unit's sandbox has no shared memory to put them in.
    readers = [_start(folder, share) for share in shares]
    found = {name: _digest(folder / name) for name in names[::workers]}
    for (reader, child), share in zip(readers, shares, strict=True):
        with os.fdopen(reader, encoding="ascii") as lines:
            digests = lines.read().split("\n")[:-1]
        os.waitpid(child, 0)
        # A worker that died gave fewer lines; what it did not read counts as unreadable.
        digests += [UNREADABLE] * (len(share) - len(digests))
        found.update(zip(share, digests, strict=True))
    return found


def _start(folder: Path, names: Sequence[str]) -> tuple[int, int]:
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return reader, child
    try:
        with os.fdopen(writer, "w", encoding="ascii") as lines:
            lines.writelines(f"{_digest(folder / name)}\n" for name in names)
    finally:
        os._exit(0)  # whatever happened: this copy of the program must not go on where its parent does


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return UNREADABLE
    try:
        while chunk := os.read(descriptor, CHUNK_BYTES):
            digest.update(chunk)
    except OSError:
        return UNREADABLE
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check a version's list; 0 when it holds, 1 with one line on standard error when not."""
    parser = argparse.ArgumentParser(prog="python -m appliance.release", description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("write", "check"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--part", help="one environment, such as gateway; all when not given")
    options = parser.parse_args(arguments)
    if options.action == "write":
        write_release(options.folder)
        return 0
    try:
        check_release(options.folder, options.part)
    except ManifestMismatchError as error:
        sys.stderr.write(f"{error.public}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
