"""What an interceptor can do: answer in place of the chain, allow each attempt, see the end of every request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from litellm_fallback_router.routing.errors import RateLimitedError, RouterError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.interceptors.protocol import (
    Choices,
    Exchange,
    InPlace,
    Interceptor,
    Release,
)
from litellm_fallback_router.routing.plan import Candidate
from litellm_fallback_router.routing.types import ChatRequest, ChatResult, Chunk
from tests.support.interceptors import KEPT, WHOLE_AND_STREAMED, Cache, answered
from tests.support.scripted import fails, question, rig, says
from tests.support.virtual_time import run_virtually


class Loud(Interceptor):
    """Writes each answer in capitals."""

    async def choices(self, choices: Choices) -> Choices:
        return [{**one, "message": {**one["message"], "content": one["message"]["content"].upper()}} for one in choices]

    async def chunk(self, chunk: Chunk, release: Release) -> None:
        for one in chunk.choices:
            text = (one["delta"].get("content") or "").upper()
            release(Chunk([{**one, "delta": {**one["delta"], "content": text}}]))


class Twice(Interceptor):
    """Says everything twice."""

    async def chunk(self, chunk: Chunk, release: Release) -> None:
        release(chunk)
        release(chunk)

    async def finish(self, release: Release) -> None:
        release(Chunk([{"index": 0, "delta": {"content": "late"}, "finish_reason": None}]))


class Ends(Interceptor):
    """Answers itself as soon as anything comes."""

    async def chunk(self, chunk: Chunk, release: Release) -> None:
        raise InPlace([{"index": 0, "message": {"content": "no"}, "finish_reason": "content_filter"}])


@dataclass
class Budget(Interceptor):
    """Allows so many attempts."""

    left: int
    outcomes: list[ChatResult | RouterError] = field(default_factory=list)
    released: list[str] = field(default_factory=list)

    async def before(self, exchange: Exchange) -> None:
        (await exchange.planned()).gates.append(self._reserve)

    async def chunk(self, chunk: Chunk, release: Release) -> None:
        self.released += [choice["delta"].get("content") or "" for choice in chunk.choices]
        release(chunk)

    def after(self, outcome: ChatResult | RouterError, request: ChatRequest) -> None:
        self.outcomes.append(outcome)

    async def _reserve(self, _: Candidate) -> bool:
        if self.left == 0:
            raise RateLimitedError("the budget is used up")
        self.left -= 1
        return True


@WHOLE_AND_STREAMED
def test_an_answer_in_place_asks_nobody_and_passes_those_behind_it(passed: list[Interceptor], stream: bool) -> None:
    async def scenario() -> None:
        behind = Budget(0)
        passed[:] = [Cache(), behind]
        r = rig("a")
        text, result = await answered(r, stream)
        assert text == KEPT["content"]
        assert [one.id for one in result.responders] == ["cache"]
        assert (r.provider.asked, result.ledger.attempts, result.fallback) == ([], (), False)
        assert behind.outcomes == [result]
        assert "".join(behind.released) == (text if stream else "")

    run_virtually(scenario())


@WHOLE_AND_STREAMED
def test_a_gate_is_asked_before_each_attempt_and_the_end_is_told_once(passed: list[Interceptor], stream: bool) -> None:
    async def scenario() -> None:
        scripts: dict[str, list[Any]] = {"a": [fails(FailureKind.PERMISSION)], "b": [says("Paris.")]}
        passed[:] = [enough := Budget(2)]
        _, result = await answered(rig("a", "b", scripts=scripts), stream)
        assert (enough.left, enough.outcomes) == (0, [result])

        passed[:] = [short := Budget(1)]
        r = rig("a", "b", scripts={"a": [fails(FailureKind.PERMISSION)]})
        with pytest.raises(RateLimitedError) as caught:
            await answered(r, stream)
        assert r.provider.asked == ["a"]
        assert [attempt.deployment for attempt in caught.value.ledger.attempts] == ["a"]
        assert short.outcomes == [caught.value]

    run_virtually(scenario())


@WHOLE_AND_STREAMED
def test_those_behind_an_answer_in_place_may_change_it(passed: list[Interceptor], stream: bool) -> None:
    async def scenario() -> None:
        passed[:] = [Cache(), Loud()]
        assert (await answered(rig("a"), stream))[0] == "PARIS, AS BEFORE."

    run_virtually(scenario())


@WHOLE_AND_STREAMED
def test_an_answer_in_place_goes_on_in_place_of_another(passed: list[Interceptor], stream: bool) -> None:
    async def scenario() -> None:
        class Refuses(Ends):
            async def choices(self, choices: Choices) -> Choices:
                raise InPlace([{"index": 0, "message": {"content": "no"}, "finish_reason": "content_filter"}])

        passed[:] = [Cache(), Refuses(), Loud()]
        r = rig("a")
        assert (await answered(r, stream))[0] == "NO"
        assert len(r.notes.outcomes) == 1

    run_virtually(scenario())


@WHOLE_AND_STREAMED
def test_a_complete_answer_is_told_before_its_end_and_one_that_failed_is_not(
    passed: list[Interceptor], stream: bool
) -> None:
    async def scenario() -> None:
        told: list[ChatResult] = []

        class Listens(Interceptor):
            async def answered(self, result: ChatResult) -> None:
                await asyncio.sleep(1)
                told.append(result)

        passed[:] = [Listens()]
        _, result = await answered(rig("a"), stream)
        assert [(one.deployment.id, one.usage) for one in told] == [("a", result.usage)]
        with pytest.raises(RouterError):
            await answered(rig("a", scripts={"a": [fails(FailureKind.PERMISSION)]}), stream)
        assert len(told) == 1

    run_virtually(scenario())


def test_nothing_comes_after_a_stream_that_an_interceptor_has_ended(passed: list[Interceptor]) -> None:
    async def scenario() -> None:
        passed[:] = [Twice(), Ends(), watching := Budget(9)]
        text, result = await answered(rig("a"), stream=True)
        assert text == "no"
        assert watching.released == ["no", ""]
        assert watching.outcomes == [result]

    run_virtually(scenario())


def test_an_error_on_an_answer_in_place_ends_the_stream_and_is_told_once(passed: list[Interceptor]) -> None:
    async def scenario() -> None:
        class Fails(Interceptor):
            async def chunk(self, chunk: Chunk, release: Release) -> None:
                raise RateLimitedError("no")

        passed[:] = [Cache(), Fails()]
        r = rig("a")
        with pytest.raises(RateLimitedError) as caught:
            await answered(r, stream=True)
        assert r.notes.outcomes == [caught.value]

    run_virtually(scenario())


def test_a_tool_call_in_place_is_streamed_as_a_provider_streams_it(passed: list[Interceptor]) -> None:
    async def scenario() -> None:
        calls = [{"id": f"c{n}", "type": "function", "function": {"name": "f", "arguments": "{}"}} for n in range(2)]
        passed[:] = [Cache({"role": "assistant", "content": None, "tool_calls": calls})]
        async with rig("a").router.stream(question()) as stream:
            deltas = [choice["delta"] async for chunk in stream for choice in chunk.choices]
        assert deltas == [{"tool_calls": [{"index": n, **call} for n, call in enumerate(calls)]}, {}]

    run_virtually(scenario())


def test_a_gate_is_asked_when_its_candidate_is_about_to_be_sent(passed: list[Interceptor]) -> None:
    async def scenario() -> None:
        asked: list[tuple[str, float]] = []

        class Watches(Interceptor):
            async def before(self, exchange: Exchange) -> None:
                (await exchange.planned()).gates.append(self._ask)

            async def _ask(self, candidate: Candidate) -> bool:
                asked.append((candidate.deployment.id, asyncio.get_running_loop().time()))
                return True

        passed[:] = [Watches()]
        limited = fails(FailureKind.RATE_LIMITED, retry_after=2.0)
        r = rig("a", "b", scripts={"a": [limited, says("Paris.")]})
        await answered(r, stream=False)
        assert [name for name, _ in asked] == ["a", "a"]
        assert [at for _, at in asked] == [call.at for call in r.provider.calls]

        asked.clear()
        r = rig("a", "b", scripts={"a": [limited]})
        asking = asyncio.ensure_future(answered(r, stream=False))
        await asyncio.sleep(1)
        while not await r.circuits.failed("a"):
            pass
        r.router._dependencies.waits.interrupt("a")  # as the request does whose failure has opened the circuit
        await asking
        assert [name for name, _ in asked] == r.provider.asked == ["a", "b"]

    run_virtually(scenario())
