"""Requests for a response, translated for a chain in which nobody has the Responses API."""

from __future__ import annotations

from typing import Any

from litellm_fallback_router.api.formats.responses import request as request_of
from litellm_fallback_router.api.formats.responses.request import Translated
from litellm_fallback_router.routing.mapping import RouterConfig
from litellm_fallback_router.routing.types import Deployment

ASK = {"role": "user", "content": "hi"}
CALL = {"type": "function_call", "call_id": "c1", "name": "look_up", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "rain"}
CLAUDE = Deployment("m", "m", "anthropic", "claude-sonnet-4-6", "anthropic/claude-sonnet-4-6", "key")
CONFIG = RouterConfig((CLAUDE,), {"m": ("m",)})


def translated(body: dict[str, Any]) -> Translated:
    """For a chain in which nobody has the Responses API."""
    return request_of.translated(body, CONFIG)


def asked(*items: Any, **body: Any) -> Translated:
    return translated({"model": "m", "input": list(items) or "hi", **body})


GPT = Deployment("m", "m", "openai", "gpt-5.4", "openai/gpt-5.4", "key")
