import os
import stat
from pathlib import Path

import pytest

from appliance.durable_file import make_folder, write_durably
from tests.support.other_users import needs_root


def test_a_file_has_its_mode_whatever_the_umask_says(tmp_path: Path) -> None:
    path = tmp_path / "file"
    mask = os.umask(0o077)
    try:
        write_durably(path, b"new", mode=0o644)
    finally:
        os.umask(mask)

    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o644)
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_in_the_place_of_the_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "file", tmp_path / "elsewhere"
    elsewhere.write_text("of somebody else")
    path.symlink_to(elsewhere)

    write_durably(path, b"new", mode=0o600)

    assert (path.is_symlink(), elsewhere.read_text()) == (False, "of somebody else")


def test_an_error_is_raised_and_the_old_file_stays(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()

    with pytest.raises(OSError, match="file"):
        write_durably(tmp_path / "file", b"new", mode=0o600)

    assert (tmp_path / "file").is_dir()


def test_a_folder_that_is_there_gets_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"

    make_folder(folder, mode=0o755)
    folder.chmod(0o700)
    make_folder(folder, mode=0o755)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


@needs_root
def test_what_root_makes_in_somebodys_folder_belongs_to_that_user(tmp_path: Path) -> None:
    os.chown(tmp_path, 863, 864)

    write_durably(tmp_path / "file", b"new", mode=0o640)
    make_folder(tmp_path / "folder", mode=0o750)

    for path, mode in ((tmp_path / "file", 0o640), (tmp_path / "folder", 0o750)):
        status = path.stat()
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (863, 864, mode)


@needs_root
def test_what_root_replaces_is_given_back_to_the_folders_owner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")  # root's, as from an older version
    os.chown(tmp_path, 863, 863)

    write_durably(path, b"new", mode=0o600)

    assert path.stat().st_uid == 863
