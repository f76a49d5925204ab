"""`audit verify` of a trail on PostgreSQL: as the role that only reads, and while a recorder writes."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from audit.cli.root import root
from audit.cli.verify_trail import verify_rows
from audit.findings import Verdict
from audit.log import Clocks, Log
from audit.rows import Rows
from tests.support.postgres import READER, RECORDER, PostgresDatabase, PostgresServer
from tests.support.trail_builder import TrailBuilder, exchange_events

EXCHANGES = 130
"""Past two blocks of terms and two pages of records."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> tuple[TrailBuilder, PostgresDatabase]:
    """Return a home whose settings name a database, with a trail in it."""
    builder, database = TrailBuilder(home=tmp_path_factory.mktemp("site") / "home"), postgres.database()
    lines = (f"database: {database.text(RECORDER)}", f"readers: {database.text(READER)}")
    (builder.home / "trail.yaml").write_text("\n".join(lines) + "\n")
    _append(builder, database, EXCHANGES)
    return builder, database


def _append(builder: TrailBuilder, database: PostgresDatabase, count: int) -> None:
    clocks = Clocks(now_ms=lambda: builder.clock.now_ms, monotonic_s=lambda: builder.clock.monotonic_s)
    with closing(Log.open(builder.trail, clocks=clocks, database=database.recorder)) as log:
        for _ in range(count):
            exchange_id = f"ex_{log.size:032x}"
            for batch in exchange_events(exchange_id):
                builder.append(log, batch)
            builder.clock.move(1)


def _verify(builder: TrailBuilder, *options: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(root, ["verify", "--home", str(builder.home), "--json", *options])
    return result.exit_code, json.loads(result.stdout)


def test_a_live_trail_is_verified_as_the_reader(built: tuple[TrailBuilder, PostgresDatabase]) -> None:
    builder, _ = built

    code, report = _verify(builder)

    assert (code, report["verdict"], report["first_bad"]) == (0, "verified", None)
    assert report["records"] == report["signed_records"] >= 4 * EXCHANGES + 1


def test_a_database_is_verified_by_its_address_and_the_public_key_alone(
    built: tuple[TrailBuilder, PostgresDatabase], tmp_path: Path
) -> None:
    builder, database = built
    keys = str(builder.trail.folder / "verifier.keys")
    arguments = ["verify", "--database", database.text(READER), "--public-key", keys, "--home", str(tmp_path)]

    assert CliRunner().invoke(root, arguments).exit_code == 0


def test_a_trail_that_grows_while_it_is_verified_is_not_accused(built: tuple[TrailBuilder, PostgresDatabase]) -> None:
    builder, database = built
    with Rows.open(database.reader) as rows:
        growing = _Growing(rows, lambda: _append(builder, database, 1))
        report = verify_rows(growing, builder.trail.verifier_keys())  # type: ignore[arg-type]

    assert report.verdict is Verdict.VERIFIED
    assert growing.times == 3


class _Growing:
    """An open database that grows between every two things that are read."""

    def __init__(self, rows: Rows, grow: Any) -> None:
        self._rows, self._grow = rows, grow
        self.times = 0

    def __getattr__(self, name: str) -> Any:
        if name in {"terms", "index_pages", "record_pages"}:
            self._grow()
            self.times += 1
        return getattr(self._rows, name)


@pytest.mark.parametrize(
    ("change", "step", "place"),
    [
        ("UPDATE record SET task = NULL WHERE sequence = 300", 4, 300),
        ("UPDATE record SET event = event || 'x' WHERE sequence = 299", 4, 299),
        ("UPDATE record SET facts = 'x' WHERE sequence = 298", 5, 298),
        ("DELETE FROM record WHERE sequence = 297", 2, 297),
    ],
)
def test_a_change_behind_the_triggers_is_found_and_named(
    built: tuple[TrailBuilder, PostgresDatabase], change: str, step: int, place: int
) -> None:
    builder, database = built
    other = PostgresDatabase(name=f"copy_{place}", socket=database.socket)
    postgres_itself = PostgresDatabase(name="postgres", socket=database.socket)
    postgres_itself.sql(f"CREATE DATABASE {other.name} TEMPLATE {database.name}")
    other.sql(change)

    code, report = _verify(builder, "--database", other.text(READER))

    assert (code, report["first_bad"]) == (3, place)
    assert report["steps"][step - 1]["verdict"] == "tampered"
