"""What a plan was made on is checked again right before each attempt: other requests learn while one waits."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from litellm_fallback_router.routing.errors import RateLimitedError, RouterError
from litellm_fallback_router.routing.execution import Hold
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.ledger import AttemptRecord, Dropped
from litellm_fallback_router.routing.plan import Candidate
from tests.support.learnt import BUSY, LEARNT, Learn, begun, cools, down, now
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


def test_a_probe_whose_circuit_has_closed_meanwhile_may_be_tried_again() -> None:
    async def main() -> None:
        scripts = {"a": [SILENCE], "b": [fails(Kind.UNAVAILABLE), says("at the second try")]}
        r = rig("a", "b", scripts=scripts, answer_timeout=4.0)
        await down(r, "b")
        await asyncio.sleep(5.0)
        asked = begun(r)
        await asyncio.sleep(1.0)
        await r.circuits.succeeded("b", seconds=0.0)
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


class Holding:
    """A hook that holds something for each attempt, or drops the candidate."""

    def __init__(self, *drops: str) -> None:
        self.drops = drops
        self.settled: list[tuple[str, str | None]] = []
        """Deployment and outcome of each hold that was settled; None: it was not sent."""

    async def admit(self, candidate: Candidate) -> Hold | Dropped | None:
        name, settled = candidate.deployment.id, self.settled
        if name in self.drops:
            return Dropped(name, "budget", "a test drops it")

        class Held:
            def settle(self, record: AttemptRecord | None) -> None:
                settled.append((name, None if record is None else record.to_json()["outcome"]))

        return Held()


def test_what_a_hook_holds_is_settled_once_with_the_record_of_its_attempt() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [BUSY] * 2, "b": [says("yes")]})
        run, hook = r.router._run(question(), streamed=False), Holding()
        (await run.planned()).hooks.append(hook)
        await run.answer()
        assert hook.settled == [("a", "rate_limited"), ("a", "rate_limited"), ("b", "answered")]

    run_virtually(main())


def test_a_candidate_that_a_hook_drops_is_skipped_with_its_reason_and_other_holds_are_withdrawn() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"b": [says("yes")]})
        run, first, second = r.router._run(question(), streamed=False), Holding(), Holding("a")
        (await run.planned()).hooks.extend([first, second])
        result = await run.answer()
        assert [(drop.deployment, drop.code) for drop in result.ledger.dropped] == [("a", "budget")]
        assert first.settled == [("a", None), ("b", "answered")]
        assert second.settled == [("b", "answered")]

    run_virtually(main())


def test_a_late_failure_of_an_attempt_sent_before_the_circuit_opened_leaves_the_probe_alone() -> None:
    async def main() -> None:
        scripts = {"a": [fails(Kind.UNAVAILABLE, wait=10.0), says("back", wait=10.0)]}
        r = rig("a", "b", scripts=scripts)
        sent_before = begun(r)
        await asyncio.sleep(1.0)
        await down(r, "a")
        await asyncio.sleep(6.0)
        probe = begun(r)
        assert (await sent_before).provider == "openai:b"
        # Since that failure the circuit would be due again.
        await asyncio.sleep(6.0)
        assert not (await r.circuits.states(["a"]))["a"].probe_due
        assert (await probe).text == "back"
        assert r.provider.asked == ["a", "a", "b"]

    run_virtually(main())
