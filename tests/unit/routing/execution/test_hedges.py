"""A slow attempt is raced by the next candidate: who wins, what becomes of the other, and when there is no race."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.routing.errors import CallerLeftError, RouterError, UnavailableError
from litellm_fallback_router.routing.execution.hedge_share import MOST_SAVED
from litellm_fallback_router.routing.execution.latencies import ENOUGH
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.ledger import Ledger, Usage
from litellm_fallback_router.routing.mapping.settings import Hedge
from litellm_fallback_router.routing.types import NativeRequest
from tests.support.scripted import CUT, FOREVER, Rig, Step, breaks, fails, question, read, rig, says
from tests.support.virtual_time import run_virtually, tasks_left

USUAL = 0.2
"""Seconds: what a deployment's recent answers took, so its 95th percentile."""
SLOW = 4.0
STREAMS = pytest.mark.parametrize("streamed", [True, False], ids=["stream", "whole"])


def hedging(*names: str, scripts: dict[str, list[Step]], at_most: float = 1.0, **settings: Any) -> Rig:
    """A Router that knows how long its deployments usually take, and may hedge each request."""
    r = rig(*names, scripts=scripts, hedge=Hedge(at_most=at_most), **settings)
    for name in names:
        for _ in range(ENOUGH):
            for streamed in (True, False):
                r.latencies.note(name, USUAL, streamed=streamed)
    return r


async def asked(r: Rig, *, streamed: bool, model: str = "a", **fields: Any) -> tuple[str, Ledger]:
    if streamed:
        text, result = await read(r.router, question(model, **fields))
        return text, result.ledger
    result = await r.router.complete(question(model, **fields))
    return result.text, result.ledger


def outcomes(ledger: Ledger) -> list[tuple[int, str, str | None]]:
    return [(one.number, one.deployment, one.failure and one.failure.value) for one in ledger.attempts]


@STREAMS
def test_the_next_candidate_answers_where_the_first_is_late(streamed: bool) -> None:
    async def main() -> None:
        r = hedging("a", "b", "c", scripts={"a": [says("slow", wait=SLOW)], "b": [says("fast", wait=0.1)]})
        text, ledger = await asked(r, streamed=streamed)
        assert text == "fast"
        assert outcomes(ledger) == [(1, "a", "hedged"), (2, "b", None)]
        assert [call.at for call in r.provider.calls] == [0.0, USUAL]
        assert ledger.seconds == pytest.approx(USUAL + 0.1)
        beaten = ledger.attempts[0]
        assert (beaten.wasted, beaten.usage is not None and beaten.usage.estimated) == (True, True)
        assert ledger.wasted_usd == beaten.cost_usd == pytest.approx(8e-6)
        assert r.provider.open_streams == 0
        assert tasks_left() == []
        assert {drop.code for drop in ledger.dropped} == set()

    run_virtually(main())


@STREAMS
def test_the_first_answers_where_it_is_faster_after_all(streamed: bool) -> None:
    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("late", wait=0.5)], "b": [says("later", wait=SLOW)]})
        text, ledger = await asked(r, streamed=streamed)
        assert text == "late"
        assert outcomes(ledger) == [(1, "a", None), (2, "b", "hedged")]
        assert ledger.attempts[0].wasted is False
        assert ledger.seconds == pytest.approx(0.5)
        assert (r.provider.open_streams, tasks_left()) == (0, [])

    run_virtually(main())


@STREAMS
def test_nothing_is_started_beside_an_answer_in_time(streamed: bool) -> None:
    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("yes", wait=USUAL - 0.01)]})
        text, ledger = await asked(r, streamed=streamed)
        assert (text, outcomes(ledger)) == ("yes", [(1, "a", None)])

    run_virtually(main())


@STREAMS
def test_without_the_setting_a_late_answer_is_waited_for(streamed: bool) -> None:
    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("slow", wait=SLOW)]})
        r = Rig(replace(r.config, settings=r.config.settings.model_copy(update={"hedge": None})), r.provider)
        assert (await asked(r, streamed=streamed))[0] == "slow"
        assert r.provider.asked == ["a"]

    run_virtually(main())


