"""How long a request may take: what the caller's headers say, and what runs this process allows."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import Request

from ..routing.decimals import decimal
from ..routing.errors import invalid

ROUTER_TIMEOUT = "x-router-timeout-ms"
CLIENT_TIMEOUTS = ("x-stainless-read-timeout", "x-stainless-timeout")
"""Seconds, sent by OpenAI's Python client (`_base_client.py`) and its Node client (`client.ts`)."""
HEAD_START = 0.5
"""Seconds by which our answer must beat a client's own timeout: a client that times out asks all over again."""


def caller_timeout(headers: Headers) -> float | None:
    """Seconds; None where the caller did not say. Raises InvalidRequestError for an unusable `x-router-timeout-ms`."""
    if (sent := headers.get(ROUTER_TIMEOUT)) is not None:
        milliseconds = _positive(sent)
        if milliseconds is None:
            message = f"Invalid header {ROUTER_TIMEOUT}: expected a positive number of milliseconds."
            raise invalid(message, ROUTER_TIMEOUT)
        return milliseconds / 1000
    for name in CLIENT_TIMEOUTS:
        # Clients also send `None` or nothing of use here: that is no wish at all.
        if (seconds := _positive(headers.get(name, ""))) is not None:
            return seconds - min(HEAD_START, seconds / 10)
    return None


def time_left(request: Request) -> float | None:
    """Seconds until what runs this process stops it, where an entrypoint has said so in the request's state."""
    left: float | None = getattr(request.state, "time_left", None)
    return left


def _positive(text: str) -> float | None:
    return decimal(text) or None
