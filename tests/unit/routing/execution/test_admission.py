"""What a plan was made on is checked again right before each attempt: other requests learn while one waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from litellm_fallback_router.routing.errors import ProvidersFailedError, RateLimitedError, RouterError
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.plan import Candidate
from litellm_fallback_router.routing.ports import CircuitState
from litellm_fallback_router.routing.types import ChatResult
from tests.support.scripted import (
    SILENCE,
    Rig,
    ScriptedProvider,
    Step,
    config_of,
    deployment,
    fails,
    question,
    rig,
    says,
)
from tests.support.virtual_time import run_virtually

BUSY = fails(Kind.RATE_LIMITED, retry_after=3.0)


def now() -> float:
    return asyncio.get_running_loop().time()


async def down(r: Rig, name: str) -> None:
    """Its circuit opens by what others see."""
    for _ in range(r.config.settings.circuit_failures):
        await r.circuits.failed(name)


async def cools(r: Rig, name: str) -> None:
    r.cooldowns.cool(name, 30.0)


async def refused(r: Rig, name: str) -> None:
    r.cooldowns.cool(f"key-{name}", 60.0)


async def drained(r: Rig, name: str) -> None:
    states = r.circuits.states

    async def with_drained(names: list[str]) -> dict[str, CircuitState]:
        return {**await states(names), name: CircuitState(open=True, drained=True)}

    r.circuits.states = with_drained  # type: ignore[assignment,method-assign]


LEARNT = [(down, "circuit_open"), (cools, "cooling"), (refused, "credential"), (drained, "drained")]
Learn = Callable[[Rig, str], Awaitable[None]]


def begun(r: Rig) -> asyncio.Task[ChatResult]:
    return asyncio.ensure_future(r.router.complete(question()))


@pytest.mark.parametrize("callers", [2, 3, 50])
def test_nobody_waits_for_a_busy_primary_once_its_circuit_is_open(callers: int) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [BUSY]}, circuit_failures=2)
        results = await asyncio.gather(*(r.router.complete(question()) for _ in range(callers)))
        assert {result.provider for result in results} == {"openai:b"}
        assert r.provider.asked.count("a") == callers, "each asked once, before anything was known"
        assert now() < 0.1, "also the first ones, who had begun to wait"

    run_virtually(main())


def test_callers_that_arrive_later_do_not_ask_it() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [BUSY]})
        await asyncio.gather(*(r.router.complete(question()) for _ in range(5)))
        before = len(r.provider.calls)
        await asyncio.gather(*(r.router.complete(question()) for _ in range(20)))
        assert r.provider.asked[before:] == ["b"] * 20

    run_virtually(main())


@pytest.mark.parametrize(("learn", "code"), LEARNT)
def test_a_retry_is_not_sent_to_what_others_found_out_while_it_waited(learn: Learn, code: str) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [BUSY, says("too late")]})
        asked = begun(r)
        await asyncio.sleep(1.0)
        await learn(r, "a")
        result = await asked
        assert (r.provider.asked, result.provider) == (["a", "b"], "openai:b")
        assert [(drop.deployment, drop.code) for drop in result.ledger.dropped] == [("a", code)]

    run_virtually(main())


@pytest.mark.parametrize(
    "news", [fails(Kind.RATE_LIMITED, retry_after=30.0), fails(Kind.QUOTA_EXHAUSTED), fails(Kind.AUTHENTICATION)]
)
def test_what_another_request_learns_ends_the_wait_at_once(news: Step) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [BUSY, news]})
        first = begun(r)
        await asyncio.sleep(1.0)
        assert {(await begun(r)).provider, (await first).provider} == {"openai:b"}
        assert r.provider.asked == ["a", "a", "b", "b"]
        assert now() < 1.1

    run_virtually(main())


@pytest.mark.parametrize(("learn", "code"), LEARNT)
def test_a_candidate_is_not_asked_that_was_found_to_be_down_during_the_attempts_before_it(
    learn: Learn, code: str
) -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={"a": [SILENCE]}, answer_timeout=4.0)
        asked = begun(r)
        await asyncio.sleep(1.0)
        await learn(r, "b")
        result = await asked
        assert r.provider.asked == ["a", "c"]
        assert [(drop.deployment, drop.code) for drop in result.ledger.dropped] == [("b", code)]

    run_virtually(main())


@pytest.mark.parametrize("learn", [down, cools])
def test_it_is_asked_all_the_same_when_the_others_have_failed(learn: Learn) -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={"a": [SILENCE], "c": [fails(Kind.NOT_FOUND)]}, answer_timeout=4.0)
        asked = begun(r)
        await asyncio.sleep(1.0)
        await learn(r, "b")
        result = await asked
        assert (r.provider.asked, result.provider) == (["a", "c", "b"], "openai:b")
        assert result.ledger.dropped == ()

    run_virtually(main())


def test_of_several_with_a_new_retry_after_one_is_tried() -> None:
    async def main() -> None:
        r = rig(*"abcd", scripts={"a": [SILENCE], "d": [fails(Kind.NOT_FOUND)]}, answer_timeout=4.0)
        asked = begun(r)
        await asyncio.sleep(1.0)
        await cools(r, "b")
        await cools(r, "c")
        result = await asked
        assert (r.provider.asked, result.provider) == (["a", "d", "b"], "openai:b")
        assert [(drop.deployment, drop.code) for drop in result.ledger.dropped] == [("c", "cooling")]

    run_virtually(main())


def test_the_others_with_a_retry_after_are_not_tried_even_when_it_fails() -> None:
    async def main() -> None:
        scripts = {"a": [SILENCE], "b": [fails(Kind.NOT_FOUND)], "d": [fails(Kind.NOT_FOUND)]}
        r = rig(*"abcd", scripts=scripts, answer_timeout=4.0)
        asked = begun(r)
        await asyncio.sleep(1.0)
        await cools(r, "b")
        await cools(r, "c")
        with pytest.raises(ProvidersFailedError):
            await asked
        assert r.provider.asked == ["a", "d", "b"]

    run_virtually(main())


def test_a_cooling_deployment_is_tried_after_one_whose_circuit_is_open() -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={"a": [SILENCE], "b": [fails(Kind.NOT_FOUND)]}, answer_timeout=4.0)
        await down(r, "b")
        asked = begun(r)
        await asyncio.sleep(1.0)
        await cools(r, "c")
        assert (await asked).provider == "openai:c"
        assert r.provider.asked == ["a", "b", "c"]

    run_virtually(main())


@pytest.mark.parametrize("learn", [refused, drained])
def test_a_refused_or_drained_one_is_not_tried_even_when_all_others_have_failed(learn: Learn) -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={"a": [SILENCE], "c": [fails(Kind.NOT_FOUND)]}, answer_timeout=4.0)
        asked = begun(r)
        await asyncio.sleep(1.0)
        await learn(r, "b")
        with pytest.raises(ProvidersFailedError):
            await asked
        assert r.provider.asked == ["a", "c"]

    run_virtually(main())


@pytest.mark.parametrize("learn", [refused, drained])
def test_a_last_resort_is_not_tried_once_it_is_refused_or_drained(learn: Learn) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [SILENCE]}, answer_timeout=4.0)
        await down(r, "b")
        asked = begun(r)
        await asyncio.sleep(1.0)
        await learn(r, "b")
        with pytest.raises(RouterError):
            await asked
        assert r.provider.asked == ["a"]

    run_virtually(main())


def test_a_probe_that_finds_the_rate_used_up_leaves_the_probe_to_others() -> None:
    async def main() -> None:
        places = [deployment("a"), replace(deployment("b"), rpm=1), deployment("c")]
        r = Rig(config_of(*places, answer_timeout=4.0), ScriptedProvider({"a": [SILENCE]}))
        await down(r, "b")
        await asyncio.sleep(5.0)
        asked = begun(r)
        await asyncio.sleep(1.0)
        await r.router._dependencies.rate_limits.take(places[1])
        result = await asked
        assert r.provider.asked == ["a", "c"]
        assert [(drop.deployment, drop.code) for drop in result.ledger.dropped] == [("b", "rpm")]
        assert (await r.circuits.states(["b"]))["b"].probe_due

    run_virtually(main())


def test_a_verdict_that_comes_after_the_requests_time_sends_nothing() -> None:
    async def main() -> None:
        r = rig("a", "b")
        execution = await r.router._run(question(timeout=5.0), streamed=False).planned()

        async def late(_: Candidate) -> bool:
            await asyncio.sleep(6.0)
            return True

        execution.gates.append(late)
        assert await execution.next() is None
        assert [drop.code for drop in execution.error().ledger.dropped] == ["deadline", "deadline"]

    run_virtually(main())


def test_the_only_deployment_is_waited_for_although_its_circuit_has_opened() -> None:
    async def main() -> None:
        r = rig("a", scripts={"a": [BUSY] * 20 + [says("back")]})
        results = await asyncio.gather(*(r.router.complete(question()) for _ in range(20)))
        assert {result.text for result in results} == {"back"}
        assert 3.0 < now() < 3.5, "each waited as long as it was told, and no longer"

    run_virtually(main())


def test_the_only_deployment_is_not_asked_again_once_it_has_asked_for_long() -> None:
    async def main() -> None:
        r = rig("a", scripts={"a": [BUSY, says("too early")]})
        asked = begun(r)
        await asyncio.sleep(1.0)
        await cools(r, "a")
        with pytest.raises(RateLimitedError, match="not asked again") as caught:
            await asked
        assert r.provider.asked == ["a"]
        assert caught.value.retry_after == pytest.approx(3.0), "the soonest that anybody named"

    run_virtually(main())


def test_those_who_have_failed_once_are_asked_again_when_all_others_have_too() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [fails(Kind.UNAVAILABLE), says("back")], "b": [fails(Kind.NOT_FOUND)]})
        await r.circuits.failed("a")
        await r.circuits.failed("a")
        result = await r.router.complete(question())
        assert (r.provider.asked, result.text) == (["a", "b", "a"], "back")
        assert result.ledger.dropped == ()

    run_virtually(main())


def test_a_last_resort_whose_circuit_has_closed_meanwhile_is_a_candidate_like_any_other() -> None:
    async def main() -> None:
        scripts = {"a": [SILENCE], "b": [fails(Kind.UNAVAILABLE), says("at the second try")]}
        r = rig("a", "b", scripts=scripts, answer_timeout=4.0)
        await down(r, "b")
        asked = begun(r)
        await asyncio.sleep(1.0)
        await r.circuits.succeeded("b")
        assert (await asked).text == "at the second try"
        assert r.provider.asked == ["a", "b", "b"]

    run_virtually(main())


def test_a_last_resort_whose_probe_is_due_meanwhile_probes_for_the_others() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [SILENCE], "b": [fails(Kind.UNAVAILABLE)]}, answer_timeout=6.0)
        await down(r, "b")
        asked = begun(r)
        with pytest.raises(ProvidersFailedError):
            await asked
        assert not (await r.circuits.states(["b"]))["b"].probe_due, "it failed: the next probe is due later"

    run_virtually(main())


def test_a_probe_whose_circuit_has_closed_meanwhile_may_be_tried_again() -> None:
    async def main() -> None:
        scripts = {"a": [SILENCE], "b": [fails(Kind.UNAVAILABLE), says("at the second try")]}
        r = rig("a", "b", scripts=scripts, answer_timeout=4.0)
        await down(r, "b")
        await asyncio.sleep(5.0)
        asked = begun(r)
        await asyncio.sleep(1.0)
        await r.circuits.succeeded("b")
        assert (await asked).text == "at the second try"

    run_virtually(main())


def test_a_rate_used_up_while_a_retry_waited_takes_no_further_request() -> None:
    async def main() -> None:
        places = [replace(deployment("a"), rpm=2), deployment("b")]
        r = Rig(config_of(*places), ScriptedProvider({"a": [BUSY, says("by another"), says("one too many")]}))
        asked = begun(r)
        await asyncio.sleep(1.0)
        assert (await r.router.complete(question())).text == "by another"
        result = await asked
        assert (r.provider.asked, result.provider) == (["a", "a", "b"], "openai:b")
        assert [drop.code for drop in result.ledger.dropped] == ["rpm"]

    run_virtually(main())


def test_a_request_whose_time_is_over_before_an_attempt_sends_none() -> None:
    async def main() -> None:
        r = rig("a", "b")
        r.provider.loads_for = 5.0
        with pytest.raises(RouterError, match="time ran out before any candidate was asked"):
            await r.router.complete(question(timeout=5.0))
        assert r.provider.asked == []

    run_virtually(main())


def test_what_waits_leaves_nothing_behind() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [BUSY]})
        tasks = [begun(r), begun(r)]
        await asyncio.sleep(1.0)
        waits = r.router._dependencies.waits
        assert set(waits._waiting) == {"a", "key-a"}
        tasks[0].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert waits._waiting == {}

    run_virtually(main())
