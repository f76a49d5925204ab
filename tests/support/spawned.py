"""See the arguments and the environment of every child that is started, as other processes could (PEP 578)."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_WATCHERS: list[list["Spawned"]] = []
"""Who looks at the moment; an audit hook cannot be taken away again, so there is one for the whole run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spawned:
    """One child."""

    arguments: tuple[str, ...]
    environment: dict[str, str]

    def everything(self) -> list[str]:
        """Return all that another process can read of it."""
        return [*self.arguments, *self.environment, *self.environment.values()]


@contextmanager
def spawned(seen: list[Spawned]) -> Iterator[None]:
    """Put every child into the list, until the end."""
    _WATCHERS.append(seen)
    try:
        yield
    finally:
        _WATCHERS.remove(seen)


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event != "subprocess.Popen" or not _WATCHERS:
        return
    command, environment = arguments[1], arguments[3]
    texts = tuple(os.fsdecode(part) for part in command) if isinstance(command, list | tuple) else ()
    given = environment if isinstance(environment, dict) else os.environ
    child = Spawned(arguments=texts, environment={os.fsdecode(k): os.fsdecode(v) for k, v in given.items()})
    for seen in _WATCHERS:
        seen.append(child)


sys.addaudithook(_hook)
