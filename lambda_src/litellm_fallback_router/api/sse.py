"""A ChatStream as server-sent events, in OpenAI's shape.

The last chunk before `[DONE]` (the usage chunk where `include_usage` was asked for, else the one with the finish
reason) carries `router` if an answer fell back, was resumed or changed by the guardrail, or `explain` was asked for;
strict clients otherwise see nothing they do not know. A stream that cannot be finished ends in an `error` event and no
`[DONE]`: OpenAI's clients raise on it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..routing.errors import RouterError
from ..routing.router import ChatStream
from ..routing.verdicts import Outcome
from .disconnect import while_connected
from .errors import envelope, internal_error
from .wire import encode, story

KEEP_ALIVE_SECONDS = 15.0
"""After so much silence a comment is sent, so that nothing between us and the caller thinks the line is dead."""
DONE = b"data: [DONE]\n\n"


async def events(
    stream: ChatStream, head: Mapping[str, Any], *, include_usage: bool, explain: bool
) -> AsyncGenerator[bytes, None]:
    """`head` holds what all chunks share: `id`, `object`, `created`, `model`."""
    shared = encode(head)[:-1]
    usage = b',"usage":null' if include_usage else b""
    opened: set[int] = set()
    held = b""
    async for chunk in stream:
        if not chunk.choices:
            continue
        if held:
            yield b"data: " + held + b"}\n\n"
        choices = encode([_with_one_role(choice, opened) for choice in chunk.choices])
        held = shared + b',"choices":' + choices + usage
        if not any(choice.get("finish_reason") for choice in chunk.choices):
            yield b"data: " + held + b"}\n\n"
            held = b""
    result = stream.result
    if include_usage:
        if held:
            yield b"data: " + held + b"}\n\n"
        held = shared + b',"choices":[],"usage":' + encode(result.usage.to_openai())
    if explain or result.fallback or len(result.responders) > 1 or result.guardrail not in (None, Outcome.PASSED):
        held += b',"router":' + encode(story(result))
    yield b"data: " + held + b"}\n\n"
    yield DONE


def _with_one_role(choice: dict[str, Any], opened: set[int]) -> dict[str, Any]:
    """Each choice opens with its role, and says it once."""
    index, delta = choice.get("index", 0), choice["delta"]
    if index not in opened:
        opened.add(index)
        return choice if delta.get("role") else {**choice, "delta": {**delta, "role": "assistant"}}
    if "role" in delta:
        return {**choice, "delta": {key: value for key, value in delta.items() if key != "role"}}
    return choice


class EventStream(Response):
    """Sends the events of a started ChatStream, and closes it however the sending ends."""

    media_type = "text/event-stream"

    def __init__(
        self,
        stream: ChatStream,
        body: AsyncGenerator[bytes, None],
        *,
        headers: Mapping[str, str],
    ) -> None:
        self.status_code = 200
        self.background = None
        self._stream = stream
        self._events = body
        self._sent_at = 0.0
        # `no-transform` and `x-accel-buffering` keep proxies from collecting the stream first.
        self.init_headers({**headers, "cache-control": "no-cache, no-transform", "x-accel-buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await while_connected(receive, self._send(send, scope["state"]["request_id"]))
        except OSError as error:
            raise ClientDisconnect from error
        finally:
            await self._stream.aclose()

    async def _send(self, send: Send, request_id: str) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        keeping_alive = asyncio.ensure_future(self._keep_alive(send))
        try:
            async with aclosing(self._guarded(request_id)) as body:
                async for event in body:
                    self._sent_at = time.monotonic()
                    await send({"type": "http.response.body", "body": event, "more_body": True})
        finally:
            keeping_alive.cancel()
            await asyncio.gather(keeping_alive, return_exceptions=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _guarded(self, request_id: str) -> AsyncGenerator[bytes, None]:
        """The events; where they break off, an event that says so: a status can no longer be sent."""
        try:
            async with aclosing(self._events) as body:
                async for event in body:
                    yield event
        except RouterError as error:
            yield b"data: " + encode(envelope(error)) + b"\n\n"
        except Exception as error:  # noqa: BLE001 - a bug must end the caller's stream with a word, not in silence
            yield b"data: " + encode(internal_error(error, request_id)) + b"\n\n"

    async def _keep_alive(self, send: Send) -> None:
        self._sent_at = time.monotonic()
        while True:
            silence = time.monotonic() - self._sent_at
            if silence >= KEEP_ALIVE_SECONDS:
                self._sent_at = time.monotonic()
                await send({"type": "http.response.body", "body": b": keep-alive\n\n", "more_body": True})
                silence = 0.0
            await asyncio.sleep(KEEP_ALIVE_SECONDS - silence)
