"""What the log says of a request so that it can be run again under another mapping: bounded, and never a prompt, an
answer or a key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..adaptation import EMBEDDINGS
from ..ledger import AttemptRecord, Ledger, rounded_usd
from ..types import ChatRequest, RoutingConstraints

MOST_ATTEMPTS = 20
"""No mapping allows more."""
MOST_NAMES = 20
"""Providers, or patterns of Regions, that a request is narrowed to."""
_NAME = re.compile(r"[a-z0-9_*?!\[\]-]{1,64}")
"""A provider's name or a pattern that can match a Region; what a caller writes besides matches nothing."""


def history_of(request: ChatRequest, ledger: Ledger) -> dict[str, Any]:
    """Describe a request that has ended.

    Args:
        request: As it was sent.
        ledger: What happened to it.

    Returns:
        `history`: how it was asked (`streamed`, what it needs of a model, its token limit, the patience of its caller,
        what its `router` field narrows) and every attempt with its times, tokens and cost.
    """
    params = request.params
    history = {
        "streamed": ledger.streamed,
        "needs": list(_needs(request)),
        "max_tokens": params.get("max_completion_tokens") or params.get("max_tokens"),
        "timeout": request.timeout,
        "router": _narrowed(request.constraints),
        "attempts": [_attempt(one) for one in ledger.attempts[:MOST_ATTEMPTS]],
    }
    return {"history": {name: value for name, value in history.items() if value not in (None, [], {})}}


def _needs(request: ChatRequest) -> Iterator[str]:
    params = request.params
    if params.get("tools"):
        yield "tools"
    form = params.get("response_format")
    if isinstance(form, Mapping) and form.get("type") == "json_schema":
        yield "json_schema"
    if any(_has_image(message.get("content")) for message in request.messages):
        yield "images"
    if request.native is not None and request.native.format == EMBEDDINGS:
        yield "embeddings"


def _narrowed(constraints: RoutingConstraints) -> dict[str, Any]:
    """The caller's `router` field, as far as it changes who may be asked."""
    narrowed: dict[str, Any] = {}
    for name in ("fallback", "resume"):
        if not getattr(constraints, name):
            narrowed[name] = False
    for name in ("providers", "regions"):
        if (given := getattr(constraints, name)) is not None:
            narrowed[name] = [one for one in given if _NAME.fullmatch(one)][:MOST_NAMES]
    return narrowed


def _has_image(content: Any) -> bool:
    return isinstance(content, list) and any(
        isinstance(part, Mapping) and part.get("type") == "image_url" for part in content
    )


def _attempt(record: AttemptRecord) -> dict[str, Any]:
    usage = record.usage
    said = {
        "deployment": record.deployment,
        "outcome": record.failure.value if record.failure else "answered",
        "status": record.status,
        "started": round(record.started, 3),
        "seconds": round(record.seconds, 3),
        "first_token_seconds": None if record.first_token_seconds is None else round(record.first_token_seconds, 3),
        "retry_after": record.retry_after,
        "prompt_tokens": usage.prompt_tokens if usage else None,
        "cached_tokens": usage.cached_tokens if usage else None,
        "completion_tokens": usage.completion_tokens if usage else None,
        "cost_usd": None if record.cost_usd is None else rounded_usd(record.cost_usd),
        "wasted": record.wasted or None,
    }
    return {name: value for name, value in said.items() if value is not None}
