"""JSON as it goes onto the wire, and the headers every answer carries."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from pydantic_core import to_json
from starlette.responses import Response

from ..routing.ledger import CacheRecord
from ..routing.types import ChatResult, Deployment
from ..routing.verdicts import Outcome

# ASCII only: a provider may send half of a surrogate pair, which UTF-8 cannot carry but an escape can.
_encoder = json.JSONEncoder(separators=(",", ":"))
PRINTABLE = string.punctuation + " "
"""What `quote` leaves as it is, beside letters and digits."""


def encode(payload: Any) -> bytes:
    return _encoder.encode(payload).encode("ascii")


def encode_numbers(payload: Any) -> bytes:
    """As `encode`, where there is no caller's or model's text in it: of millions of numbers in a sixth of the time."""
    return to_json(payload)


def reply(
    payload: Any,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    encoder: Callable[[Any], bytes] = encode,
) -> Response:
    return Response(encoder(payload), status_code=status, headers=headers, media_type="application/json")


def in_header(name: str) -> str:
    """A model's name as a header can hold it: what is not printable ASCII is percent-encoded."""
    return quote(name, safe=PRINTABLE)


def answer_headers(
    deployment: Deployment,
    *,
    attempts: int,
    fallback: bool,
    mapping: str = "",
    cost_usd: float | None = None,
    guardrail: Outcome | None = None,
    cache: CacheRecord | None = None,
) -> dict[str, str]:
    """The headers that name the responder, and the revision of the mapping by which it was chosen. A stream's go out
    before cost and guardrail are known."""
    model = deployment.model
    headers = {
        "x-router-provider": deployment.provider,
        "x-router-model": model if model.isascii() and model.isprintable() else in_header(model),
        "x-router-attempts": str(attempts),
        "x-router-fallback": "true" if fallback else "false",
    }
    if mapping:
        headers["x-router-mapping"] = mapping
    if cost_usd is not None:
        headers["x-router-cost-usd"] = f"{cost_usd:.8f}"
    if guardrail is not None:
        headers["x-router-guardrail"] = guardrail.value
    if cache is not None:
        headers["x-router-cache"] = cache.outcome
        if cache.age is not None:
            # Source: RFC 9111, section 5.1.
            headers["age"] = str(int(cache.age))
    return headers


def is_reported(result: ChatResult, *, explain: bool) -> bool:
    """Whether a stream's end reports how its answer came about. Strict clients otherwise get no unknown fields."""
    return explain or result.fallback or len(result.responders) > 1 or result.guardrail not in (None, Outcome.PASSED)


def routing_report(result: ChatResult) -> dict[str, Any]:
    """The body's `router` object: the responders and all attempts."""
    return {
        "provider": result.provider,
        "responders": [deployment.label for deployment in result.responders],
        "fallback": result.fallback,
        **result.ledger.to_json(),
    }
