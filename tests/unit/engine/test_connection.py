import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from appliance.engine.address import Address
from appliance.engine.connection import MAX_HEAD_BYTES, Connection, LostError, Pool

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
REQUEST = b"GET / HTTP/1.1\r\nhost: engine\r\n\r\n"


@asynccontextmanager
async def served(socket: Path, *answers: bytes) -> AsyncIterator[Pool]:
    """Serve one scripted answer a connection, the last one for ever, and close each connection afterwards."""
    script = list(answers)
    over: list[asyncio.Event] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done = asyncio.Event()
        over.append(done)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(script.pop(0) if len(script) > 1 else script[0])
        await asyncio.sleep(0.02)
        await closed(writer)
        done.set()

    server = await asyncio.start_unix_server(answer, str(socket))
    pool = Pool(Address(socket=socket), size=4, stall_s=5.0)
    async with server:
        yield pool
        await pool.aclose()
        await asyncio.gather(*(done.wait() for done in over))


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def asked(pool: Pool) -> tuple[int, bytes]:
    async with pool.request(REQUEST, b"") as connection:
        status, body = await connection.status(), b""
        while piece := await connection.read():
            body += piece
        return status, body


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "engine.sock"


async def test_an_answer_is_read_to_its_end(socket: Path) -> None:
    async with served(socket, OK) as pool:
        assert await asked(pool) == (200, b"ok")


async def test_a_server_that_wants_to_close_is_not_used_again(socket: Path) -> None:
    closing = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"
    async with served(socket, closing) as pool:
        assert await asked(pool) == (200, b"ok")
        assert await asked(pool) == (200, b"ok")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"x" * (MAX_HEAD_BYTES + 1),
    ],
)
async def test_an_answer_that_breaks_off_or_is_no_http_is_lost(socket: Path, answer: bytes) -> None:
    async with served(socket, answer) as pool:
        with pytest.raises(LostError):
            await asked(pool)


async def test_bytes_that_nobody_asked_for_never_become_the_next_answer(socket: Path) -> None:
    async with served(socket, OK + b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged", OK) as pool:
        assert await asked(pool) == (200, b"ok")
        assert await asked(pool) == (200, b"ok")


async def test_unasked_bytes_on_an_idle_connection_close_it(socket: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await asyncio.sleep(0.02)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged")
        with contextlib.suppress(ConnectionError):
            await reader.read()
        await closed(writer)

    async with await asyncio.start_unix_server(answer, str(socket)):
        pool = Pool(Address(socket=socket), size=4, stall_s=5.0)
        assert await asked(pool) == (200, b"ok")
        await asyncio.sleep(0.05)
        assert await asked(pool) == (200, b"ok")
        await pool.aclose()
        await asyncio.sleep(0.05)


async def test_a_connection_that_was_never_made_cannot_be_used() -> None:
    connection = Connection(stall_s=1.0)

    with pytest.raises(LostError):
        connection.send(REQUEST, b"")
    connection.close()
    assert not connection.is_reusable
