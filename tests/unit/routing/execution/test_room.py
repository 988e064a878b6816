"""A deployment that shows that it is sent too many requests at once is sent fewer: the others go first, batch last."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from litellm_fallback_router.routing.callers import CallerKey, Priority
from litellm_fallback_router.routing.errors import RateLimitedError, RouterError
from litellm_fallback_router.routing.execution.room import FORGOTTEN, LEAST, Room
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.failures import ProviderFailure
from litellm_fallback_router.routing.ledger import AttemptRecord
from litellm_fallback_router.routing.mapping.settings import RouterSettings
from litellm_fallback_router.routing.types import ChatResult, Chunk, Deployment, Message, NativeRequest, ProviderAnswer
from tests.support.scripted import Rig, ScriptedProvider, Step, config_of, deployment, question, read
from tests.support.virtual_time import run_virtually, tasks_left

BATCH = CallerKey("batch", priority=Priority.BATCH)
INTERACTIVE = CallerKey("interactive")
SETTINGS = RouterSettings()
Native = NativeRequest | None


class NarrowProvider(ScriptedProvider):
    """`a` answers 429 to what is more than `takes` requests at once; or, where it `queues`, everybody waits longer."""

    def __init__(self, takes: int, *, queues: bool = False) -> None:
        super().__init__()
        self.takes, self.queues = takes, queues
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.refused = 0

    @asynccontextmanager
    async def _entered(self, name: str) -> AsyncGenerator[None]:
        if name == "a" and not self.queues and self.under_way[name] >= self.takes:
            self.refused += 1
            raise ProviderFailure(Kind.RATE_LIMITED, "too many")
        self.under_way[name] += 1
        self.most[name] = max(self.most[name], self.under_way[name])
        try:
            if name == "a" and self.queues:
                await asyncio.sleep(max(0, self.under_way[name] - self.takes) * 0.5)
            yield
        finally:
            self.under_way[name] -= 1

    async def complete(
        self, deployment: Deployment, messages: list[Message], params: Mapping[str, Any], native: Native = None
    ) -> ProviderAnswer:
        async with self._entered(deployment.id):
            return await super().complete(deployment, messages, params, native)

    async def stream(
        self, deployment: Deployment, messages: list[Message], params: Mapping[str, Any], native: Native = None
    ) -> AsyncGenerator[Chunk, None]:
        async with self._entered(deployment.id):
            async for chunk in super().stream(deployment, messages, params, native):
                yield chunk


def narrow(takes: int, *names: str, queues: bool = False, seconds: float = 1.0, **settings: Any) -> Rig:
    provider = NarrowProvider(takes, queues=queues)
    provider.scripts = {name: [Step(wait=seconds)] for name in names}
    return Rig(config_of(*(deployment(name) for name in names), **settings), provider)


def provider_of(r: Rig) -> NarrowProvider:
    assert isinstance(r.provider, NarrowProvider)
    return r.provider


def room_of(r: Rig) -> Room:
    return r.router._dependencies.room


async def load(
    r: Rig, callers: int, rounds: int, *, streamed: bool = False, key: CallerKey | None = None
) -> Counter[str]:
    """Who answered `callers` that ask one question after another."""
    answered: Counter[str] = Counter()

    async def caller() -> None:
        for _ in range(rounds):
            request = question(key=key)
            result = (await read(r.router, request))[1] if streamed else await r.router.complete(request)
            answered[result.deployment.id] += 1

    await asyncio.gather(*(caller() for _ in range(callers)))
    return answered


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


def ended(failure: Kind | None) -> AttemptRecord:
    return AttemptRecord("a", "openai", "a", None, 1, 0.0, 1.0, None, failure, None, "", None, None, wasted=False)


def limited(room: Room, to: int) -> None:
    """Let `a` have as many requests under way as it takes."""
    for _ in range(to):
        room.enter("a", Priority.INTERACTIVE, SETTINGS, always=True)
    room._loads["a"].limit = float(to)
    room._loads["a"]._used_at = asyncio.get_running_loop().time()


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


async def outcome(r: Rig, key: CallerKey | None) -> ChatResult | RouterError:
    try:
        return await r.router.complete(question(key=key))
    except RouterError as error:
        return error


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
        assert later.is_full("a", Priority.INTERACTIVE, SETTINGS)
        former.leave("a", 0.0, None, SETTINGS)
        assert not later.is_full("a", Priority.INTERACTIVE, SETTINGS), "a request of the former mapping has ended"
        assert (later.under_way("a"), later.under_way("b")) == (9, 0)

    run_virtually(main())
