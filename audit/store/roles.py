"""Who may do what in a trail's PostgreSQL database: owner, recorder, reader.

The owner makes and upgrades tables and is no program of the appliance.  The recorder may add rows and read them, and
nothing else; the reader may read.  Neither may change or delete a row, so a stolen recorder or console cannot.
"""

from sqlalchemy import Connection, text

from audit.errors import StoreError
from audit.store.address import Address
from audit.store.connect import told

_TABLES = "record, term, term_block, blind_index, checkpoint"


def grant(connection: Connection, address: Address, *, recorder: str, reader: str) -> None:
    """Give both roles what they need and no more; a missing one is made, able to log in.  Raises StoreError."""
    if recorder == reader:
        raise StoreError("recorder and reader are the same role; give each its own, so that the console cannot write")
    for role in (recorder, reader):
        _ensure(connection, address, role)
    with told(address, cannot="set up"):
        for statement in statements(connection, recorder=recorder, reader=reader):
            connection.exec_driver_sql(statement)


def statements(connection: Connection, *, recorder: str, reader: str) -> tuple[str, ...]:
    """Return the SQL that gives the roles their rights."""
    quote = connection.dialect.identifier_preparer.quote
    database = quote(str(connection.exec_driver_sql("SELECT current_database()").scalar()))
    writer, looker = quote(recorder), quote(reader)
    both = f"{writer}, {looker}"
    return (
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {both}",
        f"GRANT CONNECT ON DATABASE {database} TO {both}",
        f"GRANT USAGE ON SCHEMA public TO {both}",
        f"GRANT SELECT ON alembic_version, {_TABLES} TO {both}",
        f"GRANT INSERT ON {_TABLES} TO {writer}",
        # Tables of a later upgrade.
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {both}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT INSERT ON TABLES TO {writer}",
    )


def _ensure(connection: Connection, address: Address, role: str) -> None:
    """See that a role exists, and that it is not one that may do anything."""
    asked = text("SELECT rolsuper OR pg_has_role(rolname, current_user, 'MEMBER') FROM pg_roles WHERE rolname = :role")
    with told(address, cannot="read"):
        powerful = connection.execute(asked, {"role": role}).scalar()
    if powerful:
        raise StoreError(f"the role '{role}' is a superuser or may act as the owner; choose one that may not")
    if powerful is None:
        quoted = connection.dialect.identifier_preparer.quote(role)
        with told(address, cannot=f"given the role '{role}' (as a superuser run: CREATE ROLE {quoted} LOGIN)"):
            connection.exec_driver_sql(f"CREATE ROLE {quoted} LOGIN")
