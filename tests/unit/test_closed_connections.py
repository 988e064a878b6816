"""What is kept of a caller's connection once it is gone: nothing."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
import weakref
from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from litellm_fallback_router.commands.connections import Connection

REQUEST = b"GET / HTTP/1.1\r\nhost: gateway\r\n\r\n"
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: close without the goodbye, as a caller that has crashed does."""


async def answer(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def test_a_connection_that_was_reset_is_forgotten_at_once() -> None:
    config = Config(answer, timeout_keep_alive=60)
    config.load()
    made: list[weakref.ref[Connection]] = []

    def connection() -> Connection:
        one = Connection(config=config, server_state=ServerState(), app_state={})
        made.append(weakref.ref(one))
        return one

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    async with server, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(REQUEST)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()
        while made[0]() is not None:
            await asyncio.sleep(0.02)
            gc.collect()
