"""Connections to the providers: kept between requests, let go when the router is closed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.settings import Settings
from local.simulator import Simulator
from tests.support.waiting import eventually

MODELS = ["openai-gpt4o-mini", "anthropic-claude-haiku", "bedrock-claude-haiku"]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running


async def ask(router: Router, model: str, timeout: float | None = None) -> str:
    request = ChatRequest(model, [{"role": "user", "content": "What is the capital of France?"}], timeout=timeout)
    return (await router.complete(request)).text


@pytest.mark.parametrize("model", MODELS)
async def test_a_connection_is_used_again_however_long_each_caller_will_wait(simulator: Simulator, model: str) -> None:
    router = build_router(Settings(simulator_url=simulator.url))
    for timeout in (None, 50.0, 40.0, 30.0):
        assert await ask(router, model, timeout) == "Paris is the capital of France."
    assert simulator.open_connections == 1
    await router.aclose()


@pytest.mark.parametrize("model", MODELS)
async def test_closing_a_router_closes_the_connections_of_its_streams(simulator: Simulator, model: str) -> None:
    for _ in range(2):
        router = build_router(Settings(simulator_url=simulator.url))
        async with router.stream(ChatRequest(model, [{"role": "user", "content": "Count to 9"}])) as stream:
            assert [chunk async for chunk in stream]
        await router.aclose()
        await eventually(lambda: simulator.open_connections == 0)


@pytest.mark.parametrize("model", MODELS)
async def test_a_router_answers_after_another_one_of_its_process_was_closed(simulator: Simulator, model: str) -> None:
    for _ in range(2):
        router = build_router(Settings(simulator_url=simulator.url))
        assert await ask(router, model) == "Paris is the capital of France."
        await router.aclose()
        await eventually(lambda: simulator.open_connections == 0)
