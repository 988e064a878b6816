"""A deployment that shows that it is sent too many requests at once is sent fewer: the others go first, batch last."""

from __future__ import annotations

import asyncio

import pytest

from litellm_fallback_router.routing.callers import Priority
from litellm_fallback_router.routing.execution.room import FORGOTTEN, LEAST, Room
from litellm_fallback_router.routing.failures import FailureKind as Kind
from tests.support.narrow import (
    BATCH,
    INTERACTIVE,
    SETTINGS,
    ended,
    limited,
    load,
    narrow,
    outcome,
    provider_of,
    room_of,
)
from tests.support.virtual_time import run_virtually


def test_no_more_is_sent_than_a_deployment_takes_and_the_others_take_the_rest() -> None:
    async def main() -> None:
        r = narrow(10, "a", "b", circuit_failures=100, tries_per_deployment=1)
        await load(r, 40, 10)
        provider = provider_of(r)
        refused, sent = provider.refused, provider.asked.count("a")
        answered = await load(r, 40, 50)
        assert 0.15 * 2000 < answered["a"] <= 0.25 * 2000 + 10, "a quarter is what it takes"
        assert provider.refused - refused < 0.1 * (provider.asked.count("a") - sent), "it probes, and pushes no more"
        limit = room_of(r).limit("a")
        assert limit is not None
        assert LEAST <= limit <= 11

    run_virtually(main())


def test_without_it_a_deployment_is_pushed_into_its_limit() -> None:
    async def main() -> None:
        r = narrow(10, "a", "b", circuit_failures=100, tries_per_deployment=1, adaptive_concurrency=False)
        await load(r, 40, 20)
        assert provider_of(r).refused > 500
        assert room_of(r).limit("a") is None

    run_virtually(main())


def test_it_is_sent_more_again_once_it_takes_more() -> None:
    async def main() -> None:
        r = narrow(10, "a", "b", circuit_failures=100, tries_per_deployment=1)
        await load(r, 40, 20)
        provider_of(r).takes = 100
        await load(r, 40, 40)
        answered = await load(r, 40, 10)
        assert answered["a"] == 400

    run_virtually(main())


def test_a_deployment_whose_first_tokens_get_late_is_sent_fewer_requests_at_once() -> None:
    async def main() -> None:
        r = narrow(10, "a", "b", queues=True, seconds=0.2, first_token_timeout=900.0, prefer_faster=0)
        await load(r, 5, 10, streamed=True)
        assert room_of(r).limit("a") is None
        await load(r, 60, 30, streamed=True)
        provider = provider_of(r)
        limit = room_of(r).limit("a")
        assert limit is not None
        assert limit < 25
        provider.most.clear()
        answered = await load(r, 60, 5, streamed=True)
        assert provider.most["a"] < 25 < provider.most["b"]
        assert answered["a"] > 0

    run_virtually(main())


def test_a_few_requests_at_once_meet_no_limit_whatever_happens() -> None:
    async def main() -> None:
        room = Room()
        for _ in range(LEAST):
            assert room.enter("a", Priority.INTERACTIVE, SETTINGS)
        began = asyncio.get_running_loop().time()
        room.leave("a", began, ended(Kind.RATE_LIMITED), SETTINGS)
        assert room.limit("a") == LEAST
        assert room.enter("a", Priority.INTERACTIVE, SETTINGS)
        assert not room.enter("a", Priority.INTERACTIVE, SETTINGS)
        await asyncio.sleep(FORGOTTEN + 1)
        assert room.limit("a") is None
        assert room.enter("a", Priority.INTERACTIVE, SETTINGS)

    run_virtually(main())


def test_many_answers_of_429_to_requests_that_were_under_way_together_count_once() -> None:
    async def main() -> None:
        room = Room()
        for _ in range(100):
            room.enter("a", Priority.INTERACTIVE, SETTINGS)
        await asyncio.sleep(1)
        for _ in range(50):
            room.leave("a", 0.0, ended(Kind.RATE_LIMITED), SETTINGS)
        assert room.limit("a") == pytest.approx(70)

    run_virtually(main())


def test_what_is_counted_as_under_way_is_what_is_under_way_however_it_ends() -> None:
    async def main() -> None:
        r = narrow(3, "a", "b", circuit_failures=100)
        asking = [asyncio.ensure_future(outcome(r, key)) for key in [BATCH, INTERACTIVE, None] * 10]
        await asyncio.sleep(0.5)
        assert room_of(r).under_way("a") == provider_of(r).under_way["a"] > 0
        for task in asking[::2]:
            task.cancel()
        await asyncio.wait(asking)
        assert [room_of(r).under_way(name) for name in "ab"] == [0, 0]

    run_virtually(main())


def test_under_another_mapping_the_same_place_has_one_limit_and_another_place_has_none() -> None:
    async def main() -> None:
        former = Room()
        limited(former, 10)
        former.enter("b", Priority.INTERACTIVE, SETTINGS)
        later = former.carried(frozenset({"a"}))
        assert later.full(["a"], Priority.INTERACTIVE, SETTINGS)
        former.leave("a", 0.0, None, SETTINGS)
        assert not later.full(["a"], Priority.INTERACTIVE, SETTINGS), "a request of the former mapping has ended"
        assert (later.under_way("a"), later.under_way("b")) == (9, 0)

    run_virtually(main())
