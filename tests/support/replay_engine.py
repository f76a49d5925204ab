"""An inference engine without a model: a real HTTP server that speaks vLLM's OpenAI wire format.

It listens on a Unix socket or a loopback port, answers at once, and plays scripted faults.  Everything that
it received is kept for the test to look at.  `python -m tests.support.replay_engine --uds PATH | --port N`
runs it until SIGTERM: the "instant upstream" of the benches, and the upstream of tests of the whole appliance.

    async with ReplayEngine(uds=tmp_path / "engine.sock") as engine:
        engine.enqueue(Reply(text="Patient is stable."))
        ...
        assert engine.bodies[0]["priority"] == 10
"""

import argparse
import asyncio
import json
import signal
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import uvloop

from tests.support.replay_wire import ReplayConnection, minimal_instance

DEFAULT_TEXT = "The patient was seen today and is stable. Follow up in two weeks."
"""What the engine says when nothing is scripted."""

DEFAULT_MODEL = "replay-model"
CONTEXT_LENGTH = 8192
_CREATED = 1_700_000_000


class Fault(StrEnum):
    """A way to fail; `Reply.after` says after how many text chunks where it strikes in mid-stream."""

    RESET = "reset"
    """Drop the connection: at once when `after` is 0, else in mid-stream."""

    TRUNCATED = "truncated"
    """End the stream cleanly, but without finish reason and without ``[DONE]``."""

    NO_DONE = "no_done"
    """End the stream after the finish reason and the usage, without ``[DONE]``."""

    NO_FINISH = "no_finish"
    """Send ``[DONE]`` without any finish reason before it."""

    MALFORMED = "malformed"
    """Send an event that is no JSON."""

    WRONG_SHAPE = "wrong_shape"
    """Send JSON that is no chat completion."""

    ERROR_EVENT = "error_event"
    """Send vLLM's error object as an event in mid-stream."""

    OVERSIZED = "oversized"
    """Send one event of four million characters."""

    ENDLESS = "endless"
    """Send text for ever."""

    HANG = "hang"
    """Stop sending and keep the connection open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What to do with one request."""

    text: str | None = None
    """None: a fixed sentence, or the least instance of the schema asked for."""

    tool_calls: tuple[tuple[str, str], ...] = ()
    """Pairs of name and JSON arguments."""

    finish_reason: str | None = None
    """None: what fits the reply."""

    prompt_tokens: int = 7
    delay_s: float = 0.0
    """Before the first byte."""

    token_delay_s: float = 0.0
    """Before each text chunk."""

    status: int = 200
    message: str = "scripted error"
    """Text of an error body; tests put a marker here that must never come back to a caller."""

    fault: Fault | None = None
    after: int = 0


