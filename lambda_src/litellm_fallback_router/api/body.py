"""A request's body: read once, bounded in size and time, parsed once."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ..routing.errors import InvalidRequestError, RequestTooLargeError, invalid
from ..routing.mapping import RouterSettings
from ..routing.request import ValueCount, check_bounds, check_values, too_many_values
from ..routing.turns import take_turns

BODY_TIMEOUT = 30.0
"""Seconds a caller may take to send the whole body."""
IDENTITY = "identity"
"""The content-encoding of a body that is as it is."""
COMPRESSED = "The request body has a content-encoding, and none is read here. Send it as JSON without one."
LARGE = 100_000
"""Bytes of a body that takes some milliseconds to look at."""


async def read_object(request: Request, settings: RouterSettings) -> dict[str, Any]:
    """The body as a JSON object. Raises RequestTooLargeError, InvalidRequestError, or a 408 HTTPException."""
    _refuse_foreign_pages(request)
    raw = await _read(request, settings)
    try:
        value = as_object(raw, settings)
    except InvalidRequestError as error:
        if error.code == "invalid_json" and request.headers.get("content-encoding", IDENTITY).lower() != IDENTITY:
            raise invalid(COMPRESSED, param="content-encoding", code="invalid_json") from None
        raise
    if len(raw) > LARGE:
        # The next steps take as long as these did.
        await take_turns()
    return value


def as_object(raw: bytes, settings: RouterSettings) -> dict[str, Any]:
    """`raw` as a JSON object that is not too large to be worked with. Raises InvalidRequestError."""
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
    check_bounds(value, settings)
    return value


async def _read(request: Request, settings: RouterSettings) -> bytes:
    max_bytes = settings.max_request_bytes
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and (len(declared) > 15 or int(declared) > max_bytes):
        raise _too_large(max_bytes)
    size, parts, values = 0, [], ValueCount()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for part in request.stream():
                size += len(part)
                if size > max_bytes:
                    raise _too_large(max_bytes)
                parts.append(part)
                if values.add(part) > settings.max_values:
                    raise _too_many_values(b"".join(parts), settings)
    except TimeoutError:
        message = f"The request body did not arrive within {BODY_TIMEOUT:.0f} seconds."
        raise HTTPException(408, message, headers={"connection": "close"}) from None
    return b"".join(parts)


def _too_many_values(raw: bytes, settings: RouterSettings) -> InvalidRequestError:
    """`raw` is as much of a body as had come when it had too many."""
    name = ""
    try:
        value = from_json(raw, allow_inf_nan=False, cache_strings="none", allow_partial=True)
        if isinstance(value, dict):
            name = next(reversed(value), "")
            check_values(value, settings)
    except ValueError:
        pass  # it is no JSON, but there is too much of it all the same
    except InvalidRequestError as error:
        return error
    return too_many_values(name, settings)


def _too_large(max_bytes: int) -> RequestTooLargeError:
    return RequestTooLargeError(f"The request body is larger than {max_bytes} bytes. Send less.")


def _refuse_foreign_pages(request: Request) -> None:
    """Any web page may make its visitor's browser post plain text to a server on localhost, without asking first.
    JSON it may not: that takes CORS, which is off here."""
    site = request.headers.get("sec-fetch-site")
    if site in {"cross-site", "same-site"} and "json" not in request.headers.get("content-type", ""):
        raise invalid("Requests from a web page need the header content-type: application/json.")
