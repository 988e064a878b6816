"""A client that costs next to nothing: prepared bytes out, times of what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import cast

from . import wire

REQUEST_SECONDS = 60.0
_TOKEN = wire.TOKEN.encode()
_LAST = (b"data: [DONE]", b"event: message_stop")


class BenchError(Exception):
    """A system did not do its part; the text says which and how."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its response."""

    seconds: float
    """From sending to the last byte."""
    first_token: float | None
    """Seconds from sending to the first token of a stream."""


class Connection(asyncio.Protocol):
    """One keep-alive connection; one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._waiting: asyncio.Future[Exchange] | None = None
        self._sent_at = 0.0
        self._received = bytearray()
        self._head_end: int | None = None
        self._length: int | None = None
        """Of the body; None while it is not known, and where it is chunked."""
        self._first_token: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    async def ask(self, request: bytes) -> Exchange:
        """Raises BenchError for anything but a 200, and TimeoutError."""
        self._received.clear()
        self._head_end = self._length = self._first_token = None
        self._waiting = asyncio.get_running_loop().create_future()
        self._sent_at = perf_counter()
        self._transport.write(request)
        return await asyncio.wait_for(self._waiting, REQUEST_SECONDS)

    def data_received(self, data: bytes) -> None:
        now = perf_counter()
        self._received += data
        if self._first_token is None and _TOKEN in data:
            self._first_token = now - self._sent_at
        if self._head_end is None:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._head_end = end + 4
            self._length = _declared(bytes(self._received[: self._head_end]))
        if self._is_complete(self._head_end) and self._waiting and not self._waiting.done():
            if self._is_good():
                self._waiting.set_result(Exchange(now - self._sent_at, self._first_token))
            else:
                self._waiting.set_exception(
                    BenchError(f"answered {bytes(self._received[:300])!r} ... {bytes(self._received[-300:])!r}")
                )

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(BenchError("closed the connection instead of answering"))

    def close(self) -> None:
        self._transport.close()

    def _is_good(self) -> bool:
        # A stream that failed half way is a 200 too.
        ended = self._first_token is None or any(last in self._received for last in _LAST)
        return self._received.startswith(b"HTTP/1.1 200") and ended

    def _is_complete(self, head_end: int) -> bool:
        if self._length is not None:
            return len(self._received) >= head_end + self._length
        return self._received.endswith(b"0\r\n\r\n")


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    try:
        yield connection
    finally:
        connection.close()


async def one_by_one(port: int, requests: list[bytes]) -> list[Exchange]:
    """Ask in turn, over one connection."""
    async with connected(port) as connection:
        return [await connection.ask(request) for request in requests]


async def all_at_once(port: int, request: bytes, count: int, concurrency: int) -> list[Exchange]:
    """Ask `count` times in all, over `concurrency` connections that are always busy."""
    shares = [count // concurrency + (1 if index < count % concurrency else 0) for index in range(concurrency)]
    parts = await asyncio.gather(*(one_by_one(port, [request] * share) for share in shares))
    return [exchange for part in parts for exchange in part]


def _declared(head: bytes) -> int | None:
    """The body's length; None where it is chunked."""
    _, found, after = head.lower().partition(b"content-length:")
    return int(after.partition(b"\r\n")[0]) if found else None
