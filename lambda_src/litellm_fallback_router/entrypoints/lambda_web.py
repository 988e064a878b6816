"""The gateway behind the Lambda Web Adapter, which streams.

    uvicorn litellm_fallback_router.entrypoints.lambda_web:app

The adapter calls the two hooks below around a SnapStart snapshot
(https://aws.github.io/aws-lambda-web-adapter/features/snapstart.html). They are its alone: it answers 403 to a caller
from outside, and so does this app, to whom such a caller's requests come with the adapter's headers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..api.app import create_app
from ..bootstrap import build_router, warm_up
from ..routing.router import Router
from ..settings import Settings, load_settings
from .lambda_context import LambdaContext, came_through_adapter
from .snapstart import after_restore, before_checkpoint

BEFORE_CHECKPOINT = "/snapstart/before-checkpoint"
AFTER_RESTORE = "/snapstart/after-restore"


class SnapStartHooks:
    """ASGI middleware that answers the hooks, outside of the gateway."""

    def __init__(self, app: ASGIApp, gateway: FastAPI, settings: Settings) -> None:
        self._app = app
        self._inside = settings.lambda_function is not None
        self._hooks: dict[str, Callable[[], Awaitable[None]]] = {
            BEFORE_CHECKPOINT: lambda: before_checkpoint(settings),
            AFTER_RESTORE: lambda: after_restore(gateway, settings),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hook = self._hooks.get(scope["path"]) if scope["type"] == "http" else None
        if hook is None:
            await self._app(scope, receive, send)
        elif scope["method"] != "POST" or not self._inside or came_through_adapter(scope):
            await Response(status_code=403)(scope, receive, send)
        else:
            await hook()
            await Response(status_code=204)(scope, receive, send)


def _warm_router() -> Router:
    # While Lambda starts a function its processor is not throttled, so the import is cheapest now.
    warm_up()
    return build_router(_settings, read_keys=not _settings.snapshot)


_settings = load_settings()
_gateway = create_app(_warm_router, api_keys=[key.get_secret_value() for key in _settings.api_keys])
app = SnapStartHooks(
    LambdaContext(_gateway, inside=_settings.lambda_function is not None),
    _gateway,
    _settings,
)
