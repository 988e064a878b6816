"""A whole answer without a finish reason is no answer, whoever of LiteLLM's providers in OpenAI's format sends it."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.bootstrap import assemble, load
from litellm_fallback_router.routing.errors import ProvidersFailedError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.settings import Settings
from tests.support.finish_places import QUESTION, place
from tests.support.raw_server import response

PROVIDERS: dict[str, dict[str, Any]] = {
    "azure": {"api_version": "2024-10-21"},
    **{name: {} for name in ("azure_ai", "databricks", "fireworks_ai", "mistral", "openrouter", "perplexity", "xai")},
}


def answer(**choice: Any) -> bytes:
    usage = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}
    said = {"index": 0, "message": {"role": "assistant", "content": "Paris"}, **choice}
    whole = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [said], "usage": usage}
    return response(200, whole)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("choice", [{}, {"finish_reason": None}, {"finish_reason": ""}])
async def test_answer_without_a_finish_reason_is_none(choice: dict[str, Any], provider: str) -> None:
    async with place(answer(**choice)) as here:
        params = {"model": "gpt-4o", "api_key": "key", "api_base": here.url, **PROVIDERS[provider]}
        mapping = {"model_list": [{"model_name": "m", "litellm_provider": provider, "params": params}]}
        async with assemble(load(Settings(), {**mapping, "settings": {"max_attempts": 1}})) as router:
            with pytest.raises(ProvidersFailedError) as failed:
                await router.complete(ChatRequest("m", QUESTION))
    assert failed.value.ledger is not None
    assert [attempt.failure for attempt in failed.value.ledger.attempts] == [FailureKind.INVALID_RESPONSE]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_answer_with_one_is_an_answer(provider: str) -> None:
    async with place(answer(finish_reason="length")) as here:
        params = {"model": "gpt-4o", "api_key": "key", "api_base": here.url, **PROVIDERS[provider]}
        mapping = {"model_list": [{"model_name": "m", "litellm_provider": provider, "params": params}]}
        async with assemble(load(Settings(), mapping)) as router:
            result = await router.complete(ChatRequest("m", QUESTION))
    assert (result.text, result.choices[0]["finish_reason"]) == ("Paris", "length")
