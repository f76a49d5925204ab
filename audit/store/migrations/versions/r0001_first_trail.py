"""Make the tables of the first trails: records with their copies, blind index, checkpoints.

On SQLite these were made by the first release itself, without Alembic; such a file is taken as having had this step.
On PostgreSQL it only ever runs together with the next one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
"""Number of this step."""

down_revision = None
"""Number of the step before."""

_PLACE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "record",
        sa.Column("sequence", _PLACE, primary_key=True, autoincrement=False),
        sa.Column("time", _PLACE, nullable=False),
        sa.Column("exchange", sa.String),
        sa.Column("task", sa.String),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("nodes", sa.LargeBinary, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("facts", sa.LargeBinary, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary),
        sa.Column("ciphertext", sa.LargeBinary),
    )
    op.create_index("record_exchange", "record", ["exchange", "sequence"], sqlite_where=sa.text("exchange IS NOT NULL"))
    op.create_index("record_task", "record", ["task", "sequence"], sqlite_where=sa.text("task IS NOT NULL"))
    op.create_table(
        "blind_index",
        sa.Column("value", sa.LargeBinary, primary_key=True),
        sa.Column("sequence", _PLACE, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", _PLACE, primary_key=True, autoincrement=False),
        sa.Column("time", _PLACE, nullable=False),
        sa.Column("note", sa.String, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute("PRAGMA application_id = 1096107092")  # AUDT
        op.execute("PRAGMA user_version = 1")
