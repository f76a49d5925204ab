"""Asks the engine, and maps whatever happens to our own errors.

Closing a stream, or cancelling `complete`, closes the connection, and vLLM then aborts the generation.  The engine's
own error texts quote the request, so none of them is ever passed on, not even to the log: only status numbers are.
Nothing here reaches beyond this machine (`engine.address`).

::

    client = EngineClient.from_config(config)
    async with contextlib.aclosing(client.stream(call)) as deltas:
        async for delta in deltas: ...
"""

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Self

from appliance.clinical_text import ClinicalText
from appliance.clock import Clock
from appliance.config import Config
from appliance.engine.address import Address, engine_address
from appliance.engine.connection import Connection, LostError, Pool
from appliance.engine.messages import Dialect, EngineCall, to_body
from appliance.engine.metrics import EngineLoad, read_load
from appliance.engine.profiles import SERVED_MODEL
from appliance.engine.stream import MAX_ANSWER_BYTES, AnswerReader, read_completion
from appliance.errors import (
    ContextTooLongError,
    EngineBrokenStreamError,
    EngineError,
    EngineOverloadedError,
    EngineRejectedError,
    EngineTimeoutError,
)
from appliance.exchange import Completion, Delta, Message, Sampling

STALL_S: Final = 120.0
"""The longest silence in an answer: a full context's prefill on two cores takes about a minute.  The pipeline's
own deadline is usually shorter."""

SPARE_CONNECTIONS: Final = 4
"""Beyond the gate's places: canary, models, metrics, and one being closed."""

CANARY_WITHIN_S: Final = 10.0
"""One token behind a full batch on two cores takes up to three seconds (measured)."""

MAX_ERROR_BYTES: Final = 65_536
"""Of an error's body; it is only searched for the context length."""

_CONTEXT_SIGNS: Final = (b"context_length_exceeded", b"context length", b"max_model_len", b"context window")
"""What vLLM, OpenAI, and llama.cpp say when prompt and answer do not fit; all mean one thing."""

GENERATE: Final = "/v1/chat/completions"
"""The one path that generates."""

_STATUS: Final = "status "
_OK: Final = 200
_REJECTED: Final = frozenset({400, 404, 413, 415, 422})
_OVERLOADED: Final = frozenset({429, 503})


@dataclass(slots=True, kw_only=True)
class Pulse:
    """What real traffic tells about the engine; written by the client, read by `engine.condition`."""

    answered_s: float | None = None
    """When a token last came, monotonic; None before the first."""

    trouble: asyncio.Event
    """Set by a failure that was the engine's fault."""


