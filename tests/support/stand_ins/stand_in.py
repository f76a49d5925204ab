"""A stand-in of a managed API: a TLS server on loopback that speaks one vendor's wire format, and fails on request.

    async with StandIn.running(Service.ANTHROPIC_MESSAGES) as stand_in:
        provider = stand_in.provider()           # for the register; `credential` is what the broker's file must hold
        stand_in.enqueue(Behaviour.OVERLOADED)   # the next request; then `behaviour` again
        ...
        assert stand_in.received[0].body == what_should_have_left

It never leaves loopback and holds no secret of worth.
"""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from appliance.policy.register import Endpoint, Provider, Service
from tests.support.registers import register_yaml
from tests.support.stand_ins.anthropic_messages import AnthropicMessages
from tests.support.stand_ins.azure_openai import AzureOpenAI
from tests.support.stand_ins.bedrock_converse import BedrockConverse
from tests.support.stand_ins.behaviour import Behaviour
from tests.support.stand_ins.certificates import HOST, Certificates
from tests.support.stand_ins.connection import BadRequestError, Connection, Received
from tests.support.stand_ins.format import Format, Rules
from tests.support.stand_ins.openai_chat import OpenAIChat
from tests.support.stand_ins.openai_responses import OpenAIResponses
from tests.support.stand_ins.play import Pace, Player
from tests.support.stand_ins.registration import LOOPBACK, PROFILES, a_stand_ins_provider

FORMATS: Mapping[Service, Format] = {
    Service.ANTHROPIC_MESSAGES: AnthropicMessages(),
    Service.OPENAI_CHAT: OpenAIChat(),
    Service.OPENAI_RESPONSES: OpenAIResponses(),
    Service.AZURE_OPENAI: AzureOpenAI(),
    Service.BEDROCK_CONVERSE: BedrockConverse(),
}
_GONE = (ConnectionError, ssl.SSLError, EOFError, BadRequestError)
"""What a caller that hangs up, or sends nonsense, makes of a connection."""


@dataclass(slots=True, kw_only=True, eq=False)
class StandIn:
    """One running stand-in; make it with `running`."""

    service: Service
    behaviour: Behaviour = Behaviour.OK
    """What it does when nothing is enqueued; may be set at any time."""

    pause_s: float = 0.02
    """Of a slow answer, before each piece."""

    silence_s: float = 60.0
    """Before the first byte of an answer that comes too late."""

    retry_after_s: int = 1
    oversized_bytes: int = 12 * 1024 * 1024
    """Above the register's default ceiling of an answer."""

    host: str = HOST
    """Its name in the register and in its certificate; `certificates` handed in must be of the same."""

    address: str = LOOPBACK
    """Where it listens; another one only inside a network namespace of a test's own."""

    cut_after: int | None = None
    """How many events of a stream come before `Behaviour.TRUNCATED` ends it; None: about half."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    """Every request, to the byte."""

    names: list[str | None] = field(default_factory=list)
    """The server name of each handshake (RFC 6066 3)."""

    lured: int = 0
    """Connections to the place that redirects point to; a caller that follows none leaves it 0."""

    certificates: Certificates = field(repr=False)
    """Made anew unless handed in, which saves a test its keys."""

    _script: deque[Behaviour] = field(default_factory=deque)
    _trap: str = ""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    @contextlib.asynccontextmanager
    async def running(
        cls, service: Service, *, behaviour: Behaviour = Behaviour.OK, **settings: Any
    ) -> AsyncIterator["StandIn"]:
        """Run one on a free port of loopback until the block ends."""
        certificates = settings.pop("certificates", None) or Certificates.make(settings.get("host", HOST))
        stand_in = cls(service=service, behaviour=behaviour, certificates=certificates, **settings)
        trap = await asyncio.start_server(stand_in._lure, stand_in.address, 0)
        tls = stand_in.certificates.right
        tls.sni_callback = stand_in._show
        stand_in._trap = f"https://{stand_in.host}:{trap.sockets[0].getsockname()[1]}"
        server = await asyncio.start_server(stand_in._serve, stand_in.address, stand_in.port, ssl=tls)
        stand_in.port = server.sockets[0].getsockname()[1]
        try:
            yield stand_in
        finally:
            for each in (server, trap):
                each.close()
            await stand_in._stop()

    @property
    def ca_pem(self) -> str:
        """Return the only authority that vouches for it."""
        return self.certificates.ca_pem

    @property
    def model(self) -> str:
        """Return how a request names its one model."""
        return PROFILES[self.service].asked_as()

    @property
    def credential(self) -> str:
        """Return what the broker's credential file must hold."""
        return PROFILES[self.service].credential

    @property
    def base_url(self) -> str:
        """Return the address by a name that resolves, for a client that pins none."""
        return f"https://localhost:{self.port}"

    @property
    def connections(self) -> int:
        """Return how many connections are open now."""
        return len(self._tasks)

    def provider(self, **changes: Any) -> Provider:
        """Return the register's entry, with some of its fields changed."""
        endpoint = Endpoint(host=self.host, port=self.port, addresses=(self.address,), ca_pem=self.ca_pem)
        return a_stand_ins_provider(self.service, endpoint, changes)

    def register_yaml(self, **changes: Any) -> str:
        """Return a register that names it alone; its pin goes beside (`tests.support.registers.write_register`)."""
        return register_yaml(self.provider(**changes))

    def enqueue(self, *behaviours: Behaviour) -> None:
        """Say what to do with the next requests, one each."""
        self._script.extend(behaviours)

    def rules(self) -> Rules:
        """Return what it holds requests against."""
        profile = PROFILES[self.service]
        return Rules(models=(profile.asked_as(),), answers_as=profile.model, credential=profile.credential)

    def _pace(self) -> Pace:
        return Pace(
            pause_s=self.pause_s, silence_s=self.silence_s, retry_after_s=self.retry_after_s,
            oversized_bytes=self.oversized_bytes, trap=self._trap,
            cut_after=self.cut_after,
        )  # fmt: skip

    def _show(self, tls: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        self.names.append(name)
        if self.behaviour is Behaviour.WRONG_HOST_CERTIFICATE:
            tls.context = self.certificates.wrong

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = Connection(reader, writer)
        try:
            # Only `_stop` cancels; `asyncio.streams` logs a cancelled connection as an error.
            with contextlib.suppress(*_GONE, asyncio.CancelledError):
                while received := await connection.read():
                    self.received.append(received)
                    behaviour = self._script.popleft() if self._script else self.behaviour
                    player = Player(FORMATS[self.service], self.rules(), self._pace())
                    await player.answer(connection, received, behaviour)
        finally:
            connection.close()
            self._tasks.discard(task)

    async def _lure(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lured += 1
        writer.transport.abort()

    async def _stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
