"""Keep each readable value once, say in which blocks it occurs, and pack leaf and facts.

Records are moved as they are stored: the packed bytes unpack to the same leaf, which the tree has hashed, and copies
are taken over unchanged.  On PostgreSQL it adds the triggers that refuse changes and gaps: a speed bump for mistakes,
because whoever owns the tables can drop them; the tree is the proof.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from audit.compact import pack
from audit.errors import FormatError, StoreError
from audit.record import Leaf, read_facts
from audit.terms import COLUMNS, KIND_IDS, column_terms, fact_terms

revision = "0002"
"""Number of this step."""

down_revision = "0001"
"""Number of the step before."""

BLOCK_RECORDS = 256
"""Records of one block."""

PAGE = 500
"""Records moved at once."""

_PLACE = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TABLES = ("record", "term", "term_block", "blind_index", "checkpoint")

_term = sa.table("term", sa.column("id"), sa.column("member"), sa.column("value"))
_term_block = sa.table("term_block", sa.column("term"), sa.column("block"))

_REFUSE = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RAISE EXCEPTION 'rows of the trail are never changed or deleted' USING ERRCODE = 'AU002';
END $$
"""

_NO_GAP = """
CREATE FUNCTION audit_no_gap() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF NEW.sequence <> 0 AND NOT EXISTS (SELECT FROM public.record WHERE sequence = NEW.sequence - 1) THEN
    RAISE EXCEPTION 'the record before this one is missing' USING ERRCODE = 'AU001';
  END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    """Move the records into the new tables."""
    op.drop_index("record_exchange", "record")
    op.drop_index("record_task", "record")
    op.rename_table("record", "record_1")
    _create_tables()
    op.bulk_insert(_term, [{"id": number, "member": "kind", "value": kind} for kind, number in KIND_IDS.items()])
    _move(op.get_bind(), context.config.attributes["moved"])
    op.drop_table("record_1")
    _create_indexes()
    if op.get_bind().dialect.name == "sqlite":
        op.execute("PRAGMA user_version = 2")
    else:
        _guard()


def _create_tables() -> None:
    op.create_table(
        "record",
        sa.Column("sequence", _PLACE, primary_key=True, autoincrement=False),
        sa.Column("time", _PLACE, nullable=False),
        sa.Column("exchange", sa.String),
        sa.Column("event", sa.String, nullable=False),
        *(sa.Column(name, sa.Integer) for name in COLUMNS),
        sa.Column("nodes", sa.LargeBinary, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("facts", sa.LargeBinary, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary),
        sa.Column("ciphertext", sa.LargeBinary),
    )
    op.create_table(
        "term",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("member", sa.String, nullable=False),
        sa.Column("value", sa.String, nullable=False),
        sa.UniqueConstraint("member", "value", name="term_value"),
    )
    op.create_table(
        "term_block",
        sa.Column("term", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("block", sa.Integer, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )


def _create_indexes() -> None:
    intent, outcome = (f"kind = {KIND_IDS[kind]}" for kind in ("intent", "outcome"))
    for name, columns, where in (
        ("record_exchange", ["exchange"], "exchange IS NOT NULL"),
        ("record_intent", ["exchange", "sequence"], intent),
        ("record_outcome", ["exchange", "sequence"], outcome),
    ):
        op.create_index(name, "record", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _move(connection: sa.Connection, moved: Callable[[int, int], None]) -> None:
    """Move every record, a page at a time."""
    old = sa.Table("record_1", sa.MetaData(), autoload_with=connection)
    new = sa.Table("record", sa.MetaData(), autoload_with=connection)
    total = connection.execute(sa.select(sa.func.count()).select_from(old)).scalar_one()
    numbers = {("kind", kind): number for kind, number in KIND_IDS.items()}
    place, done = -1, 0
    while page := connection.execute(
        sa.select(old).where(old.c.sequence > place).order_by(old.c.sequence).limit(PAGE)
    ).all():
        terms = [_terms_of(row) for row in page]
        _add_terms(connection, terms, numbers)
        connection.execute(sa.insert(new), [_row(row, own, numbers) for row, (own, _) in zip(page, terms, strict=True)])
        _add_blocks(connection, page, terms, numbers)
        place, done = page[-1].sequence, done + len(page)
        moved(done, total)


_Terms = tuple[Mapping[str, str], Mapping[str, str]]
"""Terms with columns, and those without."""


def _terms_of(row: sa.Row[Any]) -> _Terms:
    try:
        leaf, document = Leaf.from_bytes(row.leaf), read_facts(row.facts)
    except (FormatError, AttributeError) as error:
        raise StoreError(
            f"record {row.sequence} is damaged, so nothing was changed; run 'audit verify' of the release that wrote it"
        ) from error
    facts = document.get("facts", {})
    own = column_terms(leaf, str(document.get("client", "")))
    return own, fact_terms(leaf.kind, leaf.route, facts if isinstance(facts, dict) else {})


def _add_terms(connection: sa.Connection, terms: Sequence[_Terms], numbers: dict[tuple[str, str], int]) -> None:
    found = dict.fromkeys(pair for both in terms for part in both for pair in part.items())
    fresh = [pair for pair in found if pair not in numbers]
    if not fresh:
        return
    numbers.update({pair: number for number, pair in enumerate(fresh, len(numbers) + 1)})
    rows = [{"id": numbers[pair], "member": pair[0], "value": pair[1]} for pair in fresh]
    connection.execute(sa.insert(_term), rows)


def _add_blocks(
    connection: sa.Connection,
    page: Sequence[sa.Row[Any]],
    terms: Sequence[_Terms],
    numbers: Mapping[tuple[str, str], int],
) -> None:
    """Say where terms occur; a block that began on the page before has some of its rows already."""
    wanted = {
        (numbers[pair], row.sequence // BLOCK_RECORDS)
        for row, both in zip(page, terms, strict=True)
        for part in both
        for pair in part.items()
    }
    first = page[0].sequence // BLOCK_RECORDS
    known = connection.execute(
        sa.select(_term_block.c.term, _term_block.c.block).where(_term_block.c.block == first)
    ).all()
    rows = [{"term": term, "block": block} for term, block in sorted(wanted - {tuple(pair) for pair in known})]
    if rows:
        connection.execute(sa.insert(_term_block), rows)


def _row(row: sa.Row[Any], terms: Mapping[str, str], numbers: Mapping[tuple[str, str], int]) -> dict[str, object]:
    kept = ("sequence", "time", "exchange", "event", "nodes", "wrapped_key", "ciphertext")
    columns = {name: numbers[name, terms[name]] if name in terms else None for name in COLUMNS}
    return {
        **{name: getattr(row, name) for name in kept},
        **columns,
        "leaf": pack(row.leaf),
        "facts": pack(row.facts),
    }


def _guard() -> None:
    """Let PostgreSQL refuse what no recorder does, index people once a value, and not compress what is packed."""
    op.drop_constraint("blind_index_pkey", "blind_index")
    op.create_index("blind_index_value", "blind_index", ["value"])
    op.create_index("blind_index_sequence", "blind_index", ["sequence"], postgresql_using="brin")
    op.execute(_REFUSE)
    op.execute(_NO_GAP)
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
        )
    op.execute("CREATE TRIGGER record_no_gap BEFORE INSERT ON record FOR EACH ROW EXECUTE FUNCTION audit_no_gap()")
    for column in ("nodes", "leaf", "facts", "wrapped_key", "ciphertext"):
        op.execute(f"ALTER TABLE record ALTER COLUMN {column} SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE checkpoint ALTER COLUMN note SET STORAGE EXTERNAL")
