"""A lean HTTP/1.1 load client: keep-alive connections on asyncio streams, cheap beside what it measures.

Bounded in count; talks to the address it is given, which in every bench is this machine's loopback or a Unix socket.
"""

import asyncio
import json
import re
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

_TOKENS = re.compile(rb'"completion_tokens":\s*(\d+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to send the same POST again and again."""

    url: str
    """``http://``, ``https://`` or ``unix:PATH:/path``."""

    body: dict[str, object]
    key: str = ""
    ca: Path | None = None

    def request(self) -> bytes:
        """Return the bytes of the request."""
        path = self.url.rsplit(":", 1)[1] if self.url.startswith("unix:") else urlsplit(self.url).path
        content = json.dumps(self.body).encode()
        head = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
        head += [f"Content-Length: {len(content)}"] + ([f"Authorization: Bearer {self.key}"] if self.key else [])
        return "\r\n".join(head).encode() + b"\r\n\r\n" + content

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open one connection."""
        if self.url.startswith("unix:"):
            return await asyncio.open_unix_connection(self.url.removeprefix("unix:").rsplit(":", 1)[0])
        parts = urlsplit(self.url)
        trust = ssl.create_default_context(cafile=str(self.ca)) if parts.scheme == "https" else None
        return await asyncio.open_connection(parts.hostname, parts.port, ssl=trust)


@dataclass(slots=True)
class Result:
    """What one run measured."""

    count: int = 0
    """Answers with status 200."""

    tokens: int = 0
    """Completion tokens, as the streams' usage says."""

    failures: int = 0
    elapsed_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)

    def per_second(self) -> float:
        """Return answers a second."""
        return self.count / self.elapsed_s

    def tokens_per_second(self) -> float:
        """Return tokens a second."""
        return self.tokens / self.elapsed_s

    def quantile_ms(self, share: float) -> float:
        """Return the latency below which this share of the answers came, in milliseconds."""
        ordered = sorted(self.latencies_s)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def run(target: Target, *, count: int, connections: int) -> Result:
    """Send `count` requests over `connections` connections, each as soon as the one before was answered."""
    left = iter(range(count))
    result = Result()
    started = time.perf_counter()
    await asyncio.gather(*(_worker(target, left, result) for _ in range(connections)))
    result.elapsed_s = time.perf_counter() - started
    return result


async def _worker(target: Target, left: Iterator[int], result: Result) -> None:
    reader, writer = await target.connect()
    request = target.request()
    for _ in left:
        started = time.perf_counter()
        writer.write(request)
        status, tokens = await _read_answer(reader)
        result.latencies_s.append(time.perf_counter() - started)
        result.tokens += tokens
        if status == 200:
            result.count += 1
        else:
            result.failures += 1
    writer.close()


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, int]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    if b"transfer-encoding: chunked" in head:
        return status, await _read_chunks(reader)
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    return status, 0


async def _read_chunks(reader: asyncio.StreamReader) -> int:
    tokens = 0
    while size := int(await reader.readuntil(b"\r\n"), 16):
        chunk = await reader.readexactly(size + 2)
        found = _TOKENS.findall(chunk)
        tokens = int(found[-1]) if found else tokens
    await reader.readexactly(2)
    return tokens


async def alternate(runs: int, *measurements: Callable[[], Awaitable[Result]]) -> list[list[Result]]:
    """Run the measurements in turn, several times, so that both see the same machine."""
    results: list[list[Result]] = [[] for _ in measurements]
    for _ in range(runs):
        for index, measure in enumerate(measurements):
            results[index].append(await measure())
    return results
