"""A race beside guardrails, hooks, callers that leave, bugs, metrics and the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Any

import pytest

from litellm_fallback_router.adapters.logs import LogObserver
from litellm_fallback_router.routing.errors import CallerLeftError, UnavailableError
from litellm_fallback_router.routing.execution.race import Leg, Race
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.ledger import Usage
from litellm_fallback_router.routing.mapping.settings import Hedge
from litellm_fallback_router.routing.observe import is_fault, measured_attempt, measured_request
from tests.support.guarded_answers import FORBIDDEN, asking, chunks_of
from tests.support.guards import RuledGuard, guarded_rig
from tests.support.hedged import SLOW, STREAMS, USUAL, asked, hedging, outcomes
from tests.support.scripted import Step, fails, question, says
from tests.support.virtual_time import run_virtually, tasks_left


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


BOTH_BEDROCK: dict[str, Any] = {"providers": {"a": "bedrock", "b": "bedrock"}, "parallel": True}


@pytest.mark.parametrize("verdict", ["passed", "blocked"])
@STREAMS
def test_a_hedge_waits_for_the_guardrails_verdict(streamed: bool, verdict: str) -> None:
    async def main() -> None:
        scripts = {"a": [says("slow", wait=SLOW)], "b": [says("fast")]}
        hedge = {"hedge": Hedge(at_most=1.0)}
        r = guarded_rig("a", "b", guard=RuledGuard(wait=1.0), scripts=scripts, settings=hedge, **BOTH_BEDROCK)
        r.learn(USUAL, "a")
        request = asking(FORBIDDEN) if verdict == "blocked" else question()
        if streamed:
            result = (await chunks_of(r, request))[1]
        else:
            result = await r.router.complete(request)
        if verdict == "blocked":
            assert outcomes(result.ledger) == [(1, "a", "guardrail")]
            assert r.provider.asked == ["a"]
        else:
            assert outcomes(result.ledger) == [(1, "a", "hedged"), (2, "b", None)]
            assert [call.at for call in r.provider.calls] == [0.0, 1.0]
        assert (r.provider.open_streams, tasks_left()) == (0, [])

    run_virtually(main())


@STREAMS
def test_a_race_leaves_nothing_for_the_collector(streamed: bool) -> None:
    async def main() -> None:
        scripts = {
            "a": [says("slow", wait=SLOW), fails(Kind.NOT_FOUND, wait=0.5), says("slow", wait=0.5)],
            "b": [says("fast"), says("yes", wait=1.0), says("fast", wait=SLOW)],
        }
        r = hedging("a", "b", scripts=scripts)
        await asked(r, streamed=streamed)
        gc.collect()
        gc.disable()
        try:
            await asked(r, streamed=streamed)
            await asked(r, streamed=streamed)
            found = [one for one in gc.get_objects() if isinstance(one, Race | Leg)]
        finally:
            gc.enable()
        assert found == []

    run_virtually(main())


def test_metrics_and_log_take_a_beaten_attempt_for_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        r = hedging("a", "b", scripts={"a": [says("late", wait=0.5)], "b": [says("later", wait=SLOW)]})
        result = await r.router.complete(question())
        (request,) = measured_request(result, cold=False)
        assert request.values["FallbackDepth"] == 0
        answered, beaten = result.ledger.attempts
        assert (is_fault(answered), is_fault(beaten)) == (False, False)
        (measured,) = measured_attempt(beaten)
        assert measured.values["AttemptFailures"] == 0
        assert measured.values["WastedCostUsd"] == beaten.cost_usd
        with caplog.at_level(logging.INFO, logger="litellm_fallback_router"):
            LogObserver().attempted(question(), beaten)
        assert [record.levelno for record in caplog.records] == [logging.INFO]

    run_virtually(main())
