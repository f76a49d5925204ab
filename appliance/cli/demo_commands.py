"""Runs the appliance's own commands for the demo, as the people who hold them would, and shows what they say.

Each runs in a process of its own with the allowlisted environment; a key is handed over in a file, never in arguments.
"""

import json
import subprocess
import sys
from pathlib import Path

from appliance.auth.private_file import write_private
from appliance.cli.demo_stage import Stage
from appliance.cli.supervisor_plan import environment
from appliance.config import CHECKOUT, make_private

WITHIN_S = 120.0
"""Verifying reads every record, and an approval waits for a signed checkpoint."""


def run(stage: Stage, module: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one command on the stage's home to its end."""
    return subprocess.run(  # noqa: S603  # our own command, no shell
        (sys.executable, "-m", module, *words, "--home", str(stage.config.home)),
        cwd=CHECKOUT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


def run_json(stage: Stage, module: str, *words: str) -> dict[str, object]:
    """Run one command that prints a JSON object, and return it; if it fails, show what it said and return nothing."""
    done = run(stage, module, *words, "--json")
    if done.returncode != 0:
        stage.say(module, done.stderr.strip())
        return {}
    said = json.loads(done.stdout)
    return said if isinstance(said, dict) else {}


def add_officer(stage: Stage, name: str, role: str) -> Path:
    """Add an officer, and return the file with the key."""
    made = run_json(stage, "audit", "officer", "add", name, "--role", role)
    path = make_private(stage.config.home / "officers") / f"{name}.key"
    write_private(path, f"{made.get('key', '')}\n".encode())
    return path
