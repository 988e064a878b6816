"""LiteLLM Fallback Router: ask once, always get an answer.

    from litellm_fallback_router import AIAssistant

    provider, response = AIAssistant(question="What is the capital of France?", primary_model="openai-gpt4o")

Names are imported on first use, so that importing this package costs next to nothing.
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .assistant import AIAssistant
    from .bootstrap import build_router
    from .mapping import ROUTER_STYLE_MAPPING
    from .routing.callers import Budget, CallerKey
    from .routing.errors import ConfigurationError, InvalidRequestError, RouterError, UnknownModelError
    from .routing.router import ChatStream, Router
    from .routing.types import ChatRequest, ChatResult, Prompt, RoutingConstraints

__all__ = [
    "ROUTER_STYLE_MAPPING",
    "AIAssistant",
    "Budget",
    "CallerKey",
    "ChatRequest",
    "ChatResult",
    "ChatStream",
    "ConfigurationError",
    "InvalidRequestError",
    "Prompt",
    "Router",
    "RouterError",
    "RoutingConstraints",
    "UnknownModelError",
    "build_router",
]

_HOMES = {
    "ROUTER_STYLE_MAPPING": "mapping",
    "AIAssistant": "assistant",
    "Budget": "routing.callers",
    "CallerKey": "routing.callers",
    "ChatRequest": "routing.types",
    "ChatResult": "routing.types",
    "ChatStream": "routing.router",
    "ConfigurationError": "routing.errors",
    "InvalidRequestError": "routing.errors",
    "RoutingConstraints": "routing.types",
    "Prompt": "routing.types",
    "Router": "routing.router",
    "RouterError": "routing.errors",
    "UnknownModelError": "routing.errors",
    "build_router": "bootstrap",
}

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{home}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
