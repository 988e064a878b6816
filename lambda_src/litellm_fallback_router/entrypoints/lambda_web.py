"""The gateway behind the Lambda Web Adapter, which streams.

    uvicorn litellm_fallback_router.entrypoints.lambda_web:app

The adapter, from 1.1.0 on, calls the two hooks below around a SnapStart snapshot
(https://aws.github.io/aws-lambda-web-adapter/features/snapstart.html). They are its alone: it answers 403 to a caller
from outside, and so does this app, to whom such a caller's requests come with the adapter's headers.

Those headers are also how the app knows that its snapshot lies behind it, should the second hook not have been called:
the adapter sets them on every event (`fetch_response` in its src/lib.rs), and asks for /health, which it does before
the snapshot, without them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ..api.app import create_app
from ..bootstrap import warm_up
from ..live_mapping import LiveMapping, Looking
from ..routing.router import Router
from ..settings import load_settings
from .drill_door import DrillDoor, drilling
from .lambda_context import LambdaContext, came_through_adapter
from .snapstart import Holder, Renewal
from .write_behind import WriteBehind

BEFORE_CHECKPOINT = "/snapstart/before-checkpoint"
AFTER_RESTORE = "/snapstart/after-restore"


class SnapStartHooks:
    """ASGI middleware that answers the hooks, outside of the gateway, and lets no event in before the renewal.

    `inside`: whether this is Lambda, and the adapter's headers are the adapter's.
    """

    def __init__(self, app: ASGIApp, renewal: Renewal, *, inside: bool) -> None:
        self._app = app
        self._renewal = renewal
        self._inside = inside
        self._hooks: dict[str, Callable[[], Awaitable[None]]] = {
            BEFORE_CHECKPOINT: renewal.before_checkpoint,
            AFTER_RESTORE: renewal.done,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        event = self._inside and came_through_adapter(scope)
        hook = self._hooks.get(scope["path"])
        if hook is None:
            if event:
                await self._renewal.done()
            await self._app(scope, receive, send)
        elif scope["method"] != "POST" or not self._inside or event:
            await Response(status_code=403)(scope, receive, send)
        else:
            await hook()
            await Response(status_code=204)(scope, receive, send)


def _warm_router() -> Router:
    # While Lambda starts a function its processor is not throttled, so the import is cheapest now.
    warm_up()
    return _live.router(read_keys=not _settings.snapshot)


_settings = load_settings()
_live = LiveMapping(_settings)
_inside = _settings.lambda_function is not None
_gateway = create_app(
    _warm_router, api_keys=[key.get_secret_value() for key in _settings.api_keys], one_at_a_time=_inside
)
_holder = cast(Holder, _gateway.state)
app = SnapStartHooks(
    DrillDoor(
        LambdaContext(Looking(WriteBehind(_gateway, _holder), _live, _holder), inside=_inside),
        drilling(_settings, _holder),
        inside=_inside,
    ),
    Renewal(_holder, _settings, build=_live.router),
    inside=_inside,
)
