"""The only place where errors become HTTP: status and headers. The body is written by the format of the request."""

from __future__ import annotations

import logging
import math
import re
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ..routing.errors import BudgetExceededError, RouterError, shown
from .formats import format_of
from .formats.base import Problem
from .wire import reply

logger = logging.getLogger(__name__)
LONGEST_CLIENT_WAIT = 60.0
"""Seconds of a Retry-After up to which the official clients wait as long as it says; beyond, they ask again in seconds.
Source: `_calculate_retry_timeout` in openai-python's `_base_client.py` (later versions: up to 120)."""
_NOT_RETRIED = (
    (re.compile(rb"(^| )(ai|ai-sdk/[a-z0-9-]+)/[0-9]"), 424),
    (re.compile(rb"^codex_[a-z_]+/[0-9]"), 400),
)
"""Clients that repeat most errors whatever the headers say, by their user agent, and a status that they take as final.

Vercel's AI SDK repeats each 408, 409, 429 and 5xx; 424 is Failed Dependency (RFC 4918). Sources: vercel/ai,
`packages/provider/src/errors/api-call-error.ts` and `packages/provider-utils/src/with-user-agent-suffix.ts`.

Codex repeats whatever is neither 400 nor 429, and of a 429 it does not show the text. Source: openai/codex,
`codex-rs/codex-api/src/api_bridge.rs`.
"""

_TYPES_AND_CODES: dict[int, tuple[str, str]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "unknown_url"),
    405: ("invalid_request_error", "method_not_allowed"),
    408: ("invalid_request_error", "request_timeout"),
}


def install(app: FastAPI) -> None:
    app.add_exception_handler(RouterError, _on_router_error)
    app.add_exception_handler(HTTPException, _on_http_exception)


def problem_of(error: RouterError) -> Problem:
    """A router's error as a caller may see it, in a response or in an event of a stream."""
    message = f"{str(error).removesuffix('.')}. The provider said: {error.detail}" if error.detail else str(error)
    attempted = error.ledger.to_json() if error.ledger.attempts or error.ledger.dropped else None
    return Problem(error.status, message, error.type, error.param, error.code, attempted)


def bug(error: Exception, request_id: str) -> Problem:
    """A bug as a caller may see it. Logs where it happened, never its message: that may quote a prompt or a key."""
    logger.error("request %s failed on %s", request_id, type_and_place(error))
    message = f"internal error; the log has the details under request id {request_id}"
    return Problem(500, message, "api_error", code="internal_error")


def type_and_place(error: Exception) -> str:
    """The exception's type and the place where it was raised: all that the log may hold of a bug."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames[-8:]))
    return f"{type(error).__qualname__} at {where}"


def refusal(error: RouterError, scope: Mapping[str, Any]) -> Response:
    """The response to the request of ASGI that `scope` describes."""
    headers, status = _headers(error), error.status
    if headers.get("x-should-retry") == "false" and (final := _final_status(scope)) is not None:
        headers["x-router-status"], status = str(status), final
    return error_response(problem_of(error), scope, status=status, headers=headers)


def error_response(
    problem: Problem, scope: Mapping[str, Any], *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """A problem as the request's format writes it. `status`: another one than the problem's."""
    form = format_of(scope)
    body = form.error(replace(problem, request_id=scope.get("state", {}).get("request_id", "")))
    status = problem.status if status is None else status
    return reply(body, status=form.statuses.get(status, status), headers=headers)


def _final_status(scope: Mapping[str, Any]) -> int | None:
    """The status that stops a client which repeats others; None: this client heeds the headers."""
    agent = next((value for name, value in scope["headers"] if name == b"user-agent"), b"")
    return next((status for pattern, status in _NOT_RETRIED if pattern.search(agent)), None)


async def _on_router_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RouterError)  # noqa: S101 - Starlette's handlers are typed for any Exception
    return refusal(error, request.scope)


def endpoints(routers: Iterable[APIRouter]) -> str:
    """The documented endpoints, such as `POST /ask`, for the 404 of any other."""
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    shown = [route for route in routes if route.include_in_schema]
    return ", ".join(f"{min(route.methods or ())} {route.path.replace(':path}', '}')}" for route in shown)


def _headers(error: RouterError) -> dict[str, str]:
    headers: dict[str, str] = {}
    attempts = error.ledger.attempts
    if attempts:
        headers["x-router-attempts"] = str(len(attempts))
    if error.retry_after is not None:
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after)))
    # Official clients retry 429 and 5xx by themselves, which would try the whole chain again. Where nothing was
    # sent and the wait is known, their retry is welcome; but none waits until a budget is full again.
    wait = error.retry_after
    in_vain = attempts or wait is None or (isinstance(error, BudgetExceededError) and wait > LONGEST_CLIENT_WAIT)
    if (error.status == 429 or error.status >= 500) and in_vain:
        headers["x-should-retry"] = "false"
    return headers


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - see above
    kind, code = _TYPES_AND_CODES.get(error.status_code, ("api_error", "http_error"))
    message = str(error.detail)
    route = f"{request.method} {shown(request.url.path)}"
    if error.status_code == 405 and request.method == "OPTIONS":
        return Response(status_code=204, headers=error.headers)
    if error.status_code == 404:
        message = f"Unknown request URL: {route}. There are: {request.app.state.endpoints}; see /docs."
    elif error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        message = f"Not allowed: {route}. Use {allowed}."
    problem = Problem(error.status_code, message, kind, code=code)
    return error_response(problem, request.scope, headers=error.headers)
