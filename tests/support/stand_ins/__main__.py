"""Run one stand-in as a program: ``python -m tests.support.stand_ins --service anthropic-messages --folder DIR``.

It prints one JSON line ({port, host, address, ca, credential, model}) when it listens, and stops on SIGTERM or when
its parent is gone.  DIR gets ``ca.pem``, the credential's file ``stand-in`` (0600), and one file in ``received`` for
each request: what left the building, as the provider saw it.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from appliance.policy.register import Service
from tests.support.stand_ins.behaviour import Behaviour
from tests.support.stand_ins.certificates import HOST
from tests.support.stand_ins.connection import Received
from tests.support.stand_ins.registration import LOOPBACK
from tests.support.stand_ins.stand_in import StandIn

_LOOK_S = 0.2
"""How often it looks whether its parent still lives."""


@dataclass(slots=True, kw_only=True)
class Kept(list[Received]):
    """The requests that came, each written to a file of its own before it is answered."""

    folder: Path
    _count: int = field(default=0)

    @override
    def append(self, received: Received) -> None:
        """Write one request down."""
        self._count += 1
        kept = {
            "host": received.header("host"),
            "path": received.target,
            "headers": [[name, value] for name, value in received.headers if not _is_secret(name)],
            "body_base64": base64.b64encode(received.body).decode(),
        }
        partial = self.folder / f".{self._count:03d}.partial"
        partial.write_text(json.dumps(kept, indent=1))
        partial.rename(self.folder / f"{self._count:03d}.json")


def _is_secret(name: str) -> bool:
    return name.lower() in ("authorization", "x-api-key", "api-key", "x-amz-security-token")


async def serve(options: argparse.Namespace) -> None:
    """Run one until the parent is gone or SIGTERM comes."""
    folder: Path = options.folder
    (folder / "received").mkdir(parents=True, exist_ok=True)
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    parent = os.getppid()
    running = StandIn.running(
        Service(options.service),
        behaviour=Behaviour(options.behaviour),
        host=options.host,
        address=options.address,
        port=options.port,
        received=Kept(folder=folder / "received"),
    )
    async with running as stand_in:
        _tell(stand_in, folder)
        while not over.is_set() and os.getppid() == parent:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), _LOOK_S)


def _tell(stand_in: StandIn, folder: Path) -> None:
    ca, credential = folder / "ca.pem", folder / "stand-in"
    ca.write_text(stand_in.ca_pem)
    credential.touch(mode=0o600)
    credential.write_text(stand_in.credential)
    told = {
        "port": stand_in.port,
        "host": stand_in.host,
        "address": stand_in.address,
        "ca": str(ca),
        "credential": str(credential),
        "model": stand_in.model,
    }
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def options(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.stand_ins")
    parser.add_argument("--service", required=True, choices=[each.value for each in Service])
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--behaviour", default=Behaviour.OK.value, choices=[each.value for each in Behaviour])
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--address", default=LOOPBACK)
    parser.add_argument("--port", default=0, type=int)
    return parser.parse_args(words)


if __name__ == "__main__":
    asyncio.run(serve(options()))
