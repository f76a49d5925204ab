"""A real PostgreSQL server of the tests' own: a private cluster in a temporary folder, reached by a Unix socket only.

It runs as the user ``postgres`` when the tests run as root, because the server refuses to be root.  Anyone who can
reach the folder may be any role ("trust"): what a role may do in a database is what the tests are about.
"""

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from audit.store.address import Address, read_address
from audit.store.connect import connect_owner
from audit.store.migrate import unseen, upgrade
from audit.store.roles import grant

OWNER, RECORDER, READER = "trail_owner", "trail_recorder", "trail_reader"
PACKAGED = Path("/usr/lib/postgresql")
"""Where Debian keeps the servers, one folder a version, outside of PATH."""

START_WITHIN_S = 60


@dataclass(frozen=True, kw_only=True)
class PostgresDatabase:
    """The addresses of one database, by role."""

    name: str
    socket: Path

    @property
    def owner(self) -> Address:
        """As the role that owns the tables."""
        return self.address(OWNER)

    @property
    def recorder(self) -> Address:
        """As the role that only adds."""
        return self.address(RECORDER)

    @property
    def reader(self) -> Address:
        """As the role that only reads."""
        return self.address(READER)

    def text(self, role: str) -> str:
        """Return the address as written in settings."""
        return f"postgresql:///{self.name}?host={self.socket}&user={role}"

    def address(self, role: str) -> Address:
        """Return the address as a role."""
        return read_address(self.text(role))

    def connect(self, role: str = "postgres") -> psycopg.Connection:
        """Return a plain connection, behind everyone's back; a superuser's unless said otherwise."""
        return psycopg.connect(dbname=self.name, host=str(self.socket), user=role, autocommit=True)

    def sql(self, statement: str, *parameters: object, role: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement without the triggers, as whoever owns the machine could."""
        with closing(self.connect(role)) as connection:
            if role == "postgres":
                connection.execute("SET session_replication_role = replica")
            cursor = connection.execute(statement, parameters)  # type: ignore[call-overload]  # tests write SQL
            return cursor.fetchall() if cursor.description else []


@dataclass
class PostgresServer:
    """A running cluster."""

    folder: Path
    binaries: Path
    settings: dict[str, str] = field(default_factory=dict)
    inside: tuple[str, ...] = ()
    """What its programs are started by, such as a namespace of its own."""

    _names: Iterator[int] = field(default_factory=itertools.count)

    @property
    def socket(self) -> Path:
        """The folder with the socket."""
        return self.folder / "run"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.socket), **self.settings}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        self._run("pg_ctl", "start", "-w", "-t", str(START_WITHIN_S), "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """Stop the server as an operator does who cannot wait: connections end, and what was committed stays."""
        self._run("pg_ctl", "stop", "-w", "-m", "fast")

    def kill(self) -> None:
        """Kill every process of the server outright, and wait until they are gone."""
        pid = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for number in (pid, *map(int, children)):
            os.kill(number, signal.SIGKILL)
        limit_s = time.monotonic() + START_WITHIN_S
        while any(Path(f"/proc/{number}").exists() for number in (pid, *children)) and time.monotonic() < limit_s:
            time.sleep(0.01)

    def empty(self, name: str = "") -> PostgresDatabase:
        """Return a new database without tables."""
        database = PostgresDatabase(name=name or f"trail_{next(self._names)}", socket=self.socket)
        with closing(psycopg.connect(dbname="postgres", host=str(self.socket), user="postgres", autocommit=True)) as it:
            it.execute(f"CREATE DATABASE {database.name} OWNER {OWNER}")  # type: ignore[call-overload]  # a test's name
        return database

    def database(self, name: str = "") -> PostgresDatabase:
        """Return a new database with the tables of an empty trail, as `audit store create` makes it."""
        database = self.empty(name)
        upgrade(database.owner, moved=unseen)
        with connect_owner(database.owner) as connection:
            grant(connection, database.owner, recorder=RECORDER, reader=READER)
        return database

    def initialise(self) -> None:
        """Make the cluster and the roles."""
        self.socket.mkdir(mode=0o755)
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
            shutil.chown(self.socket, "postgres")
        self._run("initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale", "C")
        self.start()
        with closing(psycopg.connect(dbname="postgres", host=str(self.socket), user="postgres", autocommit=True)) as it:
            for role in (OWNER, RECORDER, READER):
                it.execute(f"CREATE ROLE {role} LOGIN")  # type: ignore[call-overload]  # a test's name

    def _run(self, program: str, *arguments: str) -> None:
        as_user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups") if os.getuid() == 0 else ()
        command = [*self.inside, *as_user, str(self.binaries / program), *arguments, "-D", str(self.folder / "data")]
        done = subprocess.run(
            command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
        )
        assert done.returncode == 0, f"{program} failed: {done.stderr}"


@contextmanager
def postgres_server(*, fsync: bool = True, inside: tuple[str, ...] = (), **settings: str) -> Iterator[PostgresServer]:
    """Run a server of its own until the end of the block."""
    folder = Path(tempfile.mkdtemp(prefix="trail-pg-"))
    folder.chmod(0o755)
    server = PostgresServer(
        folder=folder,
        binaries=_binaries(),
        settings={"fsync": "on" if fsync else "off", **settings},
        inside=inside,
    )
    try:
        server.initialise()
        yield server
    finally:
        _end(server)
        shutil.rmtree(folder, ignore_errors=True)


def _end(server: PostgresServer) -> None:
    if (server.folder / "data" / "postmaster.pid").exists():
        server.stop()


def _binaries() -> Path:
    """Return the folder with PostgreSQL's programs; a machine without them fails its tests and is told why."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    newest = sorted(PACKAGED.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    assert newest, "PostgreSQL is not installed; run .ci/system-packages --tests"
    return newest[-1].parent
