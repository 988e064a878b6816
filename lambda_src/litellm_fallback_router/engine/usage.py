"""Usage as providers report it, where it counts nothing but tokens that are read and written, cached and thought.

Anything else one reports (audio, tokens written to a cache, searches) is LiteLLM's to read and to price.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..routing.ledger import Usage

OPENAIS = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
ANTHROPICS = frozenset({"input_tokens", "output_tokens", "cache_read_input_tokens", "service_tier", "inference_geo"})
BEDROCKS = frozenset({"inputTokens", "outputTokens", "totalTokens", "cacheReadInputTokens"})
STANDARD = (None, "standard", "not_available", "global")
"""What Anthropic calls its usual tier, and its usual place."""


def of_openai(said: Mapping[str, Any]) -> Usage | None:
    """Source: OpenAI, "Create chat completion", `usage`."""
    prompt, completion = said.get("prompt_tokens_details") or {}, said.get("completion_tokens_details") or {}
    if not isinstance(prompt, Mapping) or not isinstance(completion, Mapping):
        return None
    named = OPENAIS | {"prompt_tokens_details", "completion_tokens_details"}
    if _more(said, named) or _more(prompt, {"cached_tokens"}) or _more(completion, {"reasoning_tokens"}):
        return None
    return _usage(
        said.get("prompt_tokens"),
        said.get("completion_tokens"),
        prompt.get("cached_tokens"),
        completion.get("reasoning_tokens"),
    )


def of_anthropic(said: Any) -> Usage | None:
    """Source: Anthropic, "Create a message", `usage`. What is read from the cache is not in `input_tokens`."""
    if not isinstance(said, Mapping) or _more(said, ANTHROPICS):
        return None
    if not all(said.get(name) in STANDARD for name in ("service_tier", "inference_geo")):
        return None
    return _with_cached(said.get("input_tokens"), said.get("output_tokens"), said.get("cache_read_input_tokens"))


def of_bedrock(said: Any) -> Usage | None:
    """Source: Amazon Bedrock, `TokenUsage`. What is read from the cache is not in `inputTokens`."""
    if not isinstance(said, Mapping) or _more(said, BEDROCKS):
        return None
    return _with_cached(said.get("inputTokens"), said.get("outputTokens"), said.get("cacheReadInputTokens"))


def _more(said: Mapping[str, Any], named: frozenset[str] | set[str]) -> bool:
    """True where it counts tokens of other kinds than `named`."""
    return any(_counts(value) for name, value in said.items() if name not in named)


def _counts(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_counts, value.values()))
    return bool(value)


def _with_cached(fresh: Any, written: Any, cached: Any) -> Usage | None:
    if not all(type(number) is int for number in (fresh, cached or 0)):
        return None
    return _usage(fresh + (cached or 0), written, cached, 0)


def _usage(prompt: Any, written: Any, cached: Any, thought: Any) -> Usage | None:
    numbers = [number or 0 for number in (prompt, written, cached, thought)]
    if not all(type(number) is int and number >= 0 for number in numbers) or not (numbers[0] or numbers[1]):
        return None
    return Usage(numbers[0], numbers[1], numbers[2], numbers[3])
