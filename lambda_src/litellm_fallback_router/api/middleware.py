"""Middleware around the app: request ids and the last stop for bugs, browsers of other origins, Azure's paths.

Source of the paths: Azure OpenAI REST API reference, "Chat completions" (`/openai/deployments/{deployment}/...`), and
"v1 preview API" (`/openai/v1/...`). `api-version` is taken and means nothing here.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import Any

from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..routing.errors import ServerStoppingError
from ..routing.router import STOPPING
from .errors import bug, error_response, refusal
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
                await error_response(problem, scope)(scope, receive, send_with_id)


def _header(scope: Scope, name: bytes, sane: re.Pattern[bytes]) -> str | None:
    return next((v.decode("ascii") for n, v in scope["headers"] if n == name and sane.fullmatch(v)), None)


METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")
READABLE = (
    "x-request-id",
    "request-id",
    "retry-after",
    "age",
    "x-should-retry",
    "x-router-provider",
    "x-router-model",
    "x-router-attempts",
    "x-router-fallback",
    "x-router-mapping",
    "x-router-cost-usd",
    "x-router-guardrail",
    "x-router-cache",
    "x-router-status",
)
"""Headers of an answer that a script may read."""
MAX_AGE = 600
"""Seconds for which a browser may remember a preflight's answer."""


class Cors:
    """ASGI middleware: Starlette's, with the origins of the mapping, which is read only once the app has started."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._origins: tuple[str, ...] = ()
        self._with_origins: ASGIApp = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        origins = scope["app"].state.router.config.settings.cors_origins
        if origins != self._origins:
            self._origins, self._with_origins = origins, self._allowing(origins)
        await self._with_origins(scope, receive, send)

    def _allowing(self, origins: tuple[str, ...]) -> ASGIApp:
        return CORSMiddleware(
            self.app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=["*"],
            expose_headers=READABLE,
            max_age=MAX_AGE,
        )


_DEPLOYMENT = re.compile(r"/openai/deployments/(.{1,400}?)(/(?:chat/completions|embeddings))")
"""A model's name may hold slashes."""
_VERSIONED = re.compile(r"/openai(/v1/.+)")


class AzurePaths:
    """ASGI middleware. Answers Azure's paths as OpenAI's; the deployment in a path is the requested model."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/openai/"):
            scope = _as_openai(scope)
        await self.app(scope, receive, send)


def with_named_model(body: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """The body with the model that its path names: Azure looks at nothing else."""
    named = scope.get("state", {}).get("model_in_path")
    return body if named is None else {**body, "model": named}


def _as_openai(scope: Scope) -> Scope:
    if found := _DEPLOYMENT.fullmatch(scope["path"]):
        state = {**scope.get("state", {}), "model_in_path": found[1]}
        return {**scope, "path": f"/v1{found[2]}", "state": state}
    if found := _VERSIONED.fullmatch(scope["path"]):
        return {**scope, "path": found[1]}
    return scope
