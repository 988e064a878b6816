"""Browsers of other origins, where the operator names them (`settings.cors_origins`)."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")
READABLE = (
    "x-request-id",
    "request-id",
    "retry-after",
    "x-should-retry",
    "x-router-provider",
    "x-router-model",
    "x-router-attempts",
    "x-router-fallback",
    "x-router-cost-usd",
    "x-router-guardrail",
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