@STREAMS
def test_a_hedge_that_fails_is_an_ordinary_failure_and_the_first_goes_on(streamed: bool) -> None:
    async def main() -> None:
        scripts = {"a": [says("slow", wait=SLOW)], "b": [fails(Kind.UNAVAILABLE)]}
        r = hedging("a", "b", scripts=scripts, circuit_failures=1)
        text, ledger = await asked(r, streamed=streamed)
        assert (text, outcomes(ledger)) == ("slow", [(1, "a", None), (2, "b", "unavailable")])
        assert (await r.circuits.states(["b"]))["b"].open

    run_virtually(main())


@STREAMS
def test_a_first_that_fails_beside_its_hedge_leaves_the_answer_to_it(streamed: bool) -> None:
    async def main() -> None:
        scripts = {"a": [fails(Kind.UNAVAILABLE, wait=0.5)], "b": [says("yes", wait=1.0)]}
        r = hedging("a", "b", scripts=scripts, circuit_failures=1)
        text, ledger = await asked(r, streamed=streamed)
        assert (text, outcomes(ledger)) == ("yes", [(1, "a", "unavailable"), (2, "b", None)])
        assert (await r.circuits.states(["a"]))["a"].open

    run_virtually(main())


@STREAMS
def test_both_fail_and_the_chain_walks_on(streamed: bool) -> None:
    async def main() -> None:
        scripts = {"a": [fails(Kind.NOT_FOUND, wait=0.5)], "b": [fails(Kind.NOT_FOUND, wait=1.0)], "c": [says("yes")]}
        r = hedging("a", "b", "c", scripts=scripts)
        text, ledger = await asked(r, streamed=streamed)
        assert text == "yes"
        assert outcomes(ledger) == [(1, "a", "not_found"), (2, "b", "not_found"), (3, "c", None)]

    run_virtually(main())


@STREAMS
def test_a_hedge_that_failed_is_still_retried_when_its_turn_comes(streamed: bool) -> None:
    async def main() -> None:
        scripts = {
            "a": [fails(Kind.NOT_FOUND, wait=1.0)],
            "b": [fails(Kind.UNAVAILABLE, retry_after=2.0), says("back")],
        }
        r = hedging("a", "b", scripts=scripts)
        text, ledger = await asked(r, streamed=streamed)
        assert text == "back"
        assert outcomes(ledger) == [(1, "a", "not_found"), (2, "b", "unavailable"), (3, "b", None)]
        assert r.provider.calls[-1].at >= USUAL + 0.01 + 2.0

    run_virtually(main())


@STREAMS
def test_a_refusal_of_the_first_stops_the_hedge_too(streamed: bool) -> None:
    async def main() -> None:
        scripts = {"a": [fails(Kind.CONTENT_POLICY, wait=0.5)], "b": [says("shopped around", wait=1.0)]}
        r = hedging("a", "b", scripts=scripts)
        with pytest.raises(RouterError) as caught:
            await asked(r, streamed=streamed)
        assert outcomes(caught.value.ledger) == [(1, "a", "content_policy"), (2, "b", "hedged")]
        assert (r.provider.open_streams, tasks_left()) == (0, [])

    run_virtually(main())


@STREAMS
def test_after_a_refusal_of_the_hedge_the_first_is_the_last(streamed: bool) -> None:
    async def main() -> None:
        scripts = {"a": [fails(Kind.UNAVAILABLE, wait=1.0)], "b": [fails(Kind.CONTENT_POLICY)], "c": [says("no")]}
        r = hedging("a", "b", "c", scripts=scripts)
        with pytest.raises(RouterError) as caught:
            await asked(r, streamed=streamed)
        assert outcomes(caught.value.ledger) == [(1, "a", "unavailable"), (2, "b", "content_policy")]

    run_virtually(main())


@STREAMS
def test_a_credential_refused_beside_the_first_does_not_end_it(streamed: bool) -> None:
    async def main() -> None:
        scripts = {"a": [says("slow", wait=1.0)], "b": [fails(Kind.AUTHENTICATION)]}
        r = hedging("a", "b", "c", scripts=scripts)
        shared = tuple(replace(one, credential="one key") for one in r.config.deployments)
        r = Rig(replace(r.config, deployments=shared), r.provider)
        for _ in range(ENOUGH):
            r.latencies.note("a", USUAL, streamed=streamed)
        text, ledger = await asked(r, streamed=streamed)
        assert (text, outcomes(ledger)) == ("slow", [(1, "a", None), (2, "b", "authentication")])
        assert [(drop.deployment, drop.code) for drop in ledger.dropped] == [("c", "credential")]

    run_virtually(main())


