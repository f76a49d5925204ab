"""What PostgreSQL adds to the contract: roles, triggers, one recorder by lock, and a server that comes and goes."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from audit.errors import SchemaError, StoreError
from audit.rows import Rows
from audit.store.address import read_address
from audit.store.connect import connect_owner, connect_writer
from audit.store.database import Batch, Database
from audit.store.migrate import unseen, upgrade
from audit.store.roles import grant
from audit.store.statements import Statements
from tests.support.audit_commands import audit
from tests.support.postgres import OWNER, READER, RECORDER, PostgresDatabase, PostgresServer, postgres_server
from tests.support.store_rows import row

TABLES = ("record", "term", "term_block", "blind_index", "checkpoint")


@pytest.fixture
def trail(postgres: PostgresServer) -> PostgresDatabase:
    """Return a database with an empty trail."""
    return postgres.database()


@pytest.fixture(scope="module")
def fragile() -> Iterator[PostgresServer]:
    """Return a server that tests may stop and kill."""
    with postgres_server() as server:
        yield server


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}"])
def test_nobody_changes_or_deletes_a_row(trail: PostgresDatabase, table: str, statement: str) -> None:
    column = {"record": "time", "term": "id", "term_block": "term", "blind_index": "sequence", "checkpoint": "time"}
    command = statement.format(table, column[table], column[table])

    for role in (RECORDER, READER):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            trail.sql(command, role=role)
    with pytest.raises(psycopg.DatabaseError, match="never changed or deleted"):
        trail.sql(command, role=OWNER)


@pytest.mark.parametrize(
    "command",
    [
        "DROP TABLE record",
        "CREATE TABLE more (a int)",
        "ALTER TABLE record DISABLE TRIGGER ALL",
        "INSERT INTO alembic_version VALUES ('0003')",
        "SET session_replication_role = replica",
    ],
)
def test_the_recorder_has_no_way_around_the_triggers(trail: PostgresDatabase, command: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        trail.sql(command, role=RECORDER)


def test_the_reader_only_reads(trail: PostgresDatabase) -> None:
    with closing(Database(trail.recorder)) as database:
        database.write(Batch(records=[row(0)]))

    with Rows.open(trail.reader) as rows:
        assert rows.size() == 1
    for table in TABLES:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            trail.sql(f"INSERT INTO {table} SELECT * FROM {table}", role=READER)  # noqa: S608 -- names above
    with pytest.raises(StoreError, match="has no right to"):
        Database(trail.reader).write(Batch(records=[row(1)]))


def test_a_gap_is_refused(trail: PostgresDatabase) -> None:
    with closing(Database(trail.recorder)) as database:
        database.write(Batch(records=[row(0), row(1)]))

        with pytest.raises(StoreError, match="another recorder wrote"):
            database.write(Batch(records=[row(3)]))

        assert database.size() == 2


def test_two_writers_that_race_leave_no_gap_and_nothing_half(trail: PostgresDatabase) -> None:
    """The lock is not the only guard: even without it, one of two batches at the same place is refused whole."""
    outcomes: list[str] = []

    def write(own: str) -> None:
        with connect_writer(trail.recorder) as connection:
            statement = Statements.of(connection.dialect).record
            for attempt in range(30):
                size = connection.exec_driver_sql("SELECT coalesce(max(sequence) + 1, 0) FROM record").scalar_one()
                connection.exec_driver_sql("BEGIN")
                try:
                    rows = [
                        (place, 1, own, f"{own} {attempt}", *[None] * 10, b"n", b"l", b"f", None, None)
                        for place in range(size, size + 5)
                    ]
                    connection.exec_driver_sql(statement, rows)
                    connection.exec_driver_sql("COMMIT")
                    outcomes.append("written")
                except Exception:  # noqa: BLE001 -- whatever the driver says, the batch is refused
                    connection.exec_driver_sql("ROLLBACK")
                    outcomes.append("refused")

    threads = [threading.Thread(target=write, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = trail.sql("SELECT sequence, event FROM record ORDER BY sequence")
    assert [place for place, _ in found] == list(range(len(found)))
    assert len(found) == 5 * outcomes.count("written")
    batches = [event for _, event in found]
    assert all(len(set(batches[start : start + 5])) == 1 for start in range(0, len(batches), 5))


def test_the_lock_of_a_recorder_ends_with_its_connection(trail: PostgresDatabase) -> None:
    first = Database(trail.recorder)
    with pytest.raises(StoreError, match="another recorder already writes PostgreSQL database"):
        Database(trail.recorder)

    trail.sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")

    with closing(reopened(trail)) as second:
        assert second.size() == 0
    with pytest.raises(StoreError):
        first.write(Batch(records=[row(0)]))
    first.close()


def reopened(trail: PostgresDatabase) -> Database:
    """Return the writer as soon as the server lets one in, as a recorder that tries again does."""
    limit_s = time.monotonic() + 20
    while True:
        try:
            return Database(trail.recorder)
        except StoreError:
            if time.monotonic() > limit_s:
                raise
            time.sleep(0.05)


def test_a_server_that_is_gone_is_told_and_found_again(fragile: PostgresServer) -> None:
    trail = fragile.database()
    database = Database(trail.recorder)
    database.write(Batch(records=[row(0)]))

    fragile.kill()

    with pytest.raises(StoreError, match="cannot be reached"):
        database.write(Batch(records=[row(1)]))
    database.close()
    with pytest.raises(StoreError, match="cannot be reached"):
        Database(trail.recorder)
    fragile.start()
    with closing(reopened(trail)) as again:
        assert again.size() == 1
        again.write(Batch(records=[row(1)]))
        assert again.size() == 2


def test_a_server_that_may_lose_commits_is_refused() -> None:
    with postgres_server(fsync=False) as server:
        trail = server.database()

        with pytest.raises(StoreError, match="set fsync = on"):
            Database(trail.recorder)


def test_a_database_or_role_that_is_not_there_is_named(postgres: PostgresServer, trail: PostgresDatabase) -> None:
    missing = read_address(f"postgresql:///nowhere?host={postgres.socket}&user={RECORDER}")
    stranger = trail.address("nobody_at_all")

    with pytest.raises(StoreError, match="'nowhere' cannot be opened"):
        Database(missing)
    with pytest.raises(StoreError, match="cannot be opened"):
        Database(stranger)


@pytest.mark.parametrize(
    ("version", "error", "words"),
    [
        ("0001", SchemaError, "older than 2; stop the recorder, run 'audit store upgrade --owner ADDRESS'"),
        ("0003", SchemaError, "newer"),
        ("odd", StoreError, "audit store create --owner"),
    ],
)
def test_another_schema_stops_the_start_with_the_command(
    trail: PostgresDatabase, version: str, error: type[StoreError], words: str
) -> None:
    trail.sql("UPDATE alembic_version SET version_num = %s", version)

    with pytest.raises(error, match=words):
        Database(trail.recorder)
    with pytest.raises(error, match=words), Rows.open(trail.reader):
        pass


def test_an_empty_database_is_no_trail(postgres: PostgresServer) -> None:
    with pytest.raises(StoreError, match="audit store create --owner"):
        Database(postgres.empty().owner)


def test_no_upgrade_while_a_recorder_writes(trail: PostgresDatabase) -> None:
    trail.sql("UPDATE alembic_version SET version_num = '0001'")
    with connect_writer(trail.recorder) as recorder:
        recorder.exec_driver_sql("SELECT pg_advisory_lock(1096107092)")

        with pytest.raises(StoreError, match="stop it first"):
            upgrade(trail.owner, moved=unseen)


@pytest.mark.parametrize(
    ("recorder", "reader", "words"),
    [(RECORDER, RECORDER, "same role"), ("postgres", READER, "superuser"), (RECORDER, OWNER, "may act as the owner")],
)
def test_a_role_that_could_do_more_is_refused(trail: PostgresDatabase, recorder: str, reader: str, words: str) -> None:
    with connect_owner(trail.owner) as connection, pytest.raises(StoreError, match=words):
        grant(connection, trail.owner, recorder=recorder, reader=reader)


def test_a_missing_role_is_made_or_its_command_is_named(trail: PostgresDatabase, postgres: PostgresServer) -> None:
    with connect_owner(trail.owner) as connection, pytest.raises(StoreError, match="CREATE ROLE fresh_role LOGIN"):
        grant(connection, trail.owner, recorder="fresh_role", reader=READER)

    with connect_owner(trail.address("postgres")) as connection:
        grant(connection, trail.owner, recorder="fresh_role", reader=READER)

    assert Database(trail.address("fresh_role")).size() == 0
    assert postgres.socket.exists()


def site(home: Path, trail: PostgresDatabase) -> Path:
    """Return a home whose settings name the database."""
    home.mkdir()
    (home / "trail.yaml").write_text(f"database: {trail.text(RECORDER)}\nreaders: {trail.text(READER)}\n")
    return home


def test_an_operator_makes_the_database_with_one_command(postgres: PostgresServer, tmp_path: Path) -> None:
    trail = postgres.empty()
    home = site(tmp_path / "home", trail)
    owner = ("--owner", trail.text(OWNER))

    unready = audit("store", "status", home=home)
    made = audit("store", "create", *owner, "--recorder", RECORDER, "--reader", READER, home=home)
    again = audit("store", "create", *owner, "--recorder", RECORDER, "--reader", READER, "--json", home=home)
    upgraded = audit("store", "upgrade", *owner, home=home)
    status = audit("store", "status", home=home)

    assert unready.code == 1
    assert "audit store create" in unready.err
    assert (made.code, again.code, upgraded.code, status.code) == (0, 0, 0, 0), made.err
    assert "may add to it" in made.out
    assert "has schema 2 already" in upgraded.out
    assert "beyond ciphertext" in status.out


def test_commands_that_change_tables_ask_for_the_owner_and_the_roles(trail: PostgresDatabase, tmp_path: Path) -> None:
    home = site(tmp_path / "home", trail)

    assert "add --owner" in audit("store", "upgrade", home=home).err
    assert "add --owner" in audit("store", "create", home=home).err
    assert "name the roles" in audit("store", "create", "--owner", trail.text(OWNER), home=home).err


def test_an_upgrade_makes_no_tables_that_nobody_may_use(postgres: PostgresServer, tmp_path: Path) -> None:
    trail = postgres.empty()

    done = audit("store", "upgrade", "--owner", trail.text(OWNER), home=site(tmp_path / "home", trail))

    assert done.code == 1
    assert "holds no trail yet" in done.err


def test_an_embedded_trail_needs_no_command_and_takes_them_all(tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()

    missing = audit("store", "status", home=tmp_path)
    made = audit("store", "create", home=tmp_path)
    upgraded = audit("store", "upgrade", "--json", home=tmp_path)
    status = audit("store", "status", "--json", home=tmp_path)

    assert "is missing" in missing.err
    assert (made.code, upgraded.code, status.code) == (0, 0, 0)
    assert '"kind":"sqlite"' in status.out
