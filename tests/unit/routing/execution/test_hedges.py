"""A slow attempt is raced by the next candidate: who wins, and what becomes of the other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.failures import FailureKind as Kind
from tests.support.hedged import SLOW, STREAMS, USUAL, asked, hedging, outcomes
from tests.support.scripted import CUT, Rig, Step, breaks, fails, says
from tests.support.virtual_time import run_virtually, tasks_left


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
        r.learn(USUAL, "a")
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


def test_a_withheld_answer_does_not_win() -> None:
    async def main() -> None:
        filtered = Step(("I ",), 0.1, finish_reason="content_filter")
        scripts = {"a": [says("slow", wait=1.0)], "b": [replace(filtered, pieces=())]}
        r = hedging("a", "b", scripts=scripts, content_policy_fallback=True)
        text, ledger = await asked(r, streamed=True)
        assert (text, outcomes(ledger)) == ("slow", [(1, "a", None), (2, "b", "content_policy")])

    run_virtually(main())


def test_a_beaten_deployment_continues_an_answer_behind_those_not_tried() -> None:
    async def main() -> None:
        scripts = {"a": [says("slow", wait=SLOW), says(" is Paris.")], "b": [CUT], "c": [fails(Kind.NOT_FOUND)]}
        text, ledger = await asked(hedging("a", "b", "c", scripts=scripts), streamed=True)
        assert text == "The capital of France is Paris."
        assert [one.deployment for one in ledger.attempts] == ["a", "b", "c", "a"]

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
