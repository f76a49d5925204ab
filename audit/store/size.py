"""How much room a trail takes, and how much of it is not the sealed bodies themselves.

A site plans its disks by it: a record costs at most 1.5 KB beyond its ciphertext, tree, index and keys included.
It reads lengths, never contents.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text

from audit.store.address import Address
from audit.store.connect import told
from audit.store.schema import checkpoint, metadata, record


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a trail takes, in bytes."""

    records: int
    checkpoints: int
    ciphertext: int
    """Sealed bodies, whatever their callers sent."""

    wrapped_keys: int
    tables: dict[str, int]
    """Each table with its indexes; on SQLite the whole file, under its own name."""

    @property
    def total(self) -> int:
        """Everything."""
        return sum(self.tables.values())

    @property
    def record_bytes(self) -> float:
        """What a record takes beyond its ciphertext, on average; 0 without any record."""
        return (self.total - self.ciphertext) / self.records if self.records else 0.0


def measure(connection: Connection, address: Address) -> Size:
    """Return the size of a trail.  Raises StoreError."""
    lengths = select(
        func.count(),
        func.coalesce(func.sum(func.length(record.c.ciphertext)), 0),
        func.coalesce(func.sum(func.length(record.c.wrapped_key)), 0),
    ).select_from(record)
    with told(address, cannot="read"):
        records, ciphertext, wrapped_keys = connection.execute(lengths).one()
        checkpoints = connection.execute(select(func.count()).select_from(checkpoint)).scalar_one()
        tables = _file(connection) if address.is_sqlite else _tables(connection)
    return Size(
        records=records,
        checkpoints=checkpoints,
        ciphertext=int(ciphertext),
        wrapped_keys=int(wrapped_keys),
        tables=tables,
    )


def _file(connection: Connection) -> dict[str, int]:
    pages, page = (connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "page_size"))
    return {"file": pages * page}


def _tables(connection: Connection) -> dict[str, int]:
    size = text("SELECT pg_total_relation_size(CAST(:name AS regclass))")
    return {
        table.name: int(connection.execute(size, {"name": table.name}).scalar_one()) for table in metadata.sorted_tables
    }
