"""How an event becomes a drill, which no caller's request can.

An event for a drill is sent by Lambda's Invoke, for which IAM asks: of EventBridge's rule, and of the operator. Behind
the Web Adapter such an event, as any that is no request, is a POST to `PATH` with `null` in the header of the request's
context, which the adapter sets over whatever a caller sent (`fetch_response` in its src/lib.rs). API Gateway's requests
have a context there. One that the adapter could not read as such would come whole in the body, where the context is
beside whatever the caller sent, so it is no order either (`order_in`).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..drill import EVENT, Order, order_in
from ..settings import Settings
from ..stage_drills import answer_to
from .lambda_context import passed_through, seconds_left
from .snapstart import Holder

PATH = "/events"
"""The adapter's default for AWS_LWA_PASS_THROUGH_PATH."""
MOST_BYTES = 10_000
"""Of an event for a drill; a longer one is none."""
UNKNOWN = "no request, and no event that is known here"
Drilling = Callable[[Order, float], Awaitable[dict[str, Any]]]
"""An order and the function's seconds that are left -> what is answered."""


class DrillDoor:
    """ASGI middleware for the Web Adapter's events. `drilling`: None where the stage has no drill; then, and for every
    other request, the app behind is called."""

    def __init__(self, app: ASGIApp, drilling: Drilling | None, *, inside: bool) -> None:
        """`inside`: whether this is Lambda, and the adapter's headers are the adapter's."""
        self._app = app
        self._drilling = drilling if inside else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        drilling = self._drilling
        if drilling is None or scope["type"] != "http" or scope["path"] != PATH or not passed_through(scope):
            await self._app(scope, receive, send)
            return
        try:
            event = json.loads(await _body(Request(scope, receive)))
        except ValueError:
            event = None
        answer = await answered(event, drilling, seconds_left(scope))
        await JSONResponse(answer, 400 if "error" in answer else 200)(scope, receive, send)


def drilling(settings: Settings, holder: Holder) -> Drilling | None:
    """What does the drills of this function, by the mapping in force then; None: the stage has none."""
    if settings.drill_secret is None:
        return None

    async def drill(order: Order, seconds: float) -> dict[str, Any]:
        return await answer_to(order, holder.router.config, settings, seconds)

    return drill


def is_order(event: Any) -> bool:
    """Whether an event of the plain handler asks for a drill, be it rightly or not. API Gateway's never does."""
    return isinstance(event, dict) and list(event) == [EVENT]


async def answered(event: Any, drilling: Drilling, seconds: float) -> dict[str, Any]:
    """What an event that asks for a drill is answered with. `seconds`: the function's time that is left."""
    try:
        order = order_in(event)
    except ValueError as error:
        return {"error": str(error)}
    if order is None:
        return {"error": UNKNOWN}
    return await drilling(order, seconds)


async def _body(request: Request) -> bytes:
    """Raises ValueError where it is too long."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise ValueError(f"an event for a drill has at most {MOST_BYTES} bytes")
    return body
