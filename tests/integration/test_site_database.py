"""PostgreSQL at a site: the kernel says who the caller is (peer), so a role is a Unix user and there is no password."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from audit.keyring import initialise
from audit.places import Places, find_places
from audit.record import Kind
from audit.recorder.client import RecorderClient
from audit.rows import Rows
from audit.store.connect import connect_owner
from audit.store.migrate import unseen, upgrade
from audit.store.roles import grant
from tests.support.as_user import as_user
from tests.support.listening import wait_until_listening
from tests.support.other_users import needs_root, open_folder, works_as
from tests.support.postgres import OWNER, PostgresServer, postgres_server
from tests.support.trails import example_event

pytestmark = needs_root

ROOT, GATEWAY, BROKER, RECORDER, CONSOLE = 0, 861, 863, 864, 865
NAMES = {
    GATEWAY: "appliance-gateway",
    BROKER: "appliance-broker",
    RECORDER: "appliance-recorder",
    CONSOLE: "appliance-console",
}
READY_S = 60.0

IDENT = """
appliance postgres postgres
appliance root appliance-console
appliance appliance-recorder appliance-recorder
appliance appliance-recorder appliance-console
appliance appliance-console appliance-console
"""
"""As the role `database` writes it."""

HBA = """
local all postgres peer map=appliance
local site "appliance-recorder" peer map=appliance
local site "appliance-console" peer map=appliance
local all all reject
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A home folder whose trail is in PostgreSQL, and the recorder that writes it."""

    home: Path
    server: PostgresServer

    @property
    def places(self) -> Places:
        """Where its parts are."""
        return find_places(self.home)

    def may_become(self, user: int, role: str) -> bool:
        """Say whether a Unix user is let in as a role."""

        def connect() -> None:
            try:
                psycopg.connect(dbname="site", host=str(self.server.socket), user=role).close()
            except psycopg.OperationalError as error:
                raise PermissionError from error

        return works_as(user, connect)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Run a server that knows a site's users, and a recorder as one of them."""
    with open_folder() as folder, postgres_server(inside=_knowing_users(folder)) as server:
        _make_database(server)
        home = _make_home(folder, server)
        command = as_user(
            RECORDER, [], sys.executable, "-m", "audit.recorder", "--home", str(home), "--peer", f"gateway={GATEWAY}"
        )
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, stderr=log)
        try:
            wait_until_listening(folder / "run" / "recorder.sock", process, limit_s=READY_S)
            yield Site(home=home, server=server)
        except RuntimeError as error:
            pytest.fail(f"{error}\n{(folder / 'log').read_text()}")
        finally:
            process.terminate()
            process.wait(READY_S)


def _knowing_users(folder: Path) -> tuple[str, ...]:
    """Return what starts a program so that it finds the site's users in /etc/passwd, which stays as it is."""
    passwd = folder / "passwd"
    lines = (f"{name}:x:{user}:{user}::/nonexistent:/usr/sbin/nologin\n" for user, name in NAMES.items())
    passwd.write_text(Path("/etc/passwd").read_text() + "".join(lines))
    script = 'mount --bind "$0" /etc/passwd && exec "$@"'
    return ("unshare", "--mount", "--propagation=private", "sh", "-c", script, str(passwd))


def _make_database(server: PostgresServer) -> None:
    """Make roles and tables as the installer does, and then let each user in as its own role only."""
    with closing(psycopg.connect(dbname="postgres", host=str(server.socket), user="postgres", autocommit=True)) as it:
        for user in (RECORDER, CONSOLE):
            it.execute(f'CREATE ROLE "{NAMES[user]}" LOGIN')  # type: ignore[call-overload]  # a test's name
    database = server.empty("site")
    upgrade(database.owner, moved=unseen)
    with connect_owner(database.owner) as connection:
        grant(connection, database.owner, recorder=NAMES[RECORDER], reader=NAMES[CONSOLE])
    (server.folder / "data" / "pg_ident.conf").write_text(IDENT)
    (server.folder / "data" / "pg_hba.conf").write_text(HBA)
    server.stop()
    server.start()


def _make_home(folder: Path, server: PostgresServer) -> Path:
    home = folder / "home"
    for path, owner, mode in (
        (home, ROOT, 0o755),
        (home / "audit", RECORDER, 0o750),
        (home / "witness", RECORDER, 0o700),
        (home / "custodian", CONSOLE, 0o700),
        (folder / "run", RECORDER, 0o755),
    ):
        path.mkdir()
        shutil.chown(path, owner, owner)
        path.chmod(mode)
    address = f"postgresql:///site?host={server.socket}&user="
    (home / "trail.yaml").write_text(
        f"database: {address}{NAMES[RECORDER]}\nreaders: {address}{NAMES[CONSOLE]}\nrun: {folder / 'run'}\n"
    )
    initialise(home / "audit", home / "custodian", origin="hospital.example/a1", now=datetime.now(UTC))
    return home


async def test_the_recorder_writes_as_its_user_and_the_console_reads_as_its_own(site: Site) -> None:
    client = RecorderClient(site.places.socket)
    try:
        receipt = await client.append(example_event(kind=Kind.INTENT))
    finally:
        await client.aclose()

    def reads() -> None:
        with Rows.open(site.places.readers) as rows:
            assert rows.size() > receipt.sequence

    assert works_as(CONSOLE, reads, groups=[RECORDER])
    reads()  # and root's commands


@pytest.mark.parametrize(
    ("user", "role"),
    [
        (RECORDER, "appliance-recorder"),
        (RECORDER, "appliance-console"),
        (CONSOLE, "appliance-console"),
        (ROOT, "appliance-console"),
    ],
)
def test_a_user_is_let_in_as_its_own_role(site: Site, user: int, role: str) -> None:
    assert site.may_become(user, role)


@pytest.mark.parametrize(
    ("user", "role"),
    [
        (CONSOLE, "appliance-recorder"),
        (CONSOLE, OWNER),
        (CONSOLE, "postgres"),
        (RECORDER, OWNER),
        (RECORDER, "postgres"),
        (GATEWAY, "appliance-console"),
        (GATEWAY, "appliance-recorder"),
        (BROKER, "appliance-console"),
        (ROOT, "appliance-recorder"),
        (ROOT, "postgres"),
    ],
)
def test_nobody_is_let_in_as_another_role(site: Site, user: int, role: str) -> None:
    assert not site.may_become(user, role)


def test_the_console_may_not_write(site: Site) -> None:
    def writes() -> None:
        with (
            closing(psycopg.connect(dbname="site", host=str(site.server.socket), user="appliance-console")) as it,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            it.execute("DELETE FROM record")

    assert works_as(CONSOLE, writes)
