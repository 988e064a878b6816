"""What LiteLLM's answers cost by the mapping's own prices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.engine import Engine
from litellm_fallback_router.routing.types import Deployment, Message, ModelInfo
from litellm_fallback_router.settings import Settings
from local.simulator import SimulatorControl

QUESTION: list[Message] = [{"role": "user", "content": "Count to 5"}]


def places(simulator: SimulatorControl) -> list[Deployment]:
    """One deployment of each provider, whose tokens cost a cent."""
    simulator.reset()
    shipped = build_router(Settings(simulator_url=simulator.url)).config.deployments
    by_provider = {one.provider: one for one in shipped}
    cent = ModelInfo(input_usd_per_token=0.01, output_usd_per_token=0.01)
    return [replace(one, info=cent, own_prices=True) for one in by_provider.values()]


async def test_the_mappings_own_prices_count_for_whole_and_streamed_answers(simulator: SimulatorControl) -> None:
    provider = Engine(lambda deployment: deployment.api_key)
    found = []
    for place in places(simulator):
        answer = await provider.complete(place, QUESTION, {})
        last = [chunk async for chunks in provider.stream(place, QUESTION, {}) for chunk in chunks][-1]
        found += [(answer.usage, answer.cost_usd), (last.usage, last.cost_usd)]

    assert len(found) == 6
    for usage, cost in found:
        assert usage is not None
        assert cost == pytest.approx((usage.prompt_tokens + usage.completion_tokens) * 0.01)
