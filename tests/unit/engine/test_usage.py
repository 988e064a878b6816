"""Usage and prices, read without LiteLLM where LiteLLM would say the same."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.engine.loading import litellm
from litellm_fallback_router.engine.prices import SIZES, Prices, cost_of
from litellm_fallback_router.engine.usage import of_anthropic, of_bedrock, of_openai
from litellm_fallback_router.engine.wire import usage_of
from litellm_fallback_router.routing.ledger import Usage
from litellm_fallback_router.routing.types import Deployment
from tests.support.scripted import deployment

PLAIN: dict[str, list[dict[str, Any]]] = {
    "openai": [
        {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
        {
            "prompt_tokens": 900,
            "completion_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 512, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 7, "accepted_prediction_tokens": 0},
        },
        {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": None},
    ],
    "anthropic": [
        {"input_tokens": 9, "output_tokens": 2},
        {
            "input_tokens": 9,
            "output_tokens": 2,
            "cache_read_input_tokens": 30,
            "cache_creation_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "service_tier": "standard",
        },
    ],
    "bedrock": [
        {"inputTokens": 9, "outputTokens": 2, "totalTokens": 11},
        {
            "inputTokens": 9,
            "outputTokens": 2,
            "totalTokens": 41,
            "cacheReadInputTokens": 30,
            "cacheWriteInputTokens": 0,
        },
    ],
}
OTHERS: dict[str, list[Any]] = {
    "openai": [
        {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"audio_tokens": 3}},
        {"prompt_tokens": 9, "completion_tokens": 2, "completion_tokens_details": {"audio_tokens": 3}},
        {"prompt_tokens": 9, "completion_tokens": 2, "cost": 0.5},
        {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": [1]},
        {"prompt_tokens": 9.5, "completion_tokens": 2},
        {},
    ],
    "anthropic": [
        {"input_tokens": 9, "output_tokens": 2, "cache_creation_input_tokens": 4},
        {"input_tokens": 9, "output_tokens": 2, "server_tool_use": {"web_search_requests": 1}},
        {"input_tokens": 9, "output_tokens": 2, "service_tier": "priority"},
        {"input_tokens": 9, "output_tokens": 2, "inference_geo": "us"},
        {"input_tokens": 9, "output_tokens": 2, "service_tier": {}},
        {"input_tokens": "9", "output_tokens": 2},
        None,
    ],
    "bedrock": [
        {"inputTokens": 9, "outputTokens": 2, "cacheWriteInputTokens": 4},
        {"inputTokens": None, "outputTokens": 2},
        "many",
    ],
}


def by_litellm(provider: str, said: dict[str, Any]) -> Usage:
    library = litellm()
    if provider == "openai":
        return usage_of(library.Usage(**said))
    if provider == "anthropic":
        return usage_of(library.AnthropicConfig().calculate_usage(said, None))
    return usage_of(library.AmazonConverseConfig().transform_usage(said))


@pytest.mark.parametrize(("provider", "said"), [(name, one) for name, several in PLAIN.items() for one in several])
def test_plain_usage_is_what_litellm_makes_of_it(provider: str, said: dict[str, Any]) -> None:
    read = {"openai": of_openai, "anthropic": of_anthropic, "bedrock": of_bedrock}[provider]
    assert read(said) == by_litellm(provider, said)


@pytest.mark.parametrize(("provider", "said"), [(name, one) for name, several in OTHERS.items() for one in several])
def test_what_is_not_plain_is_litellms_to_read(provider: str, said: Any) -> None:
    assert {"openai": of_openai, "anthropic": of_anthropic, "bedrock": of_bedrock}[provider](said) is None


def named(provider: str, model: str, region: str | None = None) -> Deployment:
    route = "bedrock/converse" if provider == "bedrock" else provider
    return deployment(model, provider=provider, litellm_model=f"{route}/{model}", region=region)


@pytest.mark.parametrize(
    ("one", "flat"),
    [
        (named("openai", "gpt-4o"), True),
        (named("openai", "gpt-5.4-mini"), True),
        (named("openai", "gpt-5.4"), False),  # dearer beyond 272,000 tokens
        (named("anthropic", "claude-haiku-4-5"), True),
        (named("bedrock", "us.anthropic.claude-sonnet-4-6", "us-east-1"), True),
        (named("bedrock", "us.amazon.nova-2-lite-v1:0", "us-east-1"), True),
    ],
    ids=lambda one: one.model if isinstance(one, Deployment) else "",
)
def test_prices_are_looked_up_once_where_they_hold_for_every_length(one: Deployment, flat: bool) -> None:
    prices = Prices(one)
    assert (prices._rates is not None) is flat
    for size in SIZES:
        usage = Usage(size, size // 7, size // 3, size // 9)
        details = {"cached_tokens": usage.cached_tokens}, {"reasoning_tokens": usage.reasoning_tokens}
        built = litellm().Usage(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            prompt_tokens_details=details[0],
            completion_tokens_details=details[1],
        )
        assert prices.usd_of_tokens(usage) == pytest.approx(cost_of(one, built))


def test_another_tier_has_its_own_price() -> None:
    one = named("openai", "gpt-5.4-mini")
    usage = Usage(1000, 1000)
    built = litellm().Usage(prompt_tokens=1000, completion_tokens=1000)
    dear = cost_of(one, built, "priority")
    assert dear is not None
    assert dear > (cost_of(one, built) or 0)
    assert Prices(one).usd_of_tokens(usage, "priority") == pytest.approx(dear)
