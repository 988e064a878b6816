"""What Lambda says about an invocation, handed to the gateway: how long it has left, and who calls."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from ..api.errors import refusal
from ..routing.callers import CallerKey
from ..routing.errors import UnavailableError
from ..routing.key_fields import from_text

MARGIN = 1.0
"""Seconds kept of the Lambda's time, to tell the caller how it ended and to flush logs and metrics."""
CONTEXT_HEADERS = frozenset({b"x-amzn-lambda-context", b"x-amzn-request-context"})
"""Set by the Lambda Web Adapter on every request it passes on, over whatever the caller sent under these names."""


UNREADABLE = "what this key may do cannot be read; its operator finds the reason in the log"

logger = logging.getLogger("litellm_fallback_router")


class KeyUnreadableError(Exception):
    """The key's record holds limits that this version does not know."""

    def __init__(self, key_id: str, why: str) -> None:
        super().__init__(why)
        self.key_id = key_id


class LambdaContext:
    """ASGI middleware. Leaves `time_left` (seconds), `caller` (the id of a key) and `key` (what it may do) in the
    request's state, the latter two from API Gateway's authorizer. Takes the adapter's headers off, so that nothing
    behind it can trust them by mistake.

    `inside`: whether this is Lambda, and the adapter's headers are the adapter's; elsewhere anyone may have sent them.
    """

    def __init__(self, app: ASGIApp, *, inside: bool) -> None:
        self._app = app
        self._inside = inside

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                told = _from_handler(scope) if "aws.context" in scope else _from_adapter(scope) if self._inside else {}
            except KeyUnreadableError as error:
                # Without its limits a key would have none.
                logger.error("key %s: %s", error.key_id, error)  # noqa: TRY400 - the text says it all
                await refusal(UnavailableError(UNREADABLE), scope)(scope, receive, send)
                return
            headers = [(name, value) for name, value in scope["headers"] if bytes(name) not in CONTEXT_HEADERS]
            scope = {**scope, "headers": headers, "state": {**scope.get("state", {}), **told}}
        await self._app(scope, receive, send)


def came_through_adapter(scope: Scope) -> bool:
    """Whether a request is an event that the Lambda Web Adapter passed on, rather than a call of its own."""
    return any(bytes(name) in CONTEXT_HEADERS for name, _ in scope["headers"])


def passed_through(scope: Scope) -> bool:
    """Whether a request is an event that is no request: the adapter writes null where API Gateway's context would be.
    Only inside Lambda."""
    sent = _sent(scope)
    return sent.keys() == CONTEXT_HEADERS and json.loads(sent[b"x-amzn-request-context"]) is None


def seconds_left(scope: Scope) -> float:
    """The function's time that is left, as the adapter has it, less the margin. Only inside Lambda."""
    context = json.loads(_sent(scope)[b"x-amzn-lambda-context"])
    return max(0.0, float(context["deadline"]) / 1000 - time.time() - MARGIN)


def _sent(scope: Scope) -> dict[bytes, bytes]:
    """The adapter's headers."""
    return {bytes(name): value for name, value in scope["headers"] if bytes(name) in CONTEXT_HEADERS}


def _from_handler(scope: Scope) -> dict[str, Any]:
    """Mangum leaves the event and the context of a plain handler in the scope."""
    left = scope["aws.context"].get_remaining_time_in_millis() / 1000
    return _told(left, scope["aws.event"].get("requestContext"))


def _from_adapter(scope: Scope) -> dict[str, Any]:
    sent = _sent(scope)
    context = json.loads(sent.get(b"x-amzn-lambda-context", b"{}"))
    request_context = json.loads(sent.get(b"x-amzn-request-context", b"{}"))
    if "deadline" not in context:
        return {}
    return _told(context["deadline"] / 1000 - time.time(), request_context)


def _told(left: float, request_context: Any) -> dict[str, Any]:
    # An event that is not API Gateway's has no such context, or another kind of one.
    authorizer = request_context.get("authorizer") if isinstance(request_context, dict) else None
    caller = (authorizer or {}).get("principalId")
    told = {"time_left": max(0.0, left - MARGIN), "caller": caller}
    return told if caller is None else {**told, "key": _key(caller, (authorizer or {}).get("limits", ""))}


def _key(key_id: str, limits: str) -> CallerKey:
    """Raises KeyUnreadableError."""
    try:
        return from_text(key_id, limits)
    except ValueError as error:
        raise KeyUnreadableError(key_id, str(error)) from None
