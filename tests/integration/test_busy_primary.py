"""Many callers meet the same busy primary while a healthy fallback stands by, on real sockets."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.simulator import Fault, SimulatorControl
from tests.support.gateway import Gateway, gateway_process

CALLERS = 50
BUSY_FOR = 10
"""Seconds of the Retry-After. Short enough to be waited out: a second attempt there shows who did."""


@pytest.fixture
def gateway(simulator: SimulatorControl, tmp_path: Path) -> Iterator[Gateway]:
    models = [
        {"model_name": "first", "litellm_provider": "openai", "params": {"model": "gpt-4o"}},
        {"model_name": "second", "litellm_provider": "anthropic", "params": {"model": "claude-sonnet-4-6"}},
    ]
    settings = {"retry_after_max": BUSY_FOR + 1.0, "circuit_open_seconds": 120.0}
    mapping = {"model_list": models, "fallbacks": {"first": ["second"]}, "settings": settings}
    simulator.reset()
    with gateway_process(tmp_path, mapping, simulator_url=simulator.url) as running:
        yield running
    simulator.reset()


async def test_each_caller_asks_the_busy_one_at_most_once_and_none_waits_for_it(
    gateway: Gateway, simulator: SimulatorControl
) -> None:
    simulator.inject(Fault(kind="status", status=429, retry_after=str(BUSY_FOR)), provider="openai")

    async def ask(number: int) -> list[str]:
        asked: Any = {"model": "first", "messages": [{"role": "user", "content": f"caller {number}"}]}
        explain = {"router": {"explain": True}}
        answer = await client.chat.completions.create(**asked, extra_body=explain)
        assert answer.model == "claude-sonnet-4-6"
        return [attempt["deployment"] for attempt in answer.model_extra["router"]["attempts"]]

    async with gateway.async_client() as client:
        ways = await asyncio.gather(*(ask(number) for number in range(CALLERS)))
        late = await ask(CALLERS)
    assert {tuple(way) for way in ways} <= {("first", "second"), ("second",)}
    assert late == ["second"], "what the first ones learnt, the next ones know"
    hits = Counter(request.provider for request in simulator.requests())
    assert hits["openai"] == sum(way.count("first") for way in ways) <= CALLERS
