import os
from pathlib import Path

import pytest

from appliance.auth.private_file import create_private, locked, write_private, write_shared
from tests.support.other_users import needs_root


def test_a_file_is_replaced_whole_and_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)

    write_private(path, b"new")

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_shared_file_is_replaced_whole_for_everybody_to_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    mask = os.umask(0o077)
    try:
        write_shared(path, b"new")
    finally:
        os.umask(mask)

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_of_two_that_create_the_same_file_the_first_wins(tmp_path: Path) -> None:
    path = tmp_path / "file"

    assert create_private(path, b"first")
    assert not create_private(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_lock_is_not_followed_where_a_link_leads(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "file.lock").symlink_to(elsewhere)

    with pytest.raises(OSError, match=r"file\.lock"), locked(tmp_path / "file"):
        pass

    assert not elsewhere.exists()


@needs_root
def test_the_lock_that_root_leaves_is_the_folders_owners(tmp_path: Path) -> None:
    os.chown(tmp_path, 861, 861)

    with locked(tmp_path / "file"):
        pass

    assert (tmp_path / "file.lock").stat().st_uid == 861
