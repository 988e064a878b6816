"""Requests that wait for a place: interactive before batch, for a bounded time, and in a bounded number."""

from __future__ import annotations

import asyncio

import pytest

from litellm_fallback_router.routing.callers import CallerKey
from litellm_fallback_router.routing.errors import RateLimitedError
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.failures import ProviderFailure
from litellm_fallback_router.routing.types import ChatResult
from tests.support.narrow import (
    BATCH,
    INTERACTIVE,
    SETTINGS,
    limited,
    narrow,
    outcome,
    provider_of,
    room_of,
)
from tests.support.scripted import Step, question
from tests.support.virtual_time import run_virtually, tasks_left


def test_interactive_requests_get_the_next_free_places_and_batch_requests_come_after_them() -> None:
    async def main() -> None:
        r = narrow(1000, "a", queue_seconds=300.0)
        room, order = room_of(r), []
        limited(room, 10)

        async def ask(name: str, key: CallerKey | None) -> None:
            await r.router.complete(question(key=key))
            order.append(name)

        asking = []
        for number, key in enumerate([BATCH, BATCH, INTERACTIVE, None, BATCH, INTERACTIVE]):
            priority = "interactive" if key is None else key.priority.value
            asking.append(asyncio.ensure_future(ask(f"{priority} {number}", key)))
            await asyncio.sleep(0.1)
        assert provider_of(r).asked == []
        for _ in range(10):
            room.leave("a", 0.0, None, SETTINGS)
            await asyncio.sleep(10)
        await asyncio.gather(*asking)
        assert order == [
            "interactive 2",
            "interactive 3",
            "interactive 5",
            "batch 0",
            "batch 1",
            "batch 4",
        ]

    run_virtually(main())


def test_batch_requests_leave_a_share_to_the_others() -> None:
    async def main() -> None:
        r = narrow(1000, "a", seconds=10.0)
        limited(room_of(r), 10)
        for _ in range(10):
            room_of(r).leave("a", 0.0, None, SETTINGS)
        batch = [asyncio.ensure_future(r.router.complete(question(key=BATCH))) for _ in range(20)]
        await asyncio.sleep(1)
        assert provider_of(r).most["a"] == 8
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(r.router.complete(question(key=INTERACTIVE)) for _ in range(2)))
        assert asyncio.get_running_loop().time() - began == pytest.approx(10.0), "none has waited"
        await asyncio.gather(*batch, return_exceptions=True)

    run_virtually(main())


def test_a_batch_request_waits_so_long_and_is_refused_while_an_interactive_one_is_sent_all_the_same() -> None:
    async def main() -> None:
        r = narrow(1000, "a", queue_seconds=4.0)
        limited(room_of(r), 10)
        batch, interactive = await asyncio.gather(outcome(r, BATCH), outcome(r, INTERACTIVE))
        assert asyncio.get_running_loop().time() == pytest.approx(5.0), "4 s of waiting, and 1 s for the answer"
        assert isinstance(batch, RateLimitedError)
        assert (batch.status, batch.code, batch.retry_after) == (429, "rate_limit_exceeded", 1.0)
        assert [(drop.deployment, drop.code) for drop in batch.ledger.dropped] == [("a", "busy")]
        assert isinstance(interactive, ChatResult)

    run_virtually(main())


def test_more_than_so_many_do_not_wait_at_all() -> None:
    async def main() -> None:
        r = narrow(1000, "a", queue_size=3)
        limited(room_of(r), 10)
        waiting = [asyncio.ensure_future(outcome(r, BATCH)) for _ in range(3)]
        await asyncio.sleep(0.1)
        assert isinstance(await outcome(r, BATCH), RateLimitedError)
        assert asyncio.get_running_loop().time() == pytest.approx(0.1)
        await asyncio.gather(*waiting)

    run_virtually(main())


def test_a_request_never_waits_for_longer_than_half_of_what_its_caller_waits() -> None:
    async def main() -> None:
        r = narrow(1000, "a", seconds=0.1)
        limited(room_of(r), 10)
        result = await r.router.complete(question(timeout=2.0))
        assert result.deployment.id == "a"
        assert asyncio.get_running_loop().time() == pytest.approx(1.1)

    run_virtually(main())


@pytest.mark.parametrize("granted", [False, True])
def test_a_caller_that_leaves_while_it_waits_leaves_nothing_behind(granted: bool) -> None:
    """`granted`: it leaves at the very moment when its turn has come."""

    async def main() -> None:
        r = narrow(1000, "a")
        room = room_of(r)
        limited(room, 10)
        leaving = asyncio.ensure_future(outcome(r, BATCH))
        behind = asyncio.ensure_future(outcome(r, BATCH))
        await asyncio.sleep(0.1)
        if granted:
            for _ in range(3):
                room.leave("a", 0.0, None, SETTINGS)
        leaving.cancel()
        await asyncio.wait({leaving})
        if not granted:
            for _ in range(3):
                room.leave("a", 0.0, None, SETTINGS)
        assert isinstance(await behind, ChatResult)
        assert room.under_way("a") == 7
        assert not tasks_left()

    run_virtually(main())


def test_others_are_asked_at_once_where_there_are_any() -> None:
    async def main() -> None:
        r = narrow(1000, "a", "b")
        limited(room_of(r), 10)
        result = await r.router.complete(question())
        assert result.deployment.id == "b"
        assert asyncio.get_running_loop().time() == pytest.approx(1.0)
        assert [(drop.deployment, drop.code) for drop in result.ledger.dropped] == [("a", "busy")]

    run_virtually(main())


def test_what_becomes_busy_after_the_plan_comes_after_the_others_and_before_last_resorts() -> None:
    async def main() -> None:
        r = narrow(1000, "a", "b", "c")
        for _ in range(3):
            await r.circuits.failed("c")
        provider = provider_of(r)
        provider.scripts["b"] = [Step((), 0.1, ProviderFailure(Kind.UNAVAILABLE, "down"))]
        provider.loads_for = 1.0
        asked = asyncio.ensure_future(r.router.complete(question()))
        await asyncio.sleep(0.5)
        limited(room_of(r), 10)
        result = await asked
        assert set(provider.asked[:-1]) == {"b"}
        assert result.deployment.id == "a"

    run_virtually(main())