class EngineClient:
    """Ask one engine.  Owned by the event loop that it was made in."""

    def __init__(self, address: Address, *, model: str | None, concurrency: int, stall_s: float = STALL_S) -> None:
        """Take where it listens, the model's name there (None: its first), and how many requests run at once."""
        self._clock = Clock()
        self._model = model
        self._found_model: str | None = None
        self._dialect = Dialect.OPENAI if address.is_external else Dialect.VLLM
        self._pool = Pool(address, size=concurrency + SPARE_CONNECTIONS, stall_s=stall_s)
        self._canary_salt = secrets.token_urlsafe(32)
        self.pulse = Pulse(trouble=asyncio.Event())

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Construct from the settings.  Raises ConfigError if the upstream is not on this machine."""
        model = SERVED_MODEL if config.engine.upstream is None else config.engine.upstream_model
        return cls(engine_address(config), model=model, concurrency=config.limits.concurrency)

    async def complete(self, call: EngineCall) -> Completion:
        """Return the whole answer.  Raises EngineError, ContextTooLongError or InvalidRequestError."""
        async with self._generation(call, stream=False) as answer:
            completion = read_completion(await _read_all(answer))
        self.pulse.answered_s = self._clock.monotonic_s()
        return completion

    async def stream(self, call: EngineCall) -> AsyncGenerator[Delta]:
        """Yield the answer as it comes; the last delta, and only it, has the finish reason, and the usage if any.

        Closing the generator early aborts the generation.  Raises as `complete`.
        """
        reader = AnswerReader()
        async with self._generation(call, stream=True) as answer:
            while piece := await answer.read():
                self.pulse.answered_s = self._clock.monotonic_s()
                for delta in reader.feed(piece):
                    yield delta
            last = reader.finish()
        yield last

    async def canary(self) -> None:
        """Generate one token, which is the only proof that the engine can.  Raises EngineError."""
        call = EngineCall(
            messages=(Message(role="user", content=ClinicalText("Say OK.")),),
            sampling=Sampling(max_tokens=1, temperature=0.0),
            priority=0,
            cache_salt=self._canary_salt,
        )
        try:
            async with asyncio.timeout(CANARY_WITHIN_S):
                await self.complete(call)
        except TimeoutError as error:
            raise EngineTimeoutError from error

    async def models(self) -> tuple[str, ...]:
        """Return the names of the models that the engine serves.  Raises EngineError."""
        async with self._asked("GET", "/v1/models", b"") as answer:
            body = await _read_all(answer)
        try:
            return tuple(str(model["id"]) for model in json.loads(body)["data"])
        except (ValueError, KeyError, TypeError) as error:
            raise EngineBrokenStreamError(detail="list of models of the wrong shape") from error

    async def load(self) -> EngineLoad:
        """Return the engine's own figures (vLLM only).  Raises EngineError."""
        async with self._asked("GET", "/metrics", b"") as answer:
            return read_load(await _read_all(answer))

    async def aclose(self) -> None:
        """Close every idle connection."""
        await self._pool.aclose()

    @asynccontextmanager
    async def _generation(self, call: EngineCall, *, stream: bool) -> AsyncIterator[Connection]:
        """Ask for an answer; ask an external upstream that knows no ``json_schema`` once more in its own dialect."""
        model = self._model or await self._first_model()
        async with AsyncExitStack() as stack:
            try:
                body = _to_bytes(to_body(call, model=model, stream=stream, dialect=self._dialect))
                answer = await stack.enter_async_context(self._asked("POST", GENERATE, body))
            except EngineError as error:
                other = to_body(call, model=model, stream=stream, dialect=Dialect.LLAMA_CPP)
                if self._dialect is not Dialect.OPENAI or "schema" not in str(other.get("response_format")):
                    raise
                if not error.detail.startswith(_STATUS):
                    raise
                answer = await stack.enter_async_context(self._asked("POST", GENERATE, _to_bytes(other)))
                self._dialect = Dialect.LLAMA_CPP
            yield answer

    async def _first_model(self) -> str:
        """Return the first model of an external upstream that was given no name; remembered until it is refused."""
        if self._found_model is None:
            models = await self.models()
            if not models:
                raise EngineError(
                    "The upstream server has no model loaded; load one, or name it as engine.upstream_model."
                )
            self._found_model = models[0]
        return self._found_model

    @asynccontextmanager
    async def _asked(self, method: str, path: str, body: bytes) -> AsyncIterator[Connection]:
        """Send a request and hand out the connection if the answer is good; map every failure."""
        try:
            async with self._pool.request(_head(method, path, len(body)), body) as answer:
                status = await answer.status()
                if status != _OK:
                    _raise_for(status, await _read_all(answer, at_most=MAX_ERROR_BYTES))
                yield answer
        except TimeoutError as error:
            self.pulse.trouble.set()
            raise EngineTimeoutError(detail=type(error).__name__) from error
        except ConnectionError as error:
            self.pulse.trouble.set()
            raise _lost(error) from error
        except OSError as error:
            self.pulse.trouble.set()
            raise EngineError(detail=type(error).__name__) from error
        except EngineRejectedError:
            self._found_model = None
            raise
        except EngineOverloadedError:
            raise
        except EngineError:
            self.pulse.trouble.set()
            raise


def _to_bytes(body: dict[str, object]) -> bytes:
    return json.dumps(body).encode()


def _head(method: str, path: str, length: int) -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nhost: engine\r\naccept: */*\r\n"
        f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


async def _read_all(answer: Connection, *, at_most: int = MAX_ANSWER_BYTES) -> bytes:
    body = bytearray()
    while piece := await answer.read():
        body += piece
        if len(body) > at_most:
            raise EngineBrokenStreamError(detail="answer too large")
    return bytes(body)


def _raise_for(status: int, body: bytes) -> None:
    """Raise what an answer that is no success means to the caller."""
    detail = f"{_STATUS}{status}"
    if status in _REJECTED:
        if any(sign in body.lower() for sign in _CONTEXT_SIGNS):
            raise ContextTooLongError(
                "The request and its max_tokens are longer than the model's context; shorten the input, "
                "or ask for fewer tokens.",
                field="messages",
                detail=detail,
            )
        raise EngineRejectedError(detail=detail)
    if status in _OVERLOADED:
        raise EngineOverloadedError(detail=detail)
    raise EngineError(detail=detail)


def _lost(error: ConnectionError) -> EngineError:
    """Tell an answer that broke off from an engine that is not there."""
    kind: type[EngineError] = EngineBrokenStreamError if isinstance(error, LostError) else EngineError
    return kind(detail=type(error).__name__)
