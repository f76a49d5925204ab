"""When the last backup was made is remembered as it was told, and damage reads as 'nobody knows'."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.last_backup import FILE, last_backup, tell_backup

MADE = datetime(2026, 11, 24, 2, 15, 7, tzinfo=UTC)


def test_the_newest_one_is_remembered_and_everybody_may_read_it(tmp_path: Path) -> None:
    tell_backup(tmp_path, name="appliance-1.tar.gpg", made=MADE.replace(year=2025))
    tell_backup(tmp_path, name="appliance-2.tar.gpg", made=MADE)

    assert last_backup(tmp_path) == MADE
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"made": 7}', b'{"made": "yesterday"}', b"\xff"])
def test_damage_reads_as_no_backup(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)

    assert last_backup(tmp_path) is None


def test_before_the_first_backup_none_is_known(tmp_path: Path) -> None:
    assert last_backup(tmp_path / "absent") is None
