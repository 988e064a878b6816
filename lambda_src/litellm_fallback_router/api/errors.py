"""Every failure as OpenAI's error envelope: `{"error": {"message", "type", "param", "code"}}`.

The only place where errors become HTTP. What was attempted travels beside it: `{"error": ..., "router": ...}`.
"""

from __future__ import annotations

import logging
import math
import traceback
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ..routing.errors import RouterError, shown
from .wire import reply

logger = logging.getLogger(__name__)

_TYPES_AND_CODES: dict[int, tuple[str, str]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "unknown_url"),
    405: ("invalid_request_error", "method_not_allowed"),
    408: ("invalid_request_error", "request_timeout"),
}


def install(app: FastAPI) -> None:
    app.add_exception_handler(RouterError, _on_router_error)
    app.add_exception_handler(HTTPException, _on_http_exception)


def envelope(error: RouterError) -> dict[str, Any]:
    """The body of a router error, for a response or for an event inside a stream."""
    message = f"{error} The provider said: {error.detail}" if error.detail else str(error)
    body = error_body(message, error.type, error.param, error.code)
    if error.ledger.attempts or error.ledger.dropped:
        body["router"] = error.ledger.to_json()
    return body


def internal_error(error: Exception, request_id: str) -> dict[str, Any]:
    """The body for a bug. Logs where it happened, never its message: that may quote a prompt or a key."""
    logger.error("request %s failed on %s", request_id, type_and_place(error))
    message = f"internal error; the log has the details under request id {request_id}"
    return error_body(message, "api_error", None, "internal_error")


def type_and_place(error: Exception) -> str:
    """What the log may say of a bug."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames[-8:]))
    return f"{type(error).__qualname__} at {where}"


def error_body(message: str, kind: str, param: str | None, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def refusal(error: RouterError) -> Response:
    return reply(envelope(error), status=error.status, headers=_headers(error))


async def _on_router_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RouterError)  # noqa: S101 - Starlette's handlers are typed for any Exception
    return refusal(error)


def _headers(error: RouterError) -> dict[str, str]:
    headers: dict[str, str] = {}
    attempts = error.ledger.attempts
    if attempts:
        headers["x-router-attempts"] = str(len(attempts))
    if error.retry_after is not None:
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after)))
    # Official clients retry 429 and 5xx by themselves, which would walk the whole chain again. Where nothing was
    # asked and the wait is known, their retry is welcome.
    if (error.status == 429 or error.status >= 500) and (attempts or error.retry_after is None):
        headers["x-should-retry"] = "false"
    return headers


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - see above
    kind, code = _TYPES_AND_CODES.get(error.status_code, ("api_error", "http_error"))
    message = str(error.detail)
    route = f"{request.method} {shown(request.url.path)}"
    if error.status_code == 404:
        message = f"Unknown request URL: {route}. The API is described at /docs."
    elif error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        message = f"Not allowed: {route}. Use {allowed}."
    return reply(error_body(message, kind, None, code), status=error.status_code, headers=error.headers)
