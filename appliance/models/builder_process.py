"""Run the builder in its own environment and read what it says.

The builder is other people's code: it gets an environment of a few variables, no network that we know of (offline
switches), a private working folder, and answers in JSON lines only.  Its errors go to a log that the message names.
"""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from appliance.errors import ConfigError
from appliance.models.catalogue import BUILDER, Recipe

PASSED_ON = ("PATH", "LANG", "LC_ALL", "TMPDIR")
"""All that the builder sees of our environment."""

SETTINGS = {
    "CUDA_VISIBLE_DEVICES": "",  # the same bytes with and without a GPU
    "DO_NOT_TRACK": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "2",  # sums split over more threads round differently
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_OFFLINE": "1",
}
"""Offline, silent, repeatable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How far a long work has come."""

    name: str
    done: int
    total: int


Report = Callable[[Step], None]
"""Told every step; may be called from several threads, one at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One run of the builder."""

    recipe: Recipe
    output: Path
    """An empty folder that the builder fills; its other files go to one beside it that is thrown away."""

    python: Path
    """Interpreter of the builder's environment."""

    log: Path
    """Gets what the libraries print."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What the builder has done."""

    tools: Mapping[str, str]
    """Versions of the programs that decided the bytes."""

    calibration_digest: str


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    step: str = ""
    done: int = 0
    total: int = 0
    tools: dict[str, str] | None = None


def run(build: Build, report: Report) -> Built:
    """Build and return once it is done.  Raises ConfigError naming the log."""
    if not build.python.exists():
        raise ConfigError(
            f"{build.python} is missing: the model builder has its own environment. Run 'make model' in the checkout."
        )
    calibration_digest = hashlib.sha256(build.recipe.calibration.read_bytes()).hexdigest()
    with (
        tempfile.TemporaryDirectory(prefix=f"{build.output.name}-home-", dir=build.output.parent) as home,
        build.log.open("wb") as log,
        _Pipe() as pipe,
        _start(build, home=home, log=log.fileno(), says=pipe.write_end) as process,
    ):
        tools = _listen_to_the_end(pipe, process, report)
    if process.returncode != 0 or tools is None:
        raise ConfigError(f"The model builder failed with exit code {process.returncode}; {build.log} says why.")
    build.log.unlink()
    return Built(tools=tools, calibration_digest=calibration_digest)


class _Pipe:
    """A pipe that the builder writes to; its standard output is not ours, libraries print there."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()

    def __enter__(self) -> Self:
        return self

    def lines(self) -> Iterator[str]:
        """Yield the builder's lines until it closes its end; ours is closed first, or the end would never come."""
        os.close(self.write_end)
        self.write_end = -1
        with os.fdopen(os.dup(self._read_end), encoding="utf-8", errors="replace") as file:
            yield from file

    def __exit__(self, *_: object) -> None:
        for descriptor in (self._read_end, self.write_end):
            if descriptor >= 0:
                os.close(descriptor)


def _start(build: Build, *, home: str, log: int, says: int) -> subprocess.Popen[bytes]:
    recipe = build.recipe
    command = [
        *(str(build.python), "-P", "-s", str(BUILDER / "build_awq.py")),
        *("--name", recipe.name, "--package", recipe.package, "--weights", recipe.weights),
        *("--sha256", recipe.weights_sha256, "--calibration", str(recipe.calibration), "--output", str(build.output)),
        *("--report", str(says)),
    ]
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return subprocess.Popen(  # noqa: S603 - our own script and pinned names
        command,
        cwd=home,
        env={**passed_on, **SETTINGS, "HOME": home},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=(says,),
    )


def _listen_to_the_end(pipe: _Pipe, process: subprocess.Popen[bytes], report: Report) -> dict[str, str] | None:
    """Listen, and stop the builder if we stop listening: a Ctrl-C must not leave it working for minutes."""
    listening = True
    try:
        tools = _listen(pipe.lines(), report)
        listening = False
    finally:
        if listening:
            process.terminate()
    return tools


def _listen(lines: Iterable[str], report: Report) -> dict[str, str] | None:
    tools = None
    for text in lines:
        try:
            line = _Line.model_validate_json(text)
        except ValidationError as error:
            raise ConfigError("The model builder said something that is not its own line; see its log.") from error
        tools = line.tools or tools
        if line.step:
            report(Step(name=line.step, done=line.done, total=line.total))
    return tools