@dataclass(slots=True, kw_only=True)
class ReplayEngine:
    """The server; enter it as an async context, or `start` and `stop` it."""

    uds: Path | None = None
    port: int | None = None
    """0 picks a free port, which is then here."""

    model: str = DEFAULT_MODEL
    """Empty: no model is loaded."""

    default: Reply = field(default_factory=Reply)
    """The reply when nothing is enqueued."""

    spares_canaries: bool = False
    """Answer the gateway's own canaries by the default, so that one that comes in between takes no scripted reply."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    """Every chat request, in order of arrival; kept when `keep` is true."""

    keep: bool = True
    running: int = 0
    """Requests being answered."""

    aborted: int = 0
    """Requests whose caller hung up before the end."""

    completed: int = 0
    connections: int = 0
    """Connections accepted since the start."""

    healthy: bool = True
    _script: deque[Reply] = field(default_factory=deque)
    _server: asyncio.Server | None = None
    _open: set[ReplayConnection] = field(default_factory=set)

    def enqueue(self, *replies: Reply) -> None:
        """Script the replies to the next chat requests, one each."""
        self._script.extend(replies)

    @property
    def url(self) -> str:
        """Return what goes into ``config.engine.upstream``."""
        return f"unix:{self.uds}" if self.uds else f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen."""
        loop = asyncio.get_running_loop()
        if self.uds:
            self._server = await loop.create_unix_server(self._connection, str(self.uds))
        else:
            self._server = await loop.create_server(self._connection, "127.0.0.1", self.port or 0)
            self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Drop every connection and stop listening."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._open):
            connection.abort()
        await self._server.wait_closed()
        await asyncio.sleep(0)
        self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    def _connection(self) -> ReplayConnection:
        self.connections += 1
        return ReplayConnection(handler=self._handle, opened=self._open)

    async def _handle(self, connection: ReplayConnection, path: str, body: bytes) -> None:
        if path == "/v1/chat/completions":
            await self._chat(connection, json.loads(body))
        elif path == "/health":
            connection.send_whole(200 if self.healthy else 503, b"", kind="text/plain")
        elif path == "/v1/models":
            card = {"id": self.model, "object": "model", "created": _CREATED, "owned_by": "replay"}
            cards = [{**card, "max_model_len": CONTEXT_LENGTH}] if self.model else []
            connection.send_json(200, {"object": "list", "data": cards})
        elif path == "/metrics":
            connection.send_whole(200, self._metrics().encode(), kind="text/plain")
        else:
            connection.send_json(404, {"detail": "Not Found"})

    def _metrics(self) -> str:
        label = f'engine="0",model_name="{self.model}"'
        return (
            f"# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{{{label}}} {float(self.running)}\n"
            f"# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting{{{label}}} 0.0\n"
            "# TYPE vllm:request_success_total counter\n"
            f'vllm:request_success_total{{{label},finished_reason="stop"}} {float(self.completed)}\n'
            f'vllm:request_success_total{{{label},finished_reason="abort"}} {float(self.aborted)}\n'
        )

    async def _chat(self, connection: ReplayConnection, body: dict[str, Any]) -> None:
        if self.keep:
            self.bodies.append(body)
        is_spared = self.spares_canaries and _is_canary(body)
        reply = self._script.popleft() if self._script and not is_spared else self.default
        self.running += 1
        try:
            await self._answer(connection, body, reply)
            self.completed += 1
        except (asyncio.CancelledError, ConnectionError):
            self.aborted += 1
            raise
        finally:
            self.running -= 1

    async def _answer(self, connection: ReplayConnection, body: dict[str, Any], reply: Reply) -> None:
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        if reply.fault is Fault.HANG and reply.after == 0:
            await asyncio.Event().wait()
        if reply.fault is Fault.RESET and reply.after == 0:
            connection.abort()
        elif reply.status != 200:
            error = {"message": reply.message, "type": "BadRequestError", "param": None, "code": reply.status}
            connection.send_json(reply.status, {"error": error})
        elif body.get("stream"):
            await _Stream(connection, body, reply).play()
        elif reply.fault is Fault.MALFORMED:
            connection.send_whole(200, b'{"choices": [', kind="application/json")
        elif reply.fault is Fault.WRONG_SHAPE:
            connection.send_json(200, {"unexpected": True})
        elif reply.fault is Fault.OVERSIZED:
            connection.send_whole(200, b" " * 40_000_000, kind="application/json")
        else:
            connection.send_json(200, _whole(body, reply))


def _is_canary(body: Mapping[str, Any]) -> bool:
    """Say whether the gateway asks for the one token that proves the engine."""
    return not body.get("stream") and [message.get("content") for message in body["messages"]] == ["Say OK."]


def _pieces(body: Mapping[str, Any], reply: Reply) -> list[str]:
    """Return the text cut into tokens, at most max_tokens of them."""
    text = reply.text
    if text is None:
        wanted = body.get("response_format") or {}
        schema = (wanted.get("json_schema") or {}).get("schema")
        text = json.dumps(minimal_instance(schema)) if schema is not None else DEFAULT_TEXT
        text = "{}" if wanted.get("type") == "json_object" else text
    words = text.split(" ")
    tokens = [words[0], *(f" {word}" for word in words[1:])] if text else []
    return tokens[: body.get("max_tokens") or len(tokens)]


