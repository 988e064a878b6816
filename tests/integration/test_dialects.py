"""Our table of what providers take, against what LiteLLM says it would pass on."""

from __future__ import annotations

import pytest

from litellm_fallback_router.engine.loading import litellm
from litellm_fallback_router.providers import PENALTIES, Feature
from tests.support.scripted import deployment

MODELS = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-5.4"),
    ("openai", "o3"),
    ("anthropic", "claude-sonnet-4-6"),
    ("bedrock", "us.anthropic.claude-sonnet-4-6"),
    ("bedrock", "us.meta.llama3-3-70b-instruct-v1:0"),
    ("bedrock", "us.amazon.nova-2-lite-v1:0"),
]


@pytest.mark.parametrize(("provider", "model"), MODELS)
def test_the_table_agrees_with_litellm(provider: str, model: str) -> None:
    taken = set(litellm().get_supported_openai_params(model=model, custom_llm_provider=provider))
    dialect = deployment("x", provider=provider, model=model).profile.dialect
    assert (Feature.MANY_CHOICES in dialect.cannot) == ("n" not in taken)
    assert (Feature.LOGPROBS in dialect.cannot) == ("logprobs" not in taken)
    assert (Feature.WEB_SEARCH in dialect.cannot) == ("web_search_options" not in taken)
    assert (Feature.STOP in dialect.cannot) == ("stop" not in taken)
    for wish in {"seed", *PENALTIES}:
        assert (wish in dialect.lacks) == (wish not in taken), wish
