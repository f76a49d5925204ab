"""Key files are whole or not there, and every failure names the file and leaves nothing behind."""

import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audit.errors import OpenError, StoreError
from audit.keyring.child import run_child
from audit.keyring.files import alone_in, make_folder, remove, replace, settle, write_once
from audit.keyring.wrapping import unwrap


@contextmanager
def full_disk() -> Iterator[None]:
    """Let every write of more than four bytes fail, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("write", [write_once, replace])
def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, write: Callable[[Path, bytes], object]) -> None:
    with full_disk(), pytest.raises(StoreError, match="cannot be written"):
        write(tmp_path / "key", b"x" * 100)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_put_in_its_place_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir()

    with pytest.raises(StoreError, match="cannot be written"):
        replace(tmp_path / "key", b"x")

    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_folders_that_are_missing_on_the_way_are_made_too(tmp_path: Path) -> None:
    assert make_folder(tmp_path / "a" / "b" / "c").is_dir()


def test_what_stands_in_the_way_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")

    with pytest.raises(StoreError, match="private folder"):
        make_folder(file / "folder")
    with pytest.raises(StoreError, match="cannot be synced"):
        settle(file)
    with pytest.raises(StoreError, match="cannot be removed"):
        remove(file / "key")
    with pytest.raises(StoreError, match="user who owns it"), alone_in(file):
        pass


def test_a_folder_that_is_not_there_needs_no_settling(tmp_path: Path) -> None:
    settle(tmp_path / "absent")


def test_a_program_that_hangs_is_ended_and_named() -> None:
    with pytest.raises(OpenError, match="did not end within 0 seconds"):
        run_child([sys.executable, "-c", "import time; time.sleep(60)"], timeout_s=0.2)


def test_too_few_bytes_are_no_wrapped_key() -> None:
    assert unwrap(bytes(32), b"short", b"") is None
