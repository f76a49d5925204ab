import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from audit.errors import SchemaError, StoreError
from audit.store.address import Address, sqlite_address
from audit.store.connect import PAGE_BYTES, connect_owner
from audit.store.database import Database
from audit.store.lock import lock
from audit.store.migrate import migration_config, unseen, upgrade
from audit.store.schema import SCHEMA_VERSION, metadata
from tests.support.audit_commands import audit
from tests.support.old_trail import contents, make_old
from tests.support.trail_builder import TrailBuilder, exchange_events


@pytest.fixture
def old(tmp_path: Path) -> TrailBuilder:
    """Return a trail of the first release, over the edges of two blocks of terms and two pages."""
    trail = TrailBuilder(tmp_path / "home")
    exchanges = (exchange_events(f"ex_{number:032x}", task=f"task-{number % 7}") for number in range(180))
    with trail.opened() as log:
        trail.append(log, [event for batches in exchanges for batch in batches for event in batch])
    make_old(trail)
    return trail


def address_of(trail: TrailBuilder) -> Address:
    return sqlite_address(trail.trail.database)


def test_an_old_trail_is_upgraded_and_still_verifies(old: TrailBuilder) -> None:
    refused = audit("verify", home=old.home)
    seen: list[tuple[int, int]] = []

    before = upgrade(address_of(old), moved=lambda done, total: seen.append((done, total)))

    assert refused.code == 4
    assert "audit store upgrade" in refused.err
    assert before == 1
    assert seen[-1] == (721, 721)
    done = audit("verify", home=old.home)
    assert done.code == 0, done.out
    assert "VERIFIED: 721 records" in done.out


def test_an_upgraded_trail_is_the_same_as_one_written_by_this_release(tmp_path: Path) -> None:
    trail = TrailBuilder(tmp_path / "home")
    trail.add_exchanges(3)
    new = contents(trail.trail.database)
    make_old(trail)

    upgrade(address_of(trail), moved=unseen)

    again = contents(trail.trail.database)
    assert sorted(again.pop("term"))[:8] == sorted(new.pop("term"))[:8]
    assert {name: len(rows) for name, rows in again.items()} == {name: len(rows) for name, rows in new.items()}
    assert again["checkpoint"] == new["checkpoint"]
    assert again["blind_index"] == new["blind_index"]


def test_an_upgraded_trail_goes_on(old: TrailBuilder) -> None:
    upgrade(address_of(old), moved=unseen)

    old.add_exchanges(2)

    assert audit("verify", home=old.home).code == 0
    assert old.trail.database.stat().st_mode & 0o077 == 0


def test_tampering_is_carried_over_and_found_after_the_upgrade(old: TrailBuilder) -> None:
    old.sql("UPDATE record SET exchange = 'ex_forged' WHERE sequence = 5")
    old.sql("UPDATE record SET ciphertext = zeroblob(40) WHERE sequence = 1")

    upgrade(address_of(old), moved=unseen)

    done = audit("verify", home=old.home)
    assert done.code == 3
    assert "record 5" in done.out
    assert "record 1" in done.out


def test_an_upgrade_writes_the_file_anew_in_pages_of_today(old: TrailBuilder) -> None:
    upgrade(address_of(old), moved=unseen)

    with closing(sqlite3.connect(old.trail.database)) as connection:
        assert connection.execute("PRAGMA page_size").fetchone() == (PAGE_BYTES,)
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
    assert [path.name for path in old.trail.folder.glob(".trail*")] == []


@pytest.mark.parametrize(("leaf", "facts"), [(b"no leaf", b"{}"), ("text", b"{}"), (b"", b""), (5, b"{}")])
def test_a_record_that_is_no_leaf_stops_the_upgrade_and_changes_nothing(
    old: TrailBuilder, leaf: object, facts: object
) -> None:
    old.sql("UPDATE record SET leaf = ?, facts = ? WHERE sequence = 600", leaf, facts)
    before = contents(old.trail.database)

    with pytest.raises(StoreError, match="record 600 is damaged"):
        upgrade(address_of(old), moved=unseen)

    assert contents(old.trail.database) == before


