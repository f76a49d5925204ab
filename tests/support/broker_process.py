"""A real broker process with a real recorder, an approved register and the gateway's end of both.

with a_managed_home(folder, provider) as home, running_broker(home.folder) as broker:
    request = await home.opened(recorder)
"""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance.config import load_config
from appliance.escalation.wire import Caller, DiscloseRequest, Ready
from appliance.policy.load import load_bundle
from appliance.policy.register import Provider
from audit.recorder.client import RecorderClient
from tests.support.approvals import approve
from tests.support.brokers import Peer, a_request, connected, disclosure_of, intent_of
from tests.support.listening import wait_until_listening
from tests.support.policy_folder import copy_policies
from tests.support.recorder_process import running_recorder
from tests.support.registers import write_register
from tests.support.spawned import Spawned, spawned
from tests.support.trails import new_trail

READY_S = 60.0
"""Generous: the machine may be busy, and the SDKs take seconds to load."""

SANDBOX = Caller(client_id="client_0123456789abcdef", tenant="sandbox", tasks=("discharge-summary",))
"""Who asks stand-ins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerProcess:
    """One broker on its socket."""

    socket: Path
    log: Path
    process: subprocess.Popen[bytes]
    seen: Spawned

    def told(self) -> str:
        """Return what others can read of it: its log, its arguments and its environment."""
        environment = Path(f"/proc/{self.process.pid}/environ").read_text()
        return "\n".join([self.log.read_text(), environment, *self.seen.everything()])


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedHome:
    """A home with a trail whose recorder runs, and with a register that two people approved."""

    folder: Path
    policies: Path
    provider: Provider

    @property
    def digest(self) -> str:
        """Return the digest of the policy folder as it is now."""
        return load_bundle(self.policies).digest

    def registers(self, provider: Provider, *, approval: int) -> None:
        """Put another register into the folder, and approve it; a higher number is a later approval."""
        write_register(self.policies, provider)
        approve(self.folder, self.digest, sequence=approval)

    @asynccontextmanager
    async def recorder(self) -> AsyncIterator[RecorderClient]:
        """Speak to the recorder, as the gateway does."""
        client = RecorderClient(load_config(self.folder).recorder_socket)
        try:
            yield client
        finally:
            await client.aclose()

    async def opened(self, number: int = 1, **changes: Any) -> DiscloseRequest:
        """Open an exchange, and return the request to disclose it."""
        [model] = self.provider.models
        told: dict[str, Any] = {
            "exchange_id": f"ex_{number:032x}",
            "provider": self.provider.name,
            "model": model.name,
            "caller": SANDBOX,
            **changes,
        }
        request = a_request(told.pop("policy_digest", self.digest), **told)
        async with self.recorder() as recorder:
            receipt = await recorder.append(intent_of(request))
        return request.model_copy(update={"intent_receipt": receipt.compact})

    async def recorded(self, request: DiscloseRequest, ready: Ready, **changes: Any) -> str:
        """Record a disclosure as the gateway does, and return the compact receipt."""
        told = {"exchange_id": request.exchange_id, "tenant": request.caller.tenant, **changes}
        async with self.recorder() as recorder:
            return (await recorder.append(disclosure_of(ready, request.policy_digest, **told))).compact

    @asynccontextmanager
    async def peer(self) -> AsyncIterator[Peer]:
        """Connect to the broker as the gateway does."""
        async with connected(load_config(self.folder).broker_socket) as peer:
            yield peer


@contextmanager
def a_managed_home(
    folder: Path, provider: Provider, credential: str, *, approved: bool = True
) -> Iterator[ManagedHome]:
    """Make a home and run its recorder until the end."""
    new_trail(folder, now=datetime.now(UTC))
    policies = write_register(copy_policies(folder / "policies"), provider)
    (folder / "appliance.yaml").write_text(f"policies: {policies}\n")
    credentials = folder / "broker" / "credentials"
    credentials.mkdir(mode=0o700, parents=True)
    secret = credentials / provider.credential
    secret.touch(mode=0o600)
    secret.write_text(credential)
    if approved:
        approve(folder, load_bundle(policies).digest)
    with running_recorder(folder):
        yield ManagedHome(folder=folder, policies=policies, provider=provider)


@contextmanager
def running_broker(home: Path) -> Iterator[BrokerProcess]:
    """Start a broker, wait until it listens, and stop it at the end."""
    socket, log = load_config(home).broker_socket, home / "broker.log"
    socket.unlink(missing_ok=True)
    seen: list[Spawned] = []
    with log.open("ab") as output, spawned(seen):
        process = subprocess.Popen(
            [sys.executable, "-m", "appliance.broker", "--home", str(home)],
            stdout=output,
            stderr=output,
            env={name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
        )
    with process:
        try:
            wait_until_listening(socket, process, limit_s=READY_S)
            yield BrokerProcess(socket=socket, log=log, process=process, seen=seen[0])
        finally:
            process.terminate()
            process.wait(READY_S)