def test_a_winner_that_breaks_off_is_continued_by_the_beaten_deployment() -> None:
    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("slow", wait=SLOW), says(" is Paris.")], "b": [CUT]})
        text, ledger = await asked(r, streamed=True)
        assert text == "The capital of France is Paris."
        assert outcomes(ledger) == [(1, "a", "hedged"), (2, "b", "stream_broken"), (3, "a", None)]
        assert [one.resumed for one in ledger.attempts] == [False, False, True]

    run_virtually(main())


def test_a_continuation_is_not_hedged() -> None:
    async def main() -> None:
        r = hedging("a", "b", "c", scripts={"a": [CUT], "b": [says("is Paris.", wait=SLOW)]})
        _, ledger = await asked(r, streamed=True)
        assert outcomes(ledger) == [(1, "a", "stream_broken"), (2, "b", None)]

    run_virtually(main())


@STREAMS
def test_a_deployment_of_which_too_little_is_known_is_waited_for(streamed: bool) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [says("slow", wait=SLOW)]}, hedge=Hedge(at_most=1.0))
        for _ in range(ENOUGH - 1):
            r.latencies.note("a", USUAL, streamed=streamed)
        for _ in range(ENOUGH):
            r.latencies.note("a", USUAL, streamed=not streamed)
        _, ledger = await asked(r, streamed=streamed)
        assert outcomes(ledger) == [(1, "a", None)]
        _, ledger = await asked(r, streamed=streamed)
        assert outcomes(ledger)[0] == (1, "a", "hedged")

    run_virtually(main())


@STREAMS
def test_a_deployment_that_has_become_slow_is_no_longer_hedged(streamed: bool) -> None:
    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("slow", wait=SLOW)], "b": [says("b", wait=FOREVER)]})
        for _ in range(ENOUGH):
            await asked(r, streamed=streamed)
        before = len(r.provider.calls)
        r.provider.scripts["a"] = [says("slow", wait=SLOW - 0.01)]
        assert (await asked(r, streamed=streamed))[0] == "slow"
        assert len(r.provider.calls) == before + 1

    run_virtually(main())


@STREAMS
def test_a_beaten_attempt_counts_as_at_least_as_slow_as_it_was(streamed: bool) -> None:
    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("slow", wait=SLOW)], "b": [says("fast", wait=0.1)]})
        for _ in range(3):
            await asked(r, streamed=streamed)
        assert r.latencies.p95("a", streamed=streamed) == pytest.approx(USUAL + 0.1)
        assert r.latencies.p95("b", streamed=streamed) == pytest.approx(USUAL)

    run_virtually(main())


@pytest.mark.parametrize("share", [0.05, 0.3])
@STREAMS
def test_no_more_than_the_share_of_the_requests_is_hedged(streamed: bool, share: float) -> None:
    async def main() -> None:
        scripts = {"a": [says("slow", wait=SLOW)], "b": [says("fast")]}
        r = hedging("a", "b", scripts=scripts, at_most=share, waste_requests=1.0, waste_usd=1.0)
        hedges = 0
        for number in range(1, 201):
            for _ in range(50):  # it stays a deployment that is usually fast
                r.latencies.note("a", USUAL, streamed=streamed)
            _, ledger = await asked(r, streamed=streamed)
            hedges += len(ledger.attempts) - 1
            assert hedges <= share * number + 1e-9
        assert hedges >= share * 200 - 1.0

    run_virtually(main())


@STREAMS
def test_what_quiet_times_saved_is_bounded(streamed: bool) -> None:
    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("fast")]})
        for _ in range(100):
            await asked(r, streamed=streamed)
        r.provider.scripts = {"a": [says("slow", wait=SLOW)], "b": [says("fast")]}
        for name in "ab":
            for _ in range(500):
                r.latencies.note(name, USUAL, streamed=streamed)
        ledgers = await asyncio.gather(*(asked(r, streamed=streamed) for _ in range(100)))
        hedges = sum(len(ledger.attempts) - 1 for _, ledger in ledgers)
        assert hedges == MOST_SAVED  # each request earns one, and none beyond what may be saved

    run_virtually(main())


