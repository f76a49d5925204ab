"""A real file system of a few MiB in the place of a folder, so that a test may fill it; needs root."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, *, mib: int) -> Iterator[None]:
    """Put a file system of a few MiB in the place of a folder, with what was in the folder."""
    aside = folder.rename(folder.with_name("aside"))
    folder.mkdir(mode=0o700)
    subprocess.run([_tool("mount"), "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "tmpfs", str(folder)], check=True)
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run([_tool("umount"), str(folder)], check=True)


def _tool(name: str) -> str:
    path = shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin")
    assert path is not None, f"{name} is missing; it is part of util-linux and mount"
    return path
