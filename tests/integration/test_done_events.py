"""`[DONE]` alone ends a stream: not where a model writes it, and not as a reason why it stopped."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.bootstrap import assemble, load
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.settings import Settings
from tests.support.finish_places import Place, parts, place, streamed

SERVED = {
    "mistral": "mistral-large-latest",
    "openrouter": "openai/gpt-4o",
    "xai": "grok-4",
    "groq": "llama-3.3-70b-versatile",
    "fireworks_ai": "accounts/fireworks/models/llama",
    "together_ai": "meta/llama",
    "azure_ai": "mistral-large",
}


def router_to(provider: str, first: Place, second: Place) -> Router:
    def model(name: str, provider: str, model: str, url: str) -> dict[str, Any]:
        params = {"model": model, "api_key": "key", "api_base": f"{url}/v1"}
        return {"model_name": name, "litellm_provider": provider, "params": params}

    models = [model("first", provider, SERVED[provider], first.url), model("second", "hosted_vllm", "l", second.url)]
    mapping = {"model_list": models, "fallbacks": {"first": ["second"]}, "settings": {"tries_per_deployment": 1}}
    return assemble(load(Settings(), mapping))


@pytest.mark.parametrize("provider", SERVED)
async def test_a_model_may_write_it(provider: str) -> None:
    begun, *_ = parts("vllm", "It ends in [DONE]", "stop")
    stream = [begun, *parts("vllm", ", always.", "stop")]
    async with place(stream=stream) as first, place() as second, router_to(provider, first, second) as router:
        text, reasons, _ = await streamed(router)
    assert (text, reasons) == ("It ends in [DONE], always.", ["stop"])


@pytest.mark.parametrize("provider", SERVED)
async def test_it_is_no_finish_reason(provider: str) -> None:
    async with (
        place(stream=parts("vllm", "Paris", None)) as first,
        place(stream=parts("vllm", ".", "stop")) as second,
        router_to(provider, first, second) as router,
    ):
        text, reasons, outcome = await streamed(router)
    assert (text, reasons, outcome.ledger.attempts[0].failure) == ("Paris.", ["stop"], FailureKind.STREAM_BROKEN)
