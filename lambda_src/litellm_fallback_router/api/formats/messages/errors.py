"""Errors as Anthropic has them. Source: Anthropic, "Errors"."""

from __future__ import annotations

from ...wire import encode
from ..base import Json, Problem

STATUSES = {502: 500, 503: 529}
"""Statuses that Anthropic has another one for: all deployments failed; and none is available now."""
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def error_body(problem: Problem) -> Json:
    """Anthropic's envelope. What was attempted travels beside it."""
    status = STATUSES.get(problem.status, problem.status)
    kind = _TYPES.get(status) or ("invalid_request_error" if status < 500 else "api_error")
    error: Json = {"type": kind, "message": problem.message}
    error |= {name: value for name in ("param", "code") if (value := getattr(problem, name)) is not None}
    body: Json = {"type": "error", "error": error, "request_id": problem.request_id}
    return body if problem.router is None else {**body, "router": problem.router}


def error_event(body: Json) -> bytes:
    return b"event: error\ndata: " + encode(body) + b"\n\n"