def _calls(body: Mapping[str, Any], reply: Reply) -> list[dict[str, Any]]:
    pairs = list(reply.tool_calls)
    choice = body.get("tool_choice")
    forced = choice == "required" or isinstance(choice, dict)
    if not pairs and forced and reply.text is None:
        function = body["tools"][0]["function"]
        name = choice["function"]["name"] if isinstance(choice, dict) else function["name"]
        pairs = [(name, json.dumps(minimal_instance(function.get("parameters") or {})))]
    return [
        {"id": f"chatcmpl-tool-{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for i, (name, arguments) in enumerate(pairs)
    ]


def _finish(body: Mapping[str, Any], reply: Reply, pieces: list[str], calls: list[Any]) -> str:
    if reply.finish_reason:
        return reply.finish_reason
    if calls:
        return "tool_calls"
    return "length" if body.get("max_tokens") == len(pieces) and reply.text is None else "stop"


def _usage(reply: Reply, pieces: list[str]) -> dict[str, int]:
    return {
        "prompt_tokens": reply.prompt_tokens,
        "total_tokens": reply.prompt_tokens + len(pieces),
        "completion_tokens": len(pieces),
    }


def _whole(body: Mapping[str, Any], reply: Reply) -> dict[str, Any]:
    calls = _calls(body, reply)
    pieces = [] if calls else _pieces(body, reply)
    message = {"role": "assistant", "content": "".join(pieces), "refusal": None, "tool_calls": calls}
    choice = {"index": 0, "message": message, "logprobs": None, "stop_reason": None}
    return {
        "id": "chatcmpl-replay",
        "object": "chat.completion",
        "created": _CREATED,
        "model": body.get("model"),
        "choices": [{**choice, "finish_reason": _finish(body, reply, pieces, calls)}],
        "usage": _usage(reply, pieces),
    }


class _Stream:
    """One streamed answer, with its fault if it has one."""

    def __init__(self, connection: ReplayConnection, body: Mapping[str, Any], reply: Reply) -> None:
        self._connection = connection
        self._body = body
        self._reply = reply
        self._calls = _calls(body, reply)
        self._pieces = [] if self._calls else _pieces(body, reply)

    async def play(self) -> None:
        """Send head, events and end."""
        self._connection.start_stream()
        self._delta({"role": "assistant", "content": ""})
        for count, delta in enumerate(self._deltas()):
            if self._reply.fault and count >= self._reply.after and await self._break():
                return
            if self._reply.token_delay_s:
                await asyncio.sleep(self._reply.token_delay_s)
            await self._connection.drain()
            self._delta(delta)
        if self._reply.fault is not Fault.NO_FINISH:
            self._delta({}, _finish(self._body, self._reply, self._pieces, self._calls))
        if (self._body.get("stream_options") or {}).get("include_usage"):
            self._connection.send_event(self._event([], usage=_usage(self._reply, self._pieces)))
        if self._reply.fault is not Fault.NO_DONE:
            self._connection.send_data(b"data: [DONE]\n\n")
        self._connection.end_stream()

    def _deltas(self) -> Iterator[dict[str, Any]]:
        for index, call in enumerate(self._calls):
            function = call["function"]
            yield {"tool_calls": [{**call, "index": index, "function": {**function, "arguments": ""}}]}
            yield {"tool_calls": [{"index": index, "function": {"arguments": function["arguments"]}}]}
        for piece in self._pieces:
            yield {"content": piece}

    async def _break(self) -> bool:
        """Play the fault; say whether the stream is over."""
        match self._reply.fault:
            case Fault.RESET:
                await self._connection.drain()
                self._connection.abort()
            case Fault.TRUNCATED:
                self._connection.end_stream()
            case Fault.HANG:
                await asyncio.Event().wait()
            case Fault.ENDLESS:
                while True:
                    self._delta({"content": "and so on " * 100})
                    await self._connection.drain()
            case Fault.MALFORMED:
                self._connection.send_data(b'data: {"choices": [{"delta"\n\n')
                self._connection.end_stream()
            case Fault.WRONG_SHAPE:
                self._connection.send_event({"choices": [{"delta": {"content": 7}}]})
                self._connection.end_stream()
            case Fault.ERROR_EVENT:
                self._connection.send_event({"error": {"message": self._reply.message, "code": 500}})
                self._connection.send_data(b"data: [DONE]\n\n")
                self._connection.end_stream()
            case Fault.OVERSIZED:
                self._delta({"content": "x" * 4_000_000})
                return False
            case _:
                return False
        return True

    def _delta(self, delta: dict[str, Any], finish_reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        self._connection.send_event(self._event([choice]))

    def _event(self, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        head = {"id": "chatcmpl-replay", "object": "chat.completion.chunk", "created": _CREATED}
        return {**head, "model": self._body.get("model"), "choices": choices, **more}


async def _serve(engine: ReplayEngine) -> None:
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    async with engine:
        sys.stdout.write(f"{engine.url}\n")
        sys.stdout.flush()
        await over.wait()


def main() -> None:
    """Run one until SIGTERM; print its URL once it listens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uds", type=Path)
    parser.add_argument("--port", type=int)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each token")
    parser.add_argument("--tokens", type=int, default=0, help="words of each answer; 0: the fixed sentence")
    options = parser.parse_args()
    if options.uds:
        options.uds.unlink(missing_ok=True)
    text = " ".join(["word"] * options.tokens) if options.tokens else None
    reply = Reply(text=text, token_delay_s=options.delay)
    uvloop.run(_serve(ReplayEngine(uds=options.uds, port=options.port, default=reply, keep=False)))


if __name__ == "__main__":
    main()
