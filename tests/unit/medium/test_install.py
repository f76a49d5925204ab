"""The program that a person starts from the medium, and that our own wheel leaves nothing behind."""

import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

INSTALL = Path("ansible/medium/install")


def run(*arguments: str | Path, path: str = "/usr/bin:/bin") -> "subprocess.CompletedProcess[str]":
    """Run it as a person would."""
    return subprocess.run([INSTALL, *arguments], capture_output=True, text=True, check=False, env={"PATH": path})


@pytest.mark.parametrize("arguments", [[], ["--key", "k"], ["--inventory", "i"]])
def test_without_key_or_inventory_it_says_how_it_is_used(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "./install --key KEY --inventory INVENTORY" in done.stderr


def test_its_help_tells_how_to_prove_it_first() -> None:
    assert "gpgv --keyring" in run("--help").stdout


def test_without_a_python_new_enough_it_says_how_to_get_one_from_the_medium(tmp_path: Path) -> None:
    for name in ("dirname", "readlink"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    (tmp_path / "bash").symlink_to("/bin/bash")
    done = run("--key", "k", "--inventory", "i", path=str(tmp_path))
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


def test_every_file_of_the_packages_is_in_our_own_wheel() -> None:
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "appliance", "audit"],  # noqa: S607 - the tests need git
        capture_output=True,
        text=True,
        check=True,
    )
    patterns = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["*"]
    left_out = [
        name
        for name in listed.stdout.splitlines()
        if not name.endswith(".py") and not any(fnmatch(Path(name).name, pattern) for pattern in patterns)
    ]
    assert left_out == []