def test_an_upgrade_that_dies_changes_nothing(old: TrailBuilder) -> None:
    before = contents(old.trail.database)

    def die(done: int, _total: int) -> None:
        if done > 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upgrade(address_of(old), moved=die)

    assert contents(old.trail.database) == before
    assert upgrade(address_of(old), moved=unseen) == 1


def test_a_second_upgrade_changes_nothing(old: TrailBuilder) -> None:
    upgrade(address_of(old), moved=unseen)
    before = old.trail.database.read_bytes()

    assert upgrade(address_of(old), moved=unseen) == SCHEMA_VERSION

    assert old.trail.database.read_bytes() == before


def test_no_upgrade_while_a_recorder_runs(old: TrailBuilder) -> None:
    lock(old.trail.folder)

    with pytest.raises(StoreError, match="stop it first"):
        upgrade(address_of(old), moved=unseen)


def test_an_upgrade_without_room_is_refused_before_it_begins(
    old: TrailBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))

    with pytest.raises(StoreError, match="MiB of free space"):
        upgrade(address_of(old), moved=unseen)


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        ("PRAGMA user_version = 7", SchemaError, "newer"),
        ("PRAGMA application_id = 5", StoreError, "not a trail"),
    ],
)
def test_what_this_release_cannot_upgrade_is_refused(
    old: TrailBuilder, script: str, error: type[StoreError], words: str
) -> None:
    old.sql(script)

    with pytest.raises(error, match=words):
        upgrade(address_of(old), moved=unseen)


def test_a_missing_file_is_not_made_by_an_upgrade(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is missing"):
        upgrade(sqlite_address(tmp_path / "trail.db"), moved=unseen)

    assert not (tmp_path / "trail.db").exists()


def test_models_and_migrations_agree(old: TrailBuilder, store: Address) -> None:
    upgrade(address_of(old), moved=unseen)

    for address in (address_of(old), store):
        skipped = {"blind_index_value", "blind_index_sequence"} if address.is_sqlite else set[str]()
        options = {"include_object": lambda _, name, *__, out=skipped: name not in out}
        with connect_owner(address) as connection:
            assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


def test_a_new_file_has_just_the_tables_of_an_upgraded_one(old: TrailBuilder, tmp_path: Path) -> None:
    stepwise, new = tmp_path / "stepwise.db", tmp_path / "new.db"
    with connect_owner(sqlite_address(stepwise)) as connection:
        command.upgrade(migration_config(connection, unseen), "head")
    Database(sqlite_address(new)).close()
    upgrade(address_of(old), moved=unseen)

    assert shape(old.trail.database) == shape(new) == shape(stepwise)


def test_a_last_page_without_a_new_term_is_upgraded_too(tmp_path: Path) -> None:
    trail = TrailBuilder(tmp_path / "home")
    exchanges = (exchange_events(f"ex_{number:032x}") for number in range(126))
    with trail.opened() as log:
        trail.append(log, [event for batches in exchanges for batch in batches for event in batch])
    make_old(trail)

    upgrade(address_of(trail), moved=unseen)

    assert audit("verify", home=trail.home).code == 0


def shape(path: Path) -> dict[str, object]:
    """Return columns, keys and indexes of each table, and what the header says."""
    with closing(sqlite3.connect(path)) as connection:

        def ask(statement: str) -> list[tuple[object, ...]]:
            return connection.execute(statement).fetchall()

        found = tables(ask)
        header = {name: ask(f"PRAGMA {name}") for name in ("user_version", "application_id")}
        return {**found, **header, "revision": ask("SELECT version_num FROM alembic_version")}


def tables(ask: Callable[[str], list[tuple[object, ...]]]) -> dict[str, object]:
    """Return the columns of each table and the columns of each index."""
    names = [name for (name,) in ask("SELECT name FROM sqlite_master WHERE type = 'table'")]
    indexes = ask("SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite_%'")
    return {
        **{str(name): ask(f"PRAGMA table_info({name})") for name in names},
        **{str(name): ask(f"PRAGMA index_info({name})") for (name,) in indexes},
    }
