"""How much work a request is, in calls of functions: the same on every machine, unlike time.

`make bench` measures time. A bound that is passed for a good reason may be raised; it stands about a quarter above
what is needed today.
"""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import pytest

from litellm_fallback_router.api.formats.chat import events
from litellm_fallback_router.bootstrap import build_router
from litellm_fallback_router.routing.router import Router
from litellm_fallback_router.routing.types import ChatRequest
from litellm_fallback_router.settings import Settings
from local.simulator import SimulatorControl

A_WHOLE_ANSWER = 8_600
A_STREAMED_CHUNK = 200


@pytest.fixture
async def router(simulator: SimulatorControl) -> AsyncIterator[Router]:
    simulator.reset()
    async with build_router(Settings(simulator_url=simulator.url)) as running:
        yield running


def request(text: str) -> ChatRequest:
    return ChatRequest("openai-gpt4o-mini", [{"role": "user", "content": text}])


async def effort(work: Callable[[], Awaitable[object]]) -> int:
    """Calls that `work` takes once everything is loaded and connected."""
    for _ in range(2):
        await work()
    profile = cProfile.Profile()
    profile.enable()
    try:
        await work()
    finally:
        profile.disable()
    return sum(calls for _, calls, *_ in pstats.Stats(profile).stats.values())  # type: ignore[attr-defined] # typeshed's gap


async def test_a_whole_answer_is_little_work(router: Router) -> None:
    assert await effort(lambda: router.complete(request("What is the capital of France?"))) <= A_WHOLE_ANSWER


async def test_a_streamed_chunk_is_little_work(router: Router) -> None:
    async def count_to(number: int) -> None:
        async with router.stream(request(f"Count to {number}")) as stream:
            await stream.start()
            assert [event async for event in events(stream, {"id": "x"}, include_usage=False, explain=False)]

    few, many = [await effort(partial(count_to, number)) for number in (100, 600)]
    assert (many - few) / 500 <= A_STREAMED_CHUNK
