"""The Python environments that a medium can make on a host: which locks each needs, and the wheels of all of them.

A host makes them with ``pip install --no-index --find-links wheels --require-hashes --no-deps`` and the locks named
here, so pip there proves every wheel again.  The engine without a GPU takes PyTorch's own small build where that exists
for the release's Python, and PyPI's with the NVIDIA libraries where not, as `.ci/environment` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import ConfigError
from appliance.medium.contents import Engine
from appliance.medium.locks import Pinned, read_lock
from appliance.medium.suites import Suite
from appliance.medium.wheels import Wheel, fetch

OWN_LOCK = "appliance.lock"
"""Pins our own wheel by its digest; made with the medium."""

ALWAYS = {"gateway": ("gateway.lock",), "ansible": ("ansible.lock",)}
"""Environments of every medium; `ansible` is the controller's."""

ENGINES: Mapping[Engine, tuple[tuple[str, ...], ...]] = {
    "cpu": (("engine.lock", "torch-cpu.lock"), ("engine.lock", "torch-cuda.lock")),
    "gpu": (("engine-gpu.lock",),),
}
"""Locks of each variant of the engine; the first choice whose wheels can be had is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One environment for one release."""

    name: str
    locks: tuple[str, ...]
    wheels: tuple[Wheel, ...]


def environments(suite: Suite, *, engines: Sequence[Engine], locks: Path, store: Path) -> tuple[Environment, ...]:
    """Fetch what every environment of one release needs.  Raises ConfigError naming the wheels that cannot be had."""
    fixed = [_environment(name, (names,), suite=suite, locks=locks, store=store) for name, names in ALWAYS.items()]
    chosen = [
        _environment(f"engine-{engine}", ENGINES[engine], suite=suite, locks=locks, store=store) for engine in engines
    ]
    return (*fixed, *chosen)


def _environment(
    name: str, choices: Sequence[tuple[str, ...]], *, suite: Suite, locks: Path, store: Path
) -> Environment:
    for position, names in enumerate(choices):
        pinned: list[Pinned] = [item for lock in names for item in read_lock(locks / lock, suite)]
        try:
            return Environment(name=name, locks=names, wheels=fetch(pinned, suite=suite, store=store / suite.tag))
        except ConfigError:
            if position == len(choices) - 1:
                raise
    raise ConfigError(f"No lock is known for the environment '{name}'.")
