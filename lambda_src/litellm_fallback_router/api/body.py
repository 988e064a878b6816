"""A request's body: read once, bounded in size and time, parsed once."""

from __future__ import annotations

import asyncio
import math
from typing import Any

from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ..routing.errors import RequestTooLargeError, invalid

BODY_TIMEOUT = 30.0
"""Seconds a caller may take to send the whole body."""


async def read_object(request: Request, max_bytes: int) -> dict[str, Any]:
    """The body as a JSON object. Raises RequestTooLargeError, InvalidRequestError, or a 408 HTTPException."""
    _refuse_foreign_pages(request)
    return as_object(await _read(request, max_bytes))


def as_object(raw: bytes) -> dict[str, Any]:
    """`raw` as a JSON object. Raises InvalidRequestError."""
    if not raw.strip():
        raise invalid("The request body is empty. Send a JSON object.")
    try:
        # Refuses NaN and Infinity, invalid UTF-8, unpaired surrogates and nesting deeper than 200.
        # Without the parser's process-wide cache of short strings: it keeps what callers wrote, among memory
        # that would otherwise be given back.
        value = from_json(raw, allow_inf_nan=False, cache_strings="none")
    except ValueError as error:
        raise invalid(f"The request body is not valid JSON: {error}.", code="invalid_json") from None
    if not isinstance(value, dict):
        raise invalid("The request body must be a JSON object, such as {...}.", code="invalid_json")
    if not _is_finite(value):
        message = "The request body has a number that is too large for a double (such as 1e999)."
        raise invalid(message, code="invalid_json")
    return value


async def _read(request: Request, max_bytes: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and (len(declared) > 15 or int(declared) > max_bytes):
        raise _too_large(max_bytes)
    size, parts = 0, []
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for part in request.stream():
                size += len(part)
                if size > max_bytes:
                    raise _too_large(max_bytes)
                parts.append(part)
    except TimeoutError:
        message = f"The request body did not arrive within {BODY_TIMEOUT:.0f} seconds."
        raise HTTPException(408, message, headers={"connection": "close"}) from None
    return b"".join(parts)


def _too_large(max_bytes: int) -> RequestTooLargeError:
    return RequestTooLargeError(f"The request body is larger than {max_bytes} bytes. Send less.")


def _refuse_foreign_pages(request: Request) -> None:
    """Any web page may make its visitor's browser post plain text to a server on localhost, without asking first.
    JSON it may not: that takes CORS, which is off here."""
    site = request.headers.get("sec-fetch-site")
    if site in {"cross-site", "same-site"} and "json" not in request.headers.get("content-type", ""):
        raise invalid("Requests from a web page need the header content-type: application/json.")


def _is_finite(value: Any) -> bool:
    """False where a number has overflowed to infinity, which JSON cannot carry further."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(_is_finite(item) for item in value.values() if not isinstance(item, str))
    if isinstance(value, list):
        return all(_is_finite(item) for item in value if not isinstance(item, str))
    return True
