"""An Ansible callback that writes one JSON line for each task that begins and each result, and nothing of its content.

It runs in Ansible's own environment, not in the tests'.  `TASK_LOG` names the file.
"""

# ruff: noqa: SLF001 - what Ansible hands to a callback has no public names

from __future__ import annotations

import json
import os
import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_log
type: aggregate
short_description: One JSON line for each task that begins and each result
description: Names, times and states only.
options: {}
"""


class CallbackModule(CallbackBase):
    """Writes lines as things happen, so that another process can act on one."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_log"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._file = open(os.environ["TASK_LOG"], "a", buffering=1)  # noqa: PTH123, SIM115 - as long as the play
        self._began: dict[str, float] = {}

    def _write(self, state: str, task: object, **more: object) -> None:
        role = getattr(task, "_role", None)
        line = {"state": state, "task": task.get_name(), "role": role.get_name() if role else "", **more}
        self._file.write(json.dumps(line) + "\n")

    def _start(self, task: object) -> None:
        self._began[task._uuid] = time.monotonic()
        self._write("begins", task)

    def _result(self, state: str, result: object) -> None:
        seconds = round(time.monotonic() - self._began.get(result._task._uuid, time.monotonic()), 3)
        self._write(state, result._task, host=result._host.get_name(), seconds=seconds)

    def v2_playbook_on_task_start(self, task, is_conditional):  # noqa: ANN001, ANN201, ARG002, D102
        self._start(task)

    def v2_playbook_on_handler_task_start(self, task):  # noqa: ANN001, ANN201, D102
        self._start(task)

    def v2_runner_on_ok(self, result):  # noqa: ANN001, ANN201, D102
        self._result("changed" if result._result.get("changed") else "ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):  # noqa: ANN001, ANN201, FBT002, D102
        self._result("rescued" if ignore_errors else "failed", result)

    def v2_runner_on_skipped(self, result):  # noqa: ANN001, ANN201, D102
        self._result("skipped", result)

    def v2_runner_on_unreachable(self, result):  # noqa: ANN001, ANN201, D102
        self._result("unreachable", result)
