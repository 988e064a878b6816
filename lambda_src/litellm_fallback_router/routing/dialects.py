"""What each provider's API takes, apart from what a model can do: the wishes it lacks, the ranges it has.

Sources: OpenAI "Create chat completion", Anthropic "Create a message" (temperature 0 to 1), Amazon Bedrock
"Converse" (`inferenceConfig`: temperature 0 to 1). A contract test compares the table with what LiteLLM
says it would pass on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .types import Deployment, Message

PENALTIES = frozenset({"frequency_penalty", "presence_penalty", "logit_bias"})
OPENAI_ONLY = frozenset(
    {
        "seed",
        "user",
        "store",
        "metadata",
        "prediction",
        "verbosity",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
    }
)
ANTHROPIC_ONLY = frozenset({"thinking", "top_k"})


@dataclass(frozen=True, slots=True)
class Dialect:
    """One provider's API."""

    many_choices: bool = True
    """Takes `n` above 1."""
    logprobs: bool = True
    temperature_max: float = 2.0
    lacks: frozenset[str] = frozenset()
    """Wishes it would reject or ignore: dropped, and reported."""


OPENAI = Dialect(lacks=ANTHROPIC_ONLY)
CLAUDE = Dialect(
    many_choices=False, logprobs=False, temperature_max=1.0, lacks=PENALTIES | OPENAI_ONLY | {"service_tier"}
)
BEDROCK = Dialect(
    many_choices=False,
    logprobs=False,
    temperature_max=1.0,
    lacks=PENALTIES | OPENAI_ONLY | ANTHROPIC_ONLY | {"service_tier"},
)
UNKNOWN = Dialect()
"""Any other provider: nothing is assumed, LiteLLM decides."""


def is_claude(deployment: Deployment) -> bool:
    return deployment.provider == "anthropic" or "claude" in deployment.model


def dialect_of(deployment: Deployment) -> Dialect:
    if is_claude(deployment):
        return CLAUDE
    return {"openai": OPENAI, "azure": OPENAI, "bedrock": BEDROCK}.get(deployment.provider, UNKNOWN)


def adjust_params(deployment: Deployment, params: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The parameters this deployment takes, and what was dropped or clamped to get there."""
    dialect = dialect_of(deployment)
    kept = {name: value for name, value in params.items() if name not in dialect.lacks}
    adjusted = [f"{name} dropped" for name in params if name in dialect.lacks]
    if deployment.info.reasoning is False and kept.pop("reasoning_effort", None) is not None:
        adjusted.append("reasoning_effort dropped")
    most = deployment.info.max_output_tokens
    for name in ("max_tokens", "max_completion_tokens"):
        if most is not None and (kept.get(name) or 0) > most:
            kept[name] = most
            adjusted.append(f"{name} clamped to {most}")
    temperature = kept.get("temperature")
    if temperature is not None and temperature > dialect.temperature_max:
        kept["temperature"] = dialect.temperature_max
        adjusted.append(f"temperature clamped to {dialect.temperature_max:g}")
    return kept, tuple(adjusted)


def adjust_messages(deployment: Deployment, messages: list[Message]) -> tuple[list[Message], tuple[str, ...]]:
    """The messages as this model understands them: cache marks and signed thinking reach only models that do."""
    claude = is_claude(deployment)
    keeps_cache = claude or (deployment.provider == "bedrock" and deployment.info.prompt_caching is True)
    adjusted: list[str] = []
    if not keeps_cache and any(_has_cache_control(message) for message in messages):
        messages = [_without_cache_control(message) for message in messages]
        adjusted.append("cache_control dropped")
    if not claude and any(_has_thinking(message) for message in messages):
        messages = [_without_thinking(message) for message in messages]
        adjusted.append("thinking blocks dropped")
    return messages, tuple(adjusted)


def _parts(message: Message) -> list[Any]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _has_cache_control(message: Message) -> bool:
    return "cache_control" in message or any("cache_control" in part for part in _parts(message))


def _without_cache_control(message: Message) -> Message:
    kept = {name: value for name, value in message.items() if name != "cache_control"}
    if parts := _parts(message):
        kept["content"] = [{k: v for k, v in part.items() if k != "cache_control"} for part in parts]
    return kept


THINKING_FIELDS = ("thinking_blocks", "reasoning_content")
THINKING_PARTS = ("thinking", "redacted_thinking")


def _has_thinking(message: Message) -> bool:
    return any(name in message for name in THINKING_FIELDS) or any(
        part.get("type") in THINKING_PARTS for part in _parts(message)
    )


def _without_thinking(message: Message) -> Message:
    kept = {name: value for name, value in message.items() if name not in THINKING_FIELDS}
    if parts := _parts(message):
        kept["content"] = [part for part in parts if part.get("type") not in THINKING_PARTS]
    return kept
