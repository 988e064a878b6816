"""The provider of the benchmark: fixed bytes from a raw socket, as fast as a static file server.

    python -m bench.upstream

The first line on stdout is the port. Paths that begin with /down fail with a 500 once something was posted to /outage,
those of Anthropic and of Bedrock are answered in their formats.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import cast

import uvloop

from . import wire

ANSWER, FAILURE, STREAM = wire.answer(), wire.failure(), wire.stream()
ANTHROPIC, BEDROCK = wire.anthropic_answer(), wire.bedrock_answer()
ANTHROPIC_STREAM = wire.anthropic_stream()


class Responder(asyncio.Protocol):
    """Answers each request the moment its body is complete."""

    def __init__(self, outage: asyncio.Event) -> None:
        self._outage = outage
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            total = end + 4 + _length(head)
            if len(self._received) < total:
                return
            request, self._received = self._received[:total], self._received[total:]
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        streamed = b'"stream":true' in request or b'"stream": true' in request
        if request.startswith(b"POST /outage"):
            self._outage.set()
            self._transport.write(ANSWER)
        elif request.startswith(b"POST /down") and self._outage.is_set():
            self._transport.write(FAILURE)
        elif request.startswith(b"POST /model/"):
            self._transport.write(BEDROCK)
        elif streamed:
            first, rest = ANTHROPIC_STREAM if request.startswith(b"POST /anthropic") else STREAM
            self._transport.write(first)
            # In a write of its own: a first token travels alone.
            asyncio.get_running_loop().call_soon(self._transport.write, rest)
        elif request.startswith(b"POST /anthropic"):
            self._transport.write(ANTHROPIC)
        else:
            self._transport.write(ANSWER)


def _length(head: bytes) -> int:
    _, found, after = head.partition(b"content-length:")
    return int(after.partition(b"\r\n")[0]) if found else 0


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(partial(Responder, asyncio.Event()), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - whoever started it reads the port
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
