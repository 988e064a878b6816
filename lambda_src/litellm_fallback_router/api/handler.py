"""Handles every request, whole and streamed, of any format."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..routing.errors import RouterError
from ..routing.router import ChatStream, Router
from ..routing.turns import after_step
from ..routing.types import ChatResult
from .body import read_object
from .caller import timeout_of, while_connected, with_caller
from .errors import bug, problem_of
from .formats.base import Events, Format, Problem
from .middleware import with_named_model
from .wire import answer_headers, reply

KEEP_ALIVE_SECONDS = 15.0
"""After so many seconds without an event a keep-alive is sent, so that no proxy on the way closes the connection."""


def routes(form: Format) -> APIRouter:
    """The routes of `form`."""

    async def answer(request: Request) -> Response:
        return await _answered(request, form)

    router = APIRouter(tags=[form.tag])
    for path in form.paths:
        shown = path == form.paths[0]
        router.add_api_route(
            path, answer, methods=["POST"], name=form.name, description=form.description, include_in_schema=shown
        )
    return router


async def _answered(request: Request, form: Format) -> Response:
    router: Router = request.app.state.router
    timeout = timeout_of(request)
    settings = router.config.settings
    if form.values > settings.max_values:
        settings = settings.model_copy(update={"max_values": form.values})
    body = with_named_model(await read_object(request, settings), request.scope)
    config = router.config.for_key(request.state.key)
    if form.parse_kept is not None and router.responses is not None:
        asked = await form.parse_kept(body, config, router.responses, request.state.caller)
    else:
        began = time.thread_time()
        asked = form.parse(body, config)
        await after_step(began)
    question = with_caller(asked.request, request, form.headers, timeout)
    if asked.events is not None:
        failed = asked.failed or (lambda problem: form.error_event(form.error(problem)))
        return await _streamed(request, router.stream(question), asked.events, form, failed, revision=config.revision)

    async def write(result: ChatResult) -> Response:
        headers = answer_headers(
            result.deployment,
            attempts=len(result.ledger.attempts),
            fallback=result.fallback,
            mapping=config.revision,
            cost_usd=result.cost_usd,
            guardrail=result.guardrail,
            cache=result.cache,
        )
        answer = asked.answer or form.answer
        told = answer(result, explain=question.constraints.explain)
        body = told if asked.keep is None else await asked.keep(told)
        return reply(body, headers=headers, encoder=form.encode)

    return await while_connected(request.receive, router.complete_with(question, write))


async def _streamed(
    request: Request,
    stream: ChatStream,
    events: Events,
    form: Format,
    failed: Callable[[Problem], bytes],
    *,
    revision: str,
) -> Response:
    """Answers only once the first token is there: until then a failure can still be a plain HTTP error."""
    try:
        first = await while_connected(request.receive, stream.start())
        headers = answer_headers(
            first,
            attempts=stream.attempts_so_far,
            fallback=stream.fallback_so_far,
            mapping=revision,
            guardrail=stream.guardrail_so_far,
            cache=stream.cache,
        )
        return EventStream(stream, events(stream, first), form, failed, headers=headers)
    except BaseException as error:
        await stream.aclose(_bug_in(error))
        raise


def _bug_in(error: BaseException) -> Exception | None:
    """The error where it is the gateway's own mistake: neither a cancellation nor the end of a connection."""
    return error if isinstance(error, Exception) and not isinstance(error, (ClientDisconnect, OSError)) else None


class EventStream(Response):
    """Sends the events of a started ChatStream, and closes it however the sending ends."""

    media_type = "text/event-stream"

    def __init__(
        self,
        stream: ChatStream,
        body: AsyncGenerator[bytes, None],
        form: Format,
        failed: Callable[[Problem], bytes],
        *,
        headers: Mapping[str, str],
    ) -> None:
        """`failed` gives what ends a stream that breaks off."""
        self.status_code = 200
        self.background = None
        self._stream = stream
        self._events = body
        self._format = form
        self._failed = failed
        self._sent_at = 0.0
        # `no-transform` and `x-accel-buffering` keep proxies from collecting the stream first.
        self.init_headers({**headers, "cache-control": "no-cache, no-transform", "x-accel-buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await while_connected(receive, self._send(send, scope["state"]["request_id"]))
        except OSError as error:
            raise ClientDisconnect from error
        except Exception as error:
            await self._stream.aclose(_bug_in(error))
            raise
        finally:
            await self._stream.aclose()

    async def _send(self, send: Send, request_id: str) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        keeping_alive = asyncio.ensure_future(self._keep_alive(send))
        try:
            async with aclosing(self._events):
                await self._send_events(send, request_id)
        finally:
            keeping_alive.cancel()
            (failed,) = await asyncio.gather(keeping_alive, return_exceptions=True)
        if isinstance(failed, Exception):
            raise failed
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_events(self, send: Send, request_id: str) -> None:
        """Send the events, those of chunks that are there already in one go; where they break off, an error event: a
        status can no longer be sent."""
        event: bytes | None = b""
        ready: list[bytes] = []
        broken = False
        while event is not None and not broken:
            try:
                event = await anext(self._events, None)
            except RouterError as error:
                event, broken = self._failed(replace(problem_of(error), request_id=request_id)), True
            except Exception as error:  # noqa: BLE001 - a bug must end the caller's stream with an error event
                await self._stream.aclose(error)
                event, broken = self._failed(replace(bug(error, request_id), request_id=request_id)), True
            if event:
                ready.append(event)
            if ready and (event is None or broken or not self._stream.pending):
                self._sent_at = time.monotonic()
                await send({"type": "http.response.body", "body": b"".join(ready), "more_body": True})
                ready.clear()

    async def _keep_alive(self, send: Send) -> None:
        self._sent_at = time.monotonic()
        while True:
            idle = time.monotonic() - self._sent_at
            if idle >= KEEP_ALIVE_SECONDS:
                self._sent_at = time.monotonic()
                await send({"type": "http.response.body", "body": self._format.keep_alive, "more_body": True})
                idle = 0.0
            await asyncio.sleep(KEEP_ALIVE_SECONDS - idle)
