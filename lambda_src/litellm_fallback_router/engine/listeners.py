"""LiteLLM's callbacks, caches, budgets and rules, which run for its public call only."""

from __future__ import annotations

from typing import Any

LISTENERS = (
    "callbacks",
    "input_callback",
    "success_callback",
    "failure_callback",
    "_async_input_callback",
    "_async_success_callback",
    "_async_failure_callback",
    "pre_call_rules",
    "post_call_rules",
    "credential_list",
    "cache",
    "max_budget",
    "model_fallbacks",
    "enable_json_schema_validation",
)
"""Settings of LiteLLM's that its public call serves. Empty or off unless the process has set them."""


def listened_to(library: Any) -> bool:
    """True where the process that imports this package has set one of them."""
    return any(_is_set(library, name) for name in LISTENERS)


def _is_set(library: Any, name: str) -> bool:
    """Gemini's code makes a cache of its own, which puts itself on LiteLLM's lists; it is not LiteLLM's cache."""
    value = getattr(library, name)
    return bool(value) and not (value == ["cache"] and library.cache is None)
