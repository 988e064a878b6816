"""A server on loopback that keeps every request it gets, to the byte, and answers with what it is told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Recorder:
    """What came, and what is answered."""

    url: str = ""
    answer: bytes = b""
    """The whole response; the connection is closed after it."""
    requests: list[bytes] = field(default_factory=list)
    """Head and body of each."""
    connections: int = 0


@asynccontextmanager
async def recording_server(answer: bytes = b"") -> AsyncIterator[Recorder]:
    recorder = Recorder(answer=answer)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recorder.connections += 1
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            recorder.requests.append(head + await reader.readexactly(int(length[1]) if length else 0))
            writer.write(recorder.answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        recorder.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield recorder