@STREAMS
def test_hedges_draw_on_the_waste_budget(streamed: bool) -> None:
    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("slow", wait=SLOW)]}, waste_requests=0.0)
        _, ledger = await asked(r, streamed=streamed)
        assert outcomes(ledger) == [(1, "a", None)]

        scripts = {"a": [says("slow", wait=1.0)], "b": [fails(Kind.NOT_FOUND)]}
        r = hedging("a", "b", scripts=scripts, waste_requests=0.004)  # a reserve of two
        counts = []
        for _ in range(4):
            for _ in range(300):
                r.latencies.note("a", USUAL, streamed=streamed)
            counts.append(len((await asked(r, streamed=streamed))[1].attempts))
        assert counts == [2, 2, 1, 1]

    run_virtually(main())


@STREAMS
def test_the_last_candidate_a_probe_and_a_last_resort_are_not_raced(streamed: bool) -> None:
    async def main() -> None:
        r = hedging("a", scripts={"a": [says("slow", wait=SLOW)]})
        assert len((await asked(r, streamed=streamed))[1].attempts) == 1

        r = hedging("a", "b", "c", scripts={"a": [says("slow", wait=SLOW)], "b": [says("fast")]}, circuit_failures=1)
        await r.circuits.failed("a")
        r.cooldowns.cool("b", 3.0)
        await asyncio.sleep(r.config.settings.circuit_open_seconds)
        await r.circuits.failed("c")
        r.cooldowns.cool("b", 3.0)
        _, ledger = await asked(r, streamed=streamed)
        assert outcomes(ledger) == [(1, "a", None)]  # the probe of a, beside which b cools and c is open

    run_virtually(main())


@STREAMS
def test_a_hedge_is_no_probe_and_no_last_resort(streamed: bool) -> None:
    async def main() -> None:
        r = hedging("a", "b", "c", scripts={"a": [says("slow", wait=SLOW)]}, circuit_failures=1)
        await r.circuits.failed("b")
        r.cooldowns.cool("c", 60.0)
        _, ledger = await asked(r, streamed=streamed)
        assert outcomes(ledger) == [(1, "a", None)]
        await asyncio.sleep(r.config.settings.circuit_open_seconds)
        _, ledger = await asked(r, streamed=streamed)
        assert outcomes(ledger) == [(1, "a", None)]
        assert (await r.circuits.states(["b"]))["b"].probe_due, "the probe is left for a request that fails over"

    run_virtually(main())


@STREAMS
def test_a_circuit_that_opens_meanwhile_is_no_probe_of_the_hedge(streamed: bool) -> None:
    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("slow", wait=SLOW)]}, circuit_failures=1, circuit_open_seconds=0.05)
        asking = asyncio.create_task(asked(r, streamed=streamed))
        await asyncio.sleep(0.1)
        await r.circuits.failed("b")
        _, ledger = await asking
        assert outcomes(ledger) == [(1, "a", None)]
        assert (await r.circuits.states(["b"]))["b"].probe_due

    run_virtually(main())


@STREAMS
def test_a_hedge_counts_against_the_rate_and_is_not_made_beyond_it(streamed: bool) -> None:
    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("slow", wait=SLOW)], "b": [says("fast")]})
        limited = tuple(replace(one, rpm=1 if one.id == "b" else None) for one in r.config.deployments)
        r = Rig(replace(r.config, deployments=limited), r.provider)
        for _ in range(2 * ENOUGH):
            r.latencies.note("a", USUAL, streamed=streamed)
        assert len((await asked(r, streamed=streamed))[1].attempts) == 2
        assert len((await asked(r, streamed=streamed))[1].attempts) == 1

    run_virtually(main())


@STREAMS
def test_no_attempt_is_made_beyond_the_most(streamed: bool) -> None:
    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("slow", wait=SLOW)]}, max_attempts=1)
        assert len((await asked(r, streamed=streamed))[1].attempts) == 1
        scripts = {"a": [fails(Kind.UNAVAILABLE, wait=1.0)], "b": [fails(Kind.UNAVAILABLE, wait=2.0)]}
        r = hedging("a", "b", "c", scripts=scripts, max_attempts=2)
        with pytest.raises(RouterError) as caught:
            await asked(r, streamed=streamed)
        assert outcomes(caught.value.ledger) == [(1, "a", "unavailable"), (2, "b", "unavailable")]
        assert {drop.code for drop in caught.value.ledger.dropped} == {"max_attempts"}

    run_virtually(main())


