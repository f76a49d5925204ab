from pathlib import Path

import pytest

from audit.errors import OpenError
from audit.index_keys import current_index_key, held_index_keys, search_keys
from audit.places import Places, find_places
from tests.support.trail_builder import TrailBuilder


@pytest.fixture
def builder(tmp_path: Path) -> TrailBuilder:
    """Return a trail in its second month: the recorder's side has forgotten the first one's key."""
    builder = TrailBuilder(home=tmp_path / "home")
    builder.add_exchanges(1)
    builder.next_month()
    return builder


def _places(builder: TrailBuilder) -> Places:
    return find_places(builder.home)


def test_the_recorders_side_cannot_search_the_past(builder: TrailBuilder) -> None:
    assert min(held_index_keys(builder.trail)) == "2026-12"


def test_the_custodian_searches_every_month(builder: TrailBuilder) -> None:
    by_file = search_keys(_places(builder))
    by_passphrase = search_keys(_places(builder), builder.passphrase_file.read_bytes().strip())

    assert "2026-11" in by_file
    assert by_file == by_passphrase
    assert by_file["2026-12"] == builder.trail.index_key("2026-12")


def test_a_wrong_passphrase_is_told(builder: TrailBuilder) -> None:
    with pytest.raises(OpenError):
        search_keys(_places(builder), b"wrong")


def test_without_a_passphrase_at_hand_the_recorders_side_is_searched(builder: TrailBuilder) -> None:
    builder.passphrase_file.unlink()

    assert search_keys(_places(builder)) == held_index_keys(builder.trail)


def test_a_copied_trail_without_custodian_is_searched_as_far_as_it_goes(builder: TrailBuilder) -> None:
    copied = find_places(builder.trail.folder)

    assert search_keys(copied) == held_index_keys(builder.trail)


def test_a_damaged_month_is_left_out_and_an_unreadable_one_of_the_recorders_side_too(builder: TrailBuilder) -> None:
    months = builder.home / "custodian" / "months"
    (months / "2026-11.json").write_bytes((months / "2026-12.json").read_bytes().replace(b"2026-12", b"2026-11"))
    (builder.trail.keys / "2027-05.index").mkdir()

    assert not {"2026-11", "2027-05"} & search_keys(_places(builder)).keys()
    assert current_index_key({}) is None
