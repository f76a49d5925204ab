"""Copies of the policy folder for tests that change it, and actors to ask about."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from appliance.exchange import Actor

CHECKOUT = Path(__file__).resolve().parents[2]
"""Root of the repository."""

SAMPLE_TASKS = CHECKOUT / "tests" / "support" / "policies" / "tasks"
"""Small stand-ins for the task pack, so that a reworded prompt changes no test of the policy."""

TASKS = tuple(sorted(file.stem for file in SAMPLE_TASKS.glob("*.yaml")))
"""Names of the task pack."""


def copy_policies(to: Path) -> Path:
    """Copy the shipped policy with the sample tasks in place of the task pack."""
    shutil.copytree(CHECKOUT / "policies", to, ignore=shutil.ignore_patterns("tasks"))
    shutil.copytree(SAMPLE_TASKS, to / "tasks")
    return to


def edit(folder: Path, name: str, *, old: str, new: str) -> Path:
    """Replace text in one file of a copy; the text must be there."""
    file = folder / name
    text = file.read_text()
    assert old in text, f"{name} no longer holds {old!r}"
    file.write_text(text.replace(old, new, 1))
    return folder


def client(
    name: str = "Ward 3 EHR",
    *,
    tasks: Iterable[str] = TASKS,
    tenant: str = "sandbox",
    roles: Iterable[str] = ("integration",),
) -> Actor:
    """Return a client as `auth` proves one."""
    number = format(sum(map(ord, name)), "016x")
    return Actor(client_id=f"client_{number}", name=name, tenant=tenant, roles=frozenset(roles), tasks=frozenset(tasks))
