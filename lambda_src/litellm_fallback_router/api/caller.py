"""A caller's part of a request: its headers, how long it waits, what runs this process allows, and work that is
cancelled when it disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from ..routing.decimals import decimal
from ..routing.errors import invalid
from ..routing.types import ChatRequest

ROUTER_TIMEOUT = "x-router-timeout-ms"
CLIENT_TIMEOUTS = ("x-stainless-read-timeout", "x-stainless-timeout")
"""Seconds, sent by OpenAI's Python client (`_base_client.py`) and its Node client (`client.ts`)."""
HEAD_START = 0.5
"""Seconds by which our answer must beat a client's own timeout: a client that times out sends its request again."""


def caller_timeout(headers: Headers) -> float | None:
    """Seconds; None where no header sets a limit. Raises InvalidRequestError for an unusable `x-router-timeout-ms`."""
    if (sent := headers.get(ROUTER_TIMEOUT)) is not None:
        milliseconds = _positive(sent)
        if milliseconds is None:
            message = f"Invalid header {ROUTER_TIMEOUT}: expected a positive number of milliseconds."
            raise invalid(message, ROUTER_TIMEOUT)
        return milliseconds / 1000
    for name in CLIENT_TIMEOUTS:
        # Clients also send `None` or nothing of use here: that sets no limit.
        if (seconds := _positive(headers.get(name, ""))) is not None:
            return seconds - min(HEAD_START, seconds / 10)
    return None


def timeout_of(request: Request) -> float | None:
    """What is left of `caller_timeout` after the request has waited for its place; None where nothing sets a limit."""
    timeout = caller_timeout(request.headers)
    return None if timeout is None else timeout - getattr(request.state, "waited", 0.0)


def time_left(request: Request) -> float | None:
    """Seconds until what runs this process stops it, where an entrypoint has set it in the request's state."""
    left: float | None = getattr(request.state, "time_left", None)
    return left


def with_caller(question: ChatRequest, request: Request, headers: Iterable[str], timeout: float | None) -> ChatRequest:
    """The request of a body, with what its transport adds. `headers`: those that are part of a native request;
    `timeout`: the headers' limit in seconds, which the body's own replaces."""
    native = question.native
    if native is not None:
        sent = {name: value for name in headers if (value := request.headers.get(name)) is not None}
        native = replace(native, headers=sent)
    return replace(
        question,
        timeout=timeout if question.timeout is None else question.timeout,
        time_left=time_left(request),
        request_id=request.state.request_id,
        caller=request.state.caller,
        key=request.state.key,
        traceparent=request.state.traceparent,
        tag=request.headers.get("x-router-tag"),
        native=native,
    )


def _positive(text: str) -> float | None:
    return decimal(text) or None


T = TypeVar("T")


async def while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. Cancels it and raises ClientDisconnect if the caller goes first.

    The request's body must have been read: the next message of `receive` is then the disconnect.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        await _stop(working)
        await _stop(leaving)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _stop(task: asyncio.Future[Any]) -> None:
    """Cancel and wait, so that nothing is left behind and no outcome goes unretrieved."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
