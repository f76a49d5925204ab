"""The few fixtures that every kind of test may use; whatever takes more than a few lines stands in tests/support."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from appliance.policy.bundle import Bundle
from appliance.policy.load import load_bundle
from audit.store.address import Address, sqlite_address
from audit.store.database import Database
from tests.support.golden import Golden
from tests.support.policy_folder import copy_policies
from tests.support.postgres import PostgresServer, postgres_server


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden instead of comparing with it")


def pytest_configure() -> None:
    # A deadline an example is a timed assertion: it fails when the machine is busy, not when the code is wrong.
    # Continuous integration tries the same examples each time, so that a change is judged by itself; elsewhere new ones
    # are looked for in every run.
    settings.register_profile("appliance", deadline=None, derandomize="CI" in os.environ)
    settings.load_profile("appliance")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Give each test the umask of a login: a command that closes its own process, run inside a test, closes ours."""
    os.umask(0o022)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Name a failure when it happens: a run that is cut short prints no summary."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        sys.stdout.write(f"\n{report.outcome.upper()} {report.nodeid} ({report.when}): {reason(report)}\n")


def reason(report: pytest.TestReport) -> str:
    """Return the one line that says why a test failed."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr).strip().partition("\n")[0][:200]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Return expected output, as it stands in tests/golden."""
    return Golden(Path(__file__).parent / "golden", update=bool(request.config.getoption("--update-golden")))


@pytest.fixture
def run_folder() -> Iterator[Path]:
    """Return an empty folder whose path is short enough for Unix sockets, which `tmp_path` is not for every test."""
    with tempfile.TemporaryDirectory(prefix="run-") as folder:
        yield Path(folder)


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """Return a copy of the policy folder, with small stand-ins for the task pack, to change at will."""
    return copy_policies(tmp_path / "policies")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return the shipped policy with small stand-ins for the task pack; a value that no test can change."""
    return load_bundle(copy_policies(tmp_path_factory.mktemp("bundle") / "policies"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Return a real PostgreSQL server for databases of the tests; one that is stopped or killed is a test's own."""
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    """Return the address of an empty trail's database, as its recorder, on each of the stores."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        return server.database().recorder
    address = sqlite_address(tmp_path / "store" / "trail.db")
    address.path.parent.mkdir()
    Database(address).close()
    return address
