"""A server on loopback that answers every request with the same bytes."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

RESET = b""
"""Instead of a response: the connection is aborted."""


def response(
    status: int, body: Any, headers: dict[str, str] | None = None, *, content_type: str = "application/json"
) -> bytes:
    """An HTTP/1.1 response with `body` as JSON, or as it is if text or bytes."""
    payload = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    lines = [f"HTTP/1.1 {status} Status", f"content-type: {content_type}", f"content-length: {len(payload)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "connection: close", "", ""]).encode() + payload


@asynccontextmanager
async def raw_server(answer: bytes) -> AsyncIterator[str]:
    """The server's URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            if length := re.search(rb"content-length: (\d+)", head, re.IGNORECASE):
                await reader.readexactly(int(length[1]))
        if answer == RESET:
            writer.transport.abort()
            return
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
