"""What cannot stand beside a model's reasoning is not sent: the provider takes the request, whole and streamed."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.adapters.price_map import describe
from litellm_fallback_router.engine import Engine
from litellm_fallback_router.routing.adaptation import adapt
from litellm_fallback_router.routing.mapping import load_config
from litellm_fallback_router.routing.request.features import MessageFeatures
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.simulated import simulated
from local.simulator import SimulatorControl
from tests.support.fitted import ASK, NOVA, sent, tool

WISHES: dict[str, Any] = {"reasoning_effort": "max", "temperature": 0.2, "top_p": 0.9}


@pytest.mark.parametrize(
    ("more", "path"),
    [({}, "/openai/v1/chat/completions"), ({"tools": [tool()]}, "/openai/v1/responses")],
    ids=["chat", "functions"],
)
async def test_gpt_5_takes_what_it_is_sent(fresh: SimulatorControl, more: dict[str, Any], path: str) -> None:
    model = {"model_name": "thinker", "litellm_provider": "openai", "params": {"model": "gpt-5.4"}}
    config = simulated(load_config({"model_list": [model]}, describe), fresh.url)
    deployment = config.deployments[0]
    request = ChatRequest("thinker", [ASK], {**WISHES, **more})
    fitted = adapt(deployment, request, MessageFeatures.of([ASK]))
    assert fitted.adjusted == ("reasoning_effort sent as xhigh", "top_p dropped", "temperature dropped")
    provider = Engine(lambda place: place.api_key)
    assert await provider.complete(deployment, fitted.messages, fitted.params)
    assert [chunks async for chunks in provider.stream(deployment, fitted.messages, fitted.params)]
    assert [(request.path, request.status) for request in fresh.requests()] == [(path, 200)] * 2


async def test_nova_keeps_the_limit_that_a_caller_sets(fresh: SimulatorControl) -> None:
    limited = await sent(fresh, NOVA, [ASK], reasoning_effort="high", max_tokens=300)
    assert limited.adjusted == ("reasoning_effort sent as medium",)
    assert limited.body["inferenceConfig"] == {"maxTokens": 300}
    free = await sent(fresh, NOVA, [ASK], **WISHES)
    assert free.adjusted == ("temperature dropped", "top_p dropped", "reasoning_effort sent as high")
    assert free.body.get("inferenceConfig", {}) == {}