@STREAMS
def test_what_only_its_own_format_has_is_not_sent_twice(streamed: bool) -> None:
    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("slow", wait=SLOW)]})
        tools = NativeRequest("responses", {"model": "a", "input": "x"}, only=("tools[0] (mcp)",))
        _, ledger = await asked(r, streamed=streamed, native=tools)
        assert outcomes(ledger) == [(1, "a", None)]

    run_virtually(main())


@STREAMS
def test_a_caller_that_leaves_during_the_race_leaves_nothing_behind(streamed: bool) -> None:
    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("slow", wait=SLOW)], "b": [says("slow", wait=SLOW)]})
        asking = asyncio.create_task(asked(r, streamed=streamed))
        await asyncio.sleep(1.0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        (outcome,) = r.notes.outcomes
        assert isinstance(outcome, CallerLeftError)
        assert outcomes(outcome.ledger) == [(1, "a", "caller_left"), (2, "b", "caller_left")]
        assert len(r.notes.attempts) == 2
        assert (r.provider.open_streams, tasks_left()) == (0, [])

    run_virtually(main())


def test_the_stream_says_how_many_attempts_have_begun() -> None:
    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("slow", wait=SLOW)], "b": [says("fast")]})
        async with r.router.stream(question()) as stream:
            first = await stream.start()
            assert (first.id, stream.attempts_so_far) == ("b", 2)

    run_virtually(main())


@pytest.mark.parametrize("bug_in", ["a", "b"])
@STREAMS
def test_a_bug_in_either_ends_both(streamed: bool, bug_in: str) -> None:
    async def main() -> None:
        scripts = {"a": [says("slow", wait=SLOW)], "b": [says("slow", wait=SLOW)]}
        scripts[bug_in] = [Step((), 1.0, RuntimeError("a bug"))]
        r = hedging("a", "b", scripts=scripts)
        with pytest.raises(RuntimeError, match="a bug"):
            await asked(r, streamed=streamed)
        assert sorted((one.number, one.failure) for one in r.notes.attempts) == [(1, Kind.BUG), (2, Kind.BUG)]
        assert (r.provider.open_streams, tasks_left()) == (0, [])

    run_virtually(main())


def test_a_withheld_answer_does_not_win() -> None:
    async def main() -> None:
        filtered = Step(("I ",), 0.1, finish_reason="content_filter")
        scripts = {"a": [says("slow", wait=1.0)], "b": [replace(filtered, pieces=())]}
        r = hedging("a", "b", scripts=scripts, content_policy_fallback=True)
        text, ledger = await asked(r, streamed=True)
        assert (text, outcomes(ledger)) == ("slow", [(1, "a", None), (2, "b", "content_policy")])

    run_virtually(main())


def test_no_chunk_of_the_beaten_stream_is_delivered() -> None:
    async def main() -> None:
        a = Step(("A1 ", "A2"), USUAL + 0.1)
        b = Step(("B1 ", "B2"), 0.1)
        for first, second in ((a, b), (a, replace(b, wait=0.09)), (replace(a, wait=USUAL + 0.05), b)):
            r = hedging("a", "b", scripts={"a": [first], "b": [second]})
            text, ledger = await asked(r, streamed=True)
            assert text in ("A1 A2", "B1 B2")
            assert sorted(one.failure or "" for one in ledger.attempts) == ["", "hedged"]

    run_virtually(main())


def test_held_back_tool_calls_win_by_their_first_token() -> None:
    async def main() -> None:
        call = {"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": "{}"}}]}
        scripts = {"a": [says("slow", wait=SLOW)], "b": [breaks(deltas=(call,)), says("no")]}
        r = hedging("a", "b", scripts=scripts, hold_structured=True)
        text, ledger = await asked(r, streamed=True)
        assert text == "slow"
        assert outcomes(ledger)[:2] == [(1, "a", "hedged"), (2, "b", "stream_broken")]

    run_virtually(main())


def test_a_hook_that_refuses_the_hedge_leaves_the_first_alone() -> None:
    class Refusing:
        async def admit(self, candidate: Any) -> None:
            if candidate.deployment.id == "b":
                raise UnavailableError("budgets are out of reach")

    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("slow", wait=SLOW)]})
        run = r.router._run(question(), streamed=False)
        execution = await run.planned()
        execution.hooks.append(Refusing())
        result = await execution.answer()
        assert (result.text, outcomes(result.ledger)) == ("slow", [(1, "a", None)])
        assert result.usage == Usage(10, 5)

    run_virtually(main())
