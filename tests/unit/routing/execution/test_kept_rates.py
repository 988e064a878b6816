"""Of a deployment's requests a minute a share is kept for interactive callers."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from litellm_fallback_router.adapters.memory import MemoryRateLimits
from litellm_fallback_router.routing.callers import CallerKey, Priority
from litellm_fallback_router.routing.errors import RateLimitedError
from tests.support.scripted import Rig, ScriptedProvider, Step, config_of, deployment, question
from tests.support.virtual_time import run_virtually

BATCH = CallerKey("batch", priority=Priority.BATCH)


async def answered(r: Rig, key: CallerKey | None, times: int) -> int:
    """How many of so many requests are answered by `a`."""
    count = 0
    for _ in range(times):
        with suppress(RateLimitedError):
            count += (await r.router.complete(question(key=key))).deployment.id == "a"
    return count


@pytest.mark.parametrize(
    ("rpm", "share", "batch"), [(10, 0.8, 8), (5, 0.8, 4), (1, 0.8, 1), (10, 1.0, 10), (3, 0.1, 1)]
)
def test_batch_requests_leave_a_share_of_the_minute_to_interactive_ones(rpm: int, share: float, batch: int) -> None:
    async def main() -> None:
        r = Rig(config_of(deployment("a", rpm=rpm), batch_share=share), ScriptedProvider())
        assert await answered(r, BATCH, 20) == batch
        assert await answered(r, None, 20) == rpm - batch

    run_virtually(main())


def test_what_interactive_requests_use_counts_as_well() -> None:
    async def main() -> None:
        r = Rig(config_of(deployment("a", rpm=10)), ScriptedProvider())
        assert (await answered(r, None, 8), await answered(r, BATCH, 5), await answered(r, None, 5)) == (8, 0, 2)

    run_virtually(main())


def test_a_refused_batch_request_says_when_there_is_a_place_for_it() -> None:
    async def main() -> None:
        r = Rig(config_of(deployment("a", rpm=10)), ScriptedProvider())
        for _ in range(9):
            await answered(r, None, 1)
            await asyncio.sleep(1.0)
        with pytest.raises(RateLimitedError) as refused:
            await r.router.complete(question(key=BATCH))
        assert "10 requests a minute but 2 kept for interactive callers are used up" in str(refused.value)
        assert refused.value.retry_after == pytest.approx(60 - 9 + 1, abs=0.2), (
            "when the second of nine is a minute old"
        )
        await asyncio.sleep((refused.value.retry_after or 0) + 0.01)
        assert await answered(r, BATCH, 1) == 1

    run_virtually(main())


def test_a_batch_request_falls_back_where_the_rest_of_the_minute_is_kept() -> None:
    async def main() -> None:
        r = Rig(config_of(deployment("a", rpm=10), deployment("b")), ScriptedProvider())
        await answered(r, None, 8)
        result = await r.router.complete(question(key=BATCH))
        assert (result.deployment.id, [drop.code for drop in result.ledger.dropped]) == ("b", ["rpm"])

    run_virtually(main())


def test_the_share_is_kept_from_batch_requests_that_were_planned_at_one_moment() -> None:
    async def main() -> None:
        provider = ScriptedProvider({"a": [Step(wait=1.0)]}, loads_for=1.0)
        r = Rig(config_of(deployment("a", rpm=10)), provider)
        outcomes = await asyncio.gather(
            *(r.router.complete(question(key=BATCH)) for _ in range(20)), return_exceptions=True
        )
        assert len(provider.calls) == 8
        assert sum(isinstance(outcome, RateLimitedError) for outcome in outcomes) == 12

    run_virtually(main())


async def test_the_wait_is_known_for_every_share_that_is_kept() -> None:
    now = 0.0
    limits, limited = MemoryRateLimits(clock=lambda: now), deployment("a", rpm=4)
    for second in range(4):
        now = float(second)
        assert await limits.take(limited)
    waits = [limits.retry_after(limited, keep=keep) for keep in range(4)]
    assert waits == [57.0, 58.0, 59.0, 60.0]
