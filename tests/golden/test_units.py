"""Every program's sandbox, line by line, for both kinds of server; and what systemd itself thinks of it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.golden import Golden

CHECKOUT = Path(__file__).resolve().parents[2]
CONTROLLER = CHECKOUT / ".venv-ansible" / "bin" / "python"

ANALYZE = shutil.which("systemd-analyze") or ""

UNITS = ("recorder", "keys", "engine", "broker", "gateway", "console", "witness", "isolation")
PROFILES = ("cpu", "a100x2")

HOSTS = {"head": "192.168.77.1", "lender": "192.168.77.2"}
"""Of an engine over two hosts, with their addresses on its link."""

LIMITS = {"engine": 2.0, "isolation": 6.0}
"""Highest exposure; 1.3 for the others, which need no device.

The proof of isolation enters every program's namespaces as root, so it cannot be confined as they are; it listens to
nobody, runs for seconds, and does what root's own command does."""

pytestmark = pytest.mark.skipif(not CONTROLLER.exists(), reason="needs .venv-ansible; run 'make ansible'")


def exposure(file: Path) -> float:
    """Return what systemd itself thinks of a unit: 0 to 10."""
    told = subprocess.run(
        [ANALYZE, "security", "--offline=true", "--no-pager", file], check=True, capture_output=True, text=True
    )
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told.stdout)
    assert found
    return float(found[1])


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the units of each profile, rendered as a converge renders them."""
    folder = tmp_path_factory.mktemp("units")
    for profile in PROFILES:
        script = CHECKOUT / "tests" / "support" / "render_units.py"
        subprocess.run([CONTROLLER, script, profile, folder / profile], check=True, capture_output=True)
    for host, address in HOSTS.items():
        script = CHECKOUT / "tests" / "support" / "render_units.py"
        subprocess.run([CONTROLLER, script, "a100x2x2", folder / host, address], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(("host", "unit"), [("head", "engine"), ("head", "ray"), ("lender", "ray")])
def test_the_sandbox_of_an_engine_over_two_hosts_is_exactly_this(
    golden: Golden, rendered: Path, *, host: str, unit: str
) -> None:
    text = (rendered / host / f"appliance-{unit}.service").read_text()

    golden.check(f"units/a100x2x2/{host}/appliance-{unit}.service", text)


@pytest.mark.skipif(not ANALYZE, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", ["engine", "ray"])
def test_an_engine_over_two_hosts_is_no_more_exposed(rendered: Path, unit: str) -> None:
    assert exposure(rendered / "head" / f"appliance-{unit}.service") <= LIMITS["engine"]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("unit", UNITS)
def test_the_sandbox_of_each_program_is_exactly_this(
    golden: Golden, rendered: Path, *, unit: str, profile: str
) -> None:
    text = (rendered / profile / f"appliance-{unit}.service").read_text()

    golden.check(f"units/{profile}/appliance-{unit}.service", text)


@pytest.mark.skipif(not ANALYZE, reason="needs systemd-analyze")
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_no_program_more_exposed_than_its_limit(rendered: Path, *, unit: str, profile: str) -> None:
    assert exposure(rendered / profile / f"appliance-{unit}.service") <= LIMITS.get(unit, 1.3)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("unit", UNITS)
def test_no_program_can_make_an_io_uring(rendered: Path, *, unit: str, profile: str) -> None:
    lines = (rendered / profile / f"appliance-{unit}.service").read_text().splitlines()

    filters = [line for line in lines if line.startswith("SystemCallFilter=")]

    assert filters[-1] == "SystemCallFilter=~io_uring_setup io_uring_enter io_uring_register"


@pytest.mark.parametrize("unit", UNITS)
def test_secrets_come_by_credentials_and_never_by_the_environment(rendered: Path, unit: str) -> None:
    text = (rendered / "a100x2" / f"appliance-{unit}.service").read_text()

    assert "never rendered" not in text
    assert not re.search(r"(?i)^Environment=.*(key|secret|token|password)", text, re.MULTILINE)


def test_the_engine_sees_two_graphics_cards_and_no_other_device(rendered: Path) -> None:
    lines = (rendered / "a100x2" / "appliance-engine.service").read_text().splitlines()

    assert "DevicePolicy=closed" in lines
    assert [line.removeprefix("DeviceAllow=") for line in lines if line.startswith("DeviceAllow=")] == [
        "/dev/nvidia0 rw",
        "/dev/nvidia1 rw",
        "/dev/nvidiactl rw",
        "/dev/nvidia-uvm rw",
        "/dev/nvidia-uvm-tools rw",
        "char-nvidia-caps rw",
    ]
    assert "LimitMEMLOCK=infinity" in lines
