"""The outermost layer: every response has a request id, and a bug is a 500 that gives nothing away."""

from __future__ import annotations

import asyncio
import re
import uuid

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..routing.errors import ServerStoppingError
from ..routing.router import STOPPING
from .errors import bug, refusal, told
from .formats import format_of

_SANE_ID = re.compile(rb"[A-Za-z0-9._:/=+-]{1,128}")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""Source: W3C Trace Context, section 3.2."""


class RequestContextMiddleware:
    """ASGI middleware. The caller's `x-request-id` is kept where it is short and plain, else one is made; so is its
    `traceparent`, else there is none. Both go into the request's state."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _header(scope, b"x-request-id", _SANE_ID) or uuid.uuid4().hex
        state = {"request_id": request_id, "traceparent": _header(scope, b"traceparent", _TRACEPARENT)}
        scope.setdefault("state", {}).update(state)
        names = [b"x-request-id", format_of(scope).id_header.encode()]
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                ids = [(name, request_id.encode()) for name in names if name]
                message["headers"] = [*message.get("headers", ()), *ids]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except ClientDisconnect:
            return
        except asyncio.CancelledError:
            if not scope["app"].state.router.stopping:
                raise
            # The server ends what its grace did not suffice for; it would log a cancellation as a bug.
            if not started:
                await refusal(ServerStoppingError(STOPPING, retry_after=1.0), scope)(scope, receive, send_with_id)
        except Exception as error:  # noqa: BLE001 - the last stop: a bug must reach the log and the caller
            problem = bug(error, request_id)
            if not started:
                await told(problem, scope)(scope, receive, send_with_id)


def _header(scope: Scope, name: bytes, sane: re.Pattern[bytes]) -> str | None:
    return next((v.decode("ascii") for n, v in scope["headers"] if n == name and sane.fullmatch(v)), None)
