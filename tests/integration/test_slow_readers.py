"""A caller that stops reading: its stream waits with it, for a time."""

from __future__ import annotations

import asyncio
import socket

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from litellm_fallback_router.commands import connections
from tests.support.gateway import free_port

PIECE = b"x" * 10_000
BUFFERS = 20_000_000
"""Bytes: more than the operating system and the server hold between them for one connection."""


async def test_a_stream_waits_for_its_reader_and_ends_when_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READ_SECONDS", 0.5)
    sent = 0
    ended = asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": []})
        leaving = asyncio.ensure_future(hang_up(receive))
        while not leaving.done():
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            sent += len(PIECE)
            await asyncio.sleep(0)
        ended.set()

    config = uvicorn.Config(endless, port=free_port(), http=connections.Connection, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(30):
        while not server.started:
            await asyncio.sleep(0.01)
        with socket.create_connection(("127.0.0.1", config.port)) as deaf:
            deaf.sendall(b"GET / HTTP/1.1\r\nhost: server\r\n\r\n")
            await ended.wait()
        assert sent < BUFFERS
        server.should_exit = True
        await serving


async def hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
