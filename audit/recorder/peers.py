"""Who may speak to the recorder, and what each may ask and record: a site's programs are users of their own.

The kernel says which user is at the other end (SO_PEERCRED, unix(7)).  Root and the recorder's own user may do
everything, as under the embedded default; a program named by ``--peer NAME=UID`` may do what stands here and no more.
So whoever takes the gateway can record exchanges, and can forge neither an approval nor an access; whoever takes the
broker can write nothing at all; whoever takes the console can record reads and nothing else.

The lists only hold what a program does today: another call or kind is added here, in the change that needs it.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from audit.errors import PeerRefusedError, SettingsError
from audit.record import Kind
from audit.recorder.messages import Op, Request

ROOT: Final = 0
"""May do everything: it could become any of the others."""

LOWEST_USER: Final = 1
HIGHEST_USER: Final = 2**32 - 2
"""The number above it means "nobody" to the kernel (chown(2))."""


PROGRAM_CONNECTIONS: Final = 16
"""Of one program at once, which needs one: a program that takes more may not keep the others out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What one program may do."""

    program: str
    """Its name in the log."""

    calls: frozenset[Op]
    kinds: frozenset[Kind] = frozenset()
    """Kinds of events that it may record."""

    operations: frozenset[str] | None = frozenset()
    """Codes of the operations that it may record, where it may record operations; None for every code."""

    connections: int | None = PROGRAM_CONNECTIONS
    """How many it may have open; None for as many as there are."""

    def check(self, request: Request) -> None:
        """Raise PeerRefusedError if the program may not make this call, with all its events."""
        if request.op not in self.calls:
            raise PeerRefusedError(f"the {self.program} may not ask the recorder for '{request.op}'")
        for event in request.events:
            if event.kind not in self.kinds:
                raise PeerRefusedError(f"the {self.program} may not record a {event.kind.value}")
            if event.kind is Kind.OPERATION and self.operations is not None and event.code not in self.operations:
                raise PeerRefusedError(f"the {self.program} may not record this operation")


GATEWAY: Final = Rights(
    program="gateway",
    calls=frozenset({"append", "exchange", "receipt", "health"}),
    kinds=frozenset({Kind.INTENT, Kind.DECISION, Kind.DISCLOSURE, Kind.RELEASE, Kind.OUTCOME, Kind.OPERATION}),
    # Its own doings: never an approval, which is an operation too and opens a register by its receipt.
    operations=frozenset({"gateway_started", "policy_reloaded", "policy_refused"}),
)
"""Records exchanges, and shows a caller those of its own."""

BROKER: Final = Rights(program="broker", calls=frozenset({"exchange", "health"}))
"""Looks whether an intent and a disclosure are durable before it sends."""

CONSOLE: Final = Rights(
    program="console", calls=frozenset({"append", "checkpoint", "health"}), kinds=frozenset({Kind.ACCESS})
)
"""Records what officers read, open, export, ask for and approve."""

NOBODY: Final = Rights(program="unknown peer", calls=frozenset())
"""Whoever has not been let in: may do nothing."""

PROGRAMS: Final = {rights.program: rights for rights in (GATEWAY, BROKER, CONSOLE)}
"""By the name in ``--peer``."""


class Peers:
    """The users that may connect."""

    def __init__(self, programs: Mapping[int, Rights] | None = None) -> None:
        """Take the programs by their users; without any, nobody but root and this process's user may connect."""
        self._rights = dict(programs or {})
        self.are_others = bool(self._rights)
        """True where the socket must be open to more than this user."""

        # A program that shares the recorder's user is not held apart from it by anything.
        self._rights |= {user: _everything(name) for user, name in ((ROOT, "root"), (os.getuid(), "recorder"))}

    def of(self, user: int) -> Rights | None:
        """Return what a user may do; None for somebody who may not even connect."""
        return self._rights.get(user)


def read_peers(options: Sequence[str]) -> Peers:
    """Return the peers of ``NAME=UID`` options.  Raises SettingsError naming the option that is wrong."""
    programs: dict[int, Rights] = {}
    for option in options:
        name, _, user = option.partition("=")
        if name not in PROGRAMS or not (user.isascii() and user.isdigit()):
            raise SettingsError(f"--peer {option}: write NAME=UID, NAME one of {', '.join(sorted(PROGRAMS))}")
        if not LOWEST_USER <= int(user) <= HIGHEST_USER or int(user) == os.getuid():
            raise SettingsError(f"--peer {option}: a peer is another user than root and the recorder")
        if int(user) in programs:
            raise SettingsError(f"--peer {option}: each program has a user of its own")
        programs[int(user)] = PROGRAMS[name]
    return Peers(programs)


def _everything(program: str) -> Rights:
    calls, kinds = frozenset(get_args(Op)), frozenset(Kind)
    return Rights(program=program, calls=calls, kinds=kinds, operations=None, connections=None)
