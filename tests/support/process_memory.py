"""Look for bytes in everything that a process has in memory, and in every file under some folders."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

CHUNK = 1 << 20
"""Read at a time; secrets are shorter than the overlap."""

OVERLAP = 512


def memory_of(pid: int) -> Iterator[bytes]:
    """Yield every readable byte of a process, in pieces that overlap."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            if "r" not in rights or line.endswith(("[vvar]", "[vsyscall]")):
                continue
            first, last = (int(part, 16) for part in span.split("-"))
            for start in range(first, last, CHUNK):
                memory.seek(start)
                try:
                    yield memory.read(min(CHUNK + OVERLAP, last - start))
                except OSError:
                    break  # a guard page or a device: nothing to read


def files_of(*folders: Path) -> Iterator[bytes]:
    """Yield the content and the name of every file under folders; sockets have none."""
    for path in (path for folder in folders for path in folder.rglob("*")):
        yield path.name.encode()
        if path.is_file():
            yield path.read_bytes()


def found_in(pieces: Iterable[bytes], wanted: Mapping[str, Sequence[bytes]]) -> set[str]:
    """Return the names of what occurs in any of its forms."""
    found: set[str] = set()
    for piece in pieces:
        left = ((name, forms) for name, forms in wanted.items() if name not in found)
        found |= {name for name, forms in left if any(form in piece for form in forms)}
    return found
