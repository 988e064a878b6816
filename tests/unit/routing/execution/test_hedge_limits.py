"""When a slow attempt is not raced: too little is known, a budget is used up, or the second is no ordinary attempt."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.execution.hedge_share import MOST_SAVED
from litellm_fallback_router.routing.execution.latencies import ENOUGH
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.mapping.settings import Hedge
from litellm_fallback_router.routing.types import NativeRequest
from tests.support.hedged import SLOW, STREAMS, USUAL, asked, hedging, outcomes
from tests.support.scripted import CUT, FOREVER, Rig, fails, rig, says
from tests.support.virtual_time import run_virtually


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
        r.learn(USUAL, "a", streamed=[not streamed])
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
        r.learn(USUAL, "a")
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
        only = NativeRequest("responses", {"model": "a", "input": "x"}, only=("background",))
        _, ledger = await asked(r, streamed=streamed, native=only)
        assert outcomes(ledger) == [(1, "a", None)]
        _, ledger = await asked(r, streamed=streamed, params={"web_search_options": {}})
        assert outcomes(ledger) == [(1, "a", None)]
        tools = NativeRequest("responses", {"model": "a", "input": "x", "tools": [{"type": "mcp"}]})
        _, ledger = await asked(r, streamed=streamed, native=tools)
        assert outcomes(ledger) == [(1, "a", None)]

    run_virtually(main())
