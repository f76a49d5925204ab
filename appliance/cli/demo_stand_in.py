"""The stand-in of a managed API that the demo's sandbox sends to: a program on this machine, named by its module.

It is no part of the appliance and is started only by ``appliance demo --stand-in MODULE``.  It gets its own folder, the
allowlisted environment, and SIGTERM at the end, or from the kernel if the demo is killed (`supervisor_launch`).  What
it received is what left the appliance, to the byte.
"""

import base64
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.cli import supervisor_launch
from appliance.cli.supervisor_plan import environment
from appliance.config import CHECKOUT
from appliance.errors import ConfigError

SERVICE = "anthropic-messages"
"""The wire format that the demo shows; the others are tested."""

API_VERSION = "2023-06-01"
"""The dated version of that format which the register states."""

LISTENS_WITHIN_S = 60.0
STOPS_WITHIN_S = 10.0


class StandInAddress(BaseModel):
    """Where it listens and how it proves itself, as it says in the one line that it prints."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str
    """Name in its certificate."""

    address: str
    port: int
    ca: Path
    credential: Path
    """File with the key that it asks for; of no worth anywhere else."""

    model: str


@contextmanager
def stand_in(module: str, folder: Path) -> Iterator[StandInAddress]:
    """Run it until the end.  Raises ConfigError if the module is no stand-in."""
    launch = (sys.executable, "-I", "-S", supervisor_launch.__file__, str(os.getpid()), str(int(signal.SIGTERM)))
    words = (sys.executable, "-m", module, "--service", SERVICE, "--folder", str(folder))
    with subprocess.Popen(  # noqa: S603  # the operator named the module; no shell
        (*launch, *words),
        cwd=CHECKOUT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield _address(process, module)
        finally:
            process.terminate()
            try:
                process.wait(STOPS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()


def received(folder: Path) -> list[bytes]:
    """Return the body of each request that it got, in order."""
    files = sorted((folder / "received").glob("*.json"))
    return [base64.b64decode(json.loads(file.read_text())["body_base64"]) for file in files]


def texts_of(body: bytes) -> list[str]:
    """Return the texts of the turns in a body, as the provider reads them."""
    stated = json.loads(body)
    contents = [stated.get("system", ""), *(turn["content"] for turn in stated["messages"])]
    blocks = [content if isinstance(content, list) else [{"text": content}] for content in contents]
    return [str(block.get("text", "")) for content in blocks for block in content]


def _address(process: subprocess.Popen[bytes], module: str) -> StandInAddress:
    if process.stdout is None:
        raise RuntimeError("the stand-in was started without a pipe")
    readable, _, _ = select.select([process.stdout], [], [], LISTENS_WITHIN_S)
    try:
        return StandInAddress.model_validate_json(process.stdout.readline() if readable else b"")
    except ValidationError as error:
        message = f"--stand-in: '{module}' did not say where it listens; name a module that stands in for a provider."
        raise ConfigError(message) from error
