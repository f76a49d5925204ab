"""The disk's reserve refuses what begins, and lets end what has begun."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from audit.errors import DiskReservedError
from audit.log.reserve import MIB, Reserve, read_free_bytes, refusal, watched_folder
from audit.record import Kind
from audit.store.address import read_address, sqlite_address

BEGUN = [kind for kind in Kind if kind is not Kind.INTENT]


@dataclass
class Disk:
    """A disk whose free space a test turns."""

    free_mib: int | None

    def read(self, _folder: Path) -> int | None:
        """Return the space as a file system would."""
        return None if self.free_mib is None else self.free_mib * MIB


def reserve_on(disk: Disk, *, reserve_mib: int = 256, folder: Path | None = Path("/trail")) -> Reserve:
    return Reserve(folder, reserve_mib=reserve_mib, read=disk.read)


def test_above_the_reserve_everything_is_taken() -> None:
    reserve = reserve_on(Disk(free_mib=256))

    reserve.check(Kind, waiting_bytes=0)

    assert (reserve.reason(), reserve.free_mib) == ("", 256)


def test_below_the_reserve_no_exchange_begins() -> None:
    reserve = reserve_on(Disk(free_mib=255))

    with pytest.raises(DiskReservedError, match="255 MiB left and keeps 256 MiB"):
        reserve.check([Kind.INTENT], waiting_bytes=0)


def test_a_call_that_also_begins_an_exchange_is_refused_whole() -> None:
    with pytest.raises(DiskReservedError, match="free space"):
        reserve_on(Disk(free_mib=1)).check([Kind.INTENT, Kind.DECISION], waiting_bytes=0)


@pytest.mark.parametrize("kind", BEGUN)
def test_what_has_begun_is_recorded_to_its_end_below_the_reserve(kind: Kind) -> None:
    reserve_on(Disk(free_mib=0)).check([kind], waiting_bytes=10 * MIB)


def test_what_waits_for_the_disk_counts_as_written() -> None:
    reserve = reserve_on(Disk(free_mib=300))

    reserve.check([Kind.INTENT], waiting_bytes=44 * MIB)

    with pytest.raises(DiskReservedError, match="255 MiB left"):
        reserve.check([Kind.INTENT], waiting_bytes=44 * MIB + 1)


def test_more_waiting_than_there_is_space_is_told_as_none_left() -> None:
    assert "has 0 MiB left" in refusal(free_bytes=MIB, waiting_bytes=2 * MIB, reserve_bytes=MIB)


def test_it_recovers_by_itself_when_space_is_freed() -> None:
    disk = Disk(free_mib=10)
    reserve = reserve_on(disk)
    assert "10 MiB" in reserve.reason()

    disk.free_mib = 9000
    reserve.look()

    reserve.check([Kind.INTENT], waiting_bytes=0)


def test_space_that_cannot_be_read_counts_as_none() -> None:
    reserve = reserve_on(Disk(free_mib=None))

    assert reserve.free_mib is None
    with pytest.raises(DiskReservedError, match="cannot be read"):
        reserve.check([Kind.INTENT], waiting_bytes=0)


def test_a_reserve_of_nothing_refuses_nothing() -> None:
    reserve_on(Disk(free_mib=0), reserve_mib=0).check([Kind.INTENT], waiting_bytes=MIB)


def test_a_database_server_watches_its_own_disk() -> None:
    reserve = reserve_on(Disk(free_mib=0), folder=watched_folder(read_address("postgresql:///trail")))

    reserve.look()

    reserve.check([Kind.INTENT], waiting_bytes=MIB)
    assert reserve.free_mib is None


def test_sqlite_is_watched_where_its_file_lies(tmp_path: Path) -> None:
    assert watched_folder(sqlite_address(tmp_path / "trail.db")) == tmp_path


def test_free_space_is_that_of_the_folders_file_system(tmp_path: Path) -> None:
    free = read_free_bytes(tmp_path)

    assert free is not None
    assert free > 0
    assert read_free_bytes(tmp_path / "missing") is None
