"""The playbooks as text: each rule of ansible-lint's production profile, yamllint, and that every playbook parses.

One run of each tool over everything, without a network; `.venv-ansible` is what `make test` builds for it.
"""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ANSIBLE = ROOT / "ansible"
TOOLS = ROOT / ".venv-ansible" / "bin"

PLAYBOOKS = sorted(file.name for file in ANSIBLE.glob("*.yml"))

WITHIN_S = 600


@pytest.fixture(autouse=True)
def _needs_ansible() -> None:
    if not (TOOLS / "ansible-lint").exists():
        pytest.skip(f"{TOOLS.parent.name} is not built; run 'make ansible'")


def _ran(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        "ANSIBLE_NOCOLOR": "1",
        "NO_COLOR": "1",
    }
    command = [str(TOOLS / words[0]), *words[1:]]
    return subprocess.run(
        command, cwd=ANSIBLE, env=environment, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )


def test_every_role_and_playbook_passes_the_production_profile(tmp_path: Path) -> None:
    linted = _ran(tmp_path, "ansible-lint", "--offline", "--strict", "--nocolor", "--parseable")

    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert "production" in linted.stderr


def test_every_yaml_file_is_written_in_one_manner(tmp_path: Path) -> None:
    linted = _ran(tmp_path, "yamllint", "--strict", ".")

    assert linted.returncode == 0, linted.stdout


def test_every_playbook_parses(tmp_path: Path) -> None:
    parsed = _ran(tmp_path, "ansible-playbook", "--syntax-check", "-i", "inventory/example/hosts.yml", *PLAYBOOKS)

    assert parsed.returncode == 0, parsed.stdout + parsed.stderr
    assert "site.yml" in PLAYBOOKS
