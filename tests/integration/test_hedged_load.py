"""Many races at once on real sockets, of three providers' wire formats that are slow, fail and break off."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.ledger import Ledger
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.settings import Settings
from local.simulator import Fault, SimulatorControl
from tests.support.virtual_time import tasks_left
from tests.support.waiting import eventually

MODELS = {"openai": "gpt-4o", "anthropic": "claude-haiku-4-5", "bedrock": "us.amazon.nova-2-lite-v1:0"}
FAULTS = (
    (Fault(kind="slow_first_token", seconds=0.5), 4),
    (Fault(kind="stall", seconds=0.3), 13),
    (Fault(kind="status", status=503), 17),
    (Fault(kind="reset"), 19),
    (Fault(kind="cut", after_chunks=3), 23),
)
"""Each with how many requests are behind one that it meets."""
REQUESTS, CONCURRENCY = 240, 12
TEXT = ", ".join(str(number) for number in range(1, 31)) + "."
HANGS_UP_WITHIN = 10.0
MAPPING = {
    "model_list": [
        {
            "model_name": name,
            "litellm_provider": name,
            "params": {"model": model, **({"region": "us-east-1"} if name == "bedrock" else {})},
        }
        for name, model in MODELS.items()
    ],
    "strategies": {"one": ["openai", "anthropic", "bedrock"], "two": ["anthropic", "bedrock", "openai"]},
    "settings": {"hedge": {"at_most": 1.0}, "waste_requests": 1.0, "waste_usd": 1.0, "circuit_failures": 100},
}


async def asked(router: Router, number: int) -> tuple[str, Ledger]:
    request = ChatRequest(("one", "two")[number % 2], [{"role": "user", "content": "Count to 30"}])
    if number % 3 == 0:
        result = await router.complete(request)
        return result.text, result.ledger
    async with router.stream(request) as stream:
        text = ""
        async for chunk in stream:
            text += "".join(choice["delta"].get("content") or "" for choice in chunk.choices)
        return text, stream.result.ledger


def check(ledger: Ledger, outcomes: Counter[str]) -> None:
    assert [one.number for one in ledger.attempts] == list(range(1, len(ledger.attempts) + 1))
    outcomes.update(one.failure.value if one.failure else "answered" for one in ledger.attempts)


async def test_every_answer_is_whole_and_nothing_is_left_behind(
    simulator: SimulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTER_SIMULATOR_URL", simulator.url)
    simulator.reset()
    outcomes: Counter[str] = Counter()
    async with build_router(Settings(simulator_url=simulator.url), MAPPING) as router:
        for number in range(60):
            check((await asked(router, number))[1], outcomes)
        for fault, every in FAULTS:
            simulator.inject(fault, every=every)
        numbers = iter(range(REQUESTS))

        async def caller() -> None:
            for number in numbers:
                try:
                    text, ledger = await asked(router, number)
                except RouterError as error:
                    check(error.ledger, outcomes)
                else:
                    assert text == TEXT
                    check(ledger, outcomes)

        await asyncio.gather(*(caller() for _ in range(CONCURRENCY)))
        await eventually(lambda: simulator.health()["in_flight"] == 0, HANGS_UP_WITHIN)
    assert outcomes["hedged"] > REQUESTS / 20
    assert outcomes["answered"] > 60 + 0.9 * REQUESTS
    # One that loses at once may be cancelled while its request is built, before the provider sees it.
    seen = len(simulator.requests())
    assert sum(outcomes.values()) - outcomes["hedged"] < seen <= sum(outcomes.values())
    assert tasks_left() == []
    simulator.reset()
