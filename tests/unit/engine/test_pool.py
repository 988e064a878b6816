"""The pool of connections: used again, bounded, closed where nobody reads on, and left with their event loop."""

from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from litellm_fallback_router.engine import pool as module
from litellm_fallback_router.engine.exchange import BrokenOffError, ErrorResponse, Outgoing
from litellm_fallback_router.engine.pool import Pool
from litellm_fallback_router.routing.failures import FailureKind, ProviderFailure
from tests.support.raw_server import RESET, raw_server, response

GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nParis"
ENDLESS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nParis\r\n"


class Server:
    """Gives every request on every connection the same answer, and knows who is connected."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.connections = 0
        self.closed = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
                await reader.readexactly(int(length[1]) if length else 0)
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed.set()
        finally:
            writer.close()


@asynccontextmanager
async def serving(answer: bytes) -> AsyncIterator[Server]:
    server = Server(answer)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with asyncio.timeout(20), listening:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield server


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    one = Pool(lambda: False)
    yield one
    await one.aclose()


def to(url: str) -> Outgoing:
    return Outgoing(url, {"content-type": "application/json"}, b"{}")


async def whole(pool: Pool, url: str) -> bytes:
    sent = await pool.send(to(url))
    try:
        return await sent.read()
    finally:
        sent.close()


async def test_a_connection_is_used_again(pool: Pool) -> None:
    async with serving(GOOD) as server:
        assert [await whole(pool, server.url) for _ in range(3)] == [b"Paris"] * 3
        assert server.connections == 1


async def test_a_connection_is_used_again_after_an_error(pool: Pool) -> None:
    async with serving(b"HTTP/1.1 500 No\r\ncontent-length: 2\r\nX-One: 1\r\n\r\nno") as server:
        for _ in range(2):
            with pytest.raises(ErrorResponse) as refused:
                await pool.send(to(server.url))
            assert (refused.value.status, refused.value.headers["x-one"], refused.value.body) == (500, "1", b"no")
        assert server.connections == 1


async def test_of_an_error_no_more_than_a_bound_is_read(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ERROR_BYTES", 10)
    async with raw_server(response(400, b"a" * 100_000)) as url:
        with pytest.raises(ErrorResponse) as refused:
            await pool.send(to(url))
    assert refused.value.body == b"a" * 10


async def test_an_errors_body_that_does_not_come_hides_no_status(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ERROR_SECONDS", 0.05)
    async with serving(b"HTTP/1.1 401 No\r\ncontent-length: 99\r\n\r\nbad") as server:
        with pytest.raises(ErrorResponse) as refused:
            await pool.send(to(server.url))
        await server.closed.wait()
    assert (refused.value.status, refused.value.body) == (401, b"bad")


async def test_an_answer_beyond_its_bound_is_not_read_on(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 4)
    async with serving(ENDLESS) as server:
        with pytest.raises(BrokenOffError):
            await whole(pool, server.url)
        await server.closed.wait()


async def test_a_redirect_is_an_error_like_others(pool: Pool) -> None:
    async with serving(GOOD) as other, raw_server(response(302, b"", {"location": other.url})) as url:
        with pytest.raises(ErrorResponse) as refused:
            await pool.send(to(url))
        assert (refused.value.status, other.connections) == (302, 0)


async def test_a_lost_connection_is_not_tried_again(pool: Pool) -> None:
    async with raw_server(RESET) as url:
        with pytest.raises(ProviderFailure) as failed:
            await pool.send(to(url))
    assert failed.value.kind is FailureKind.CONNECTION


async def test_whoever_stops_reading_closes_the_connection(pool: Pool) -> None:
    async with serving(ENDLESS) as server:
        sent = await pool.send(to(server.url))
        assert await sent.part() == b"Paris"
        sent.close()
        await server.closed.wait()


@pytest.mark.parametrize("answer", [b"", ENDLESS], ids=["before the response", "inside it"])
async def test_a_cancelled_request_closes_its_connection(pool: Pool, answer: bytes) -> None:
    async with serving(answer) as server:
        asking = asyncio.create_task(whole(pool, server.url))
        while not server.connections:
            await asyncio.sleep(0.01)
        asking.cancel()
        await server.closed.wait()
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_closing_leaves_requests_under_way_alone(pool: Pool) -> None:
    async with serving(GOOD) as server:
        sent = await pool.send(to(server.url))
        await pool.aclose()
        assert await sent.read() == b"Paris"
        sent.close()
        await pool.aclose()
        await server.closed.wait()


def test_connections_of_closed_loops_are_let_go(caplog: pytest.LogCaptureFixture) -> None:
    pool = Pool(lambda: False)

    async def ask() -> None:
        async with serving(GOOD) as server:
            await whole(pool, server.url)

    for _ in range(3):
        asyncio.run(ask())
    assert len(pool._sessions) == 1
    pool.leave_closed_loops()
    gc.collect()
    assert not pool._sessions
    assert "Unclosed" not in caplog.text


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({"https_proxy": "http://proxy:3128"}, "https://api.openai.com/v1", "http://proxy:3128"),
        ({"https_proxy": "proxy:3128"}, "https://api.openai.com/v1", "http://proxy:3128"),
        ({"https_proxy": "http://proxy:3128", "no_proxy": "openai.com"}, "https://api.openai.com/v1", None),
        ({"https_proxy": "http://proxy:3128"}, "http://127.0.0.1:1/v1", None),
        ({"all_proxy": "http://proxy:3128"}, "http://127.0.0.1:1/v1", "http://proxy:3128"),
        ({}, "https://api.openai.com/v1", None),
    ],
)
def test_the_environments_proxies_are_used(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str, proxy: str | None
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    module._proxy.cache_clear()
    assert module._proxy(url) == proxy
    module._proxy.cache_clear()
