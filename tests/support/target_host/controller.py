"""The operator's workstation: runs the playbooks against hosts, over ssh, from inside their world.

    controller = Controller(outside, hosts=[host], variables={"appliance_tenant": "clinic"})
    played = controller.play("site.yml", options=["--check", "--diff"])
    assert played.code == 0, played.text

Ansible has no route out either.  What it did is read from a log of its tasks, not from what it prints.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.target_host.base import OPERATOR, known_host, operator_key
from tests.support.target_host.host import TargetHost
from tests.support.target_host.places import ROOT
from tests.support.target_host.world import World

PLAYBOOKS = ROOT / "ansible"
COMMAND = ROOT / ".venv-ansible" / "bin" / "ansible-playbook"
"""Of the environment that `.ci/environment ansible` builds."""

_CALLBACKS = Path(__file__).with_name("callbacks")
_LOOK_S = 0.02
_LAST_LINES = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One line of the log."""

    state: str
    """begins, ok, changed, skipped, failed, rescued or unreachable."""

    role: str
    name: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What one run did."""

    code: int
    output: str = field(repr=False)
    tasks: tuple[Task, ...] = field(repr=False)
    seconds: float

    @property
    def changed(self) -> list[str]:
        """Return the tasks that changed something, with their roles."""
        return [f"{task.role}: {task.name}" for task in self.tasks if task.state == "changed"]

    @property
    def failed(self) -> list[str]:
        """Return the tasks that failed."""
        return [f"{task.role}: {task.name}" for task in self.tasks if task.state in ("failed", "unreachable")]

    @property
    def text(self) -> str:
        """Return the end of what it printed, for a message."""
        return "\n".join([f"exit {self.code} after {self.seconds:.0f} s", *self.output.splitlines()[-_LAST_LINES:]])

    def slowest(self, number: int = 15) -> list[tuple[float, str]]:
        """Return the tasks that took longest."""
        return sorted(((task.seconds, f"{task.role}: {task.name}") for task in self.tasks), reverse=True)[:number]


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """Runs playbooks against the hosts of one inventory."""

    world: World
    hosts: Sequence[TargetHost]
    folder: Path
    """For the inventory, keys and logs of this controller."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    """Of the site, for every host."""

    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Other groups by their hosts' names; all hosts are in ``appliance`` unless they are named here."""

    playbooks: Path = PLAYBOOKS

    def play(
        self,
        playbook: str = "site.yml",
        *,
        options: Sequence[str] = (),
        extra: Mapping[str, Any] | None = None,
        watch: Callable[[Task], bool] | None = None,
        within_s: float = 1800.0,
    ) -> Played:
        """Run a playbook to its end and return what it did; a failure is for the caller to judge.

        `watch` sees each line of the log as it is written; once it returns True nobody waits for the playbook any
        longer: it is ended, as by a controller that was unplugged.
        """
        started_s = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        log, printed = self.folder / "tasks.jsonl", self.folder / "output.txt"
        log.write_text("")
        words = [
            str(COMMAND),
            "-i",
            str(self._inventory()),
            *options,
            *self._extra(extra),
            str(self.playbooks / playbook),
        ]
        bounded = ["timeout", "--kill-after=10", str(within_s), *words]
        with printed.open("w") as out, subprocess.Popen(
            self.world.command("/usr/bin/env", "-i", *self._environment(log), *bounded),
            cwd=self.playbooks, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            is_ended = _watched(process, log, watch)
        tasks = _tasks(log)
        if not tasks and not process.returncode:
            # Ansible calls that a success.
            raise RuntimeError(f"the play matched no host:\n{printed.read_text()}")
        code = -1 if is_ended else process.returncode
        return Played(code=code, output=printed.read_text(), tasks=tasks, seconds=time.monotonic() - started_s)

    def _extra(self, extra: Mapping[str, Any] | None) -> list[str]:
        return ["--extra-vars", json.dumps(extra)] if extra else []

    def _environment(self, log: Path) -> list[str]:
        values = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ANSIBLE_CONFIG": str(self.playbooks / "ansible.cfg"),
            "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "task_log",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCAL_TEMP": str(self.folder / "local"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": "/run",  # the world's own; a socket's path may have 107 bytes
            "TASK_LOG": str(log),
        }
        return [f"{name}={value}" for name, value in values.items()]

    def _inventory(self) -> Path:
        known = self.folder / "known_hosts"
        known.write_text("".join(known_host(host.base, host.address) for host in self.hosts))
        connection = {
            "ansible_user": OPERATOR,
            "ansible_ssh_private_key_file": str(operator_key()),
            "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={known} -o GlobalKnownHostsFile=none",
        }
        hosts = {host.name: {"ansible_host": host.address} for host in self.hosts}
        elsewhere = {name for names in self.groups.values() for name in names}
        groups = {group: {"hosts": {name: hosts[name] for name in names}} for group, names in self.groups.items()}
        groups.setdefault("appliance", {"hosts": {name: hosts[name] for name in hosts if name not in elsewhere}})
        inventory = {"all": {"vars": connection, "children": groups}}
        # As in the example inventory: what the playbooks say for `all` wins over an inventory's own file.
        (self.folder / "group_vars").mkdir(exist_ok=True)
        for group in groups:
            (self.folder / "group_vars" / f"{group}.yml").write_text(yaml.safe_dump(dict(self.variables)))
        file = self.folder / "hosts.yml"
        file.write_text(yaml.safe_dump(inventory, sort_keys=False))
        return file


def _watched(process: subprocess.Popen[bytes], log: Path, watch: Callable[[Task], bool] | None) -> bool:
    """Wait for a playbook; return whether it was ended because of what was seen."""
    if watch is None:
        process.wait()
        return False
    with log.open() as lines:
        line = ""
        while True:
            has_ended = process.poll() is not None
            while part := lines.readline():
                line += part  # what is being written may have come by half
                if not line.endswith("\n"):
                    continue
                if watch(_task(line)):
                    _end(process)
                    return True
                line = ""
            if has_ended:
                return False
            time.sleep(_LOOK_S)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End ansible-playbook and all that it started; ``nsenter`` waits for `timeout`, its only child."""
    pending = [process.pid]
    while pending:
        pid = pending.pop()
        try:
            pending += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
            os.kill(pid, 9)
        except (FileNotFoundError, ProcessLookupError):
            continue
    process.wait()


def _tasks(log: Path) -> tuple[Task, ...]:
    """Read the log; a controller that was ended may have left half a line."""
    lines = log.read_text().splitlines(keepends=True)
    return tuple(_task(line) for line in lines if line.endswith("\n"))


def _task(line: str) -> Task:
    entry = json.loads(line)
    name = str(entry["task"]).removeprefix(f"{entry['role']} : ")
    return Task(state=entry["state"], role=entry["role"], name=name, seconds=entry.get("seconds", 0.0))
