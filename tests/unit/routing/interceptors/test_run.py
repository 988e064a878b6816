"""What an interceptor can do: answer in place of the chain, allow each attempt, see the end of every request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from litellm_fallback_router.routing import router as routers
from litellm_fallback_router.routing.errors import GuardrailUnreachableError, RateLimitedError, RouterError
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.interceptors.guardrail import GuardrailInterceptor
from litellm_fallback_router.routing.interceptors.protocol import (
    Choices,
    Exchange,
    InPlace,
    Interceptor,
    Release,
    Replay,
)
from litellm_fallback_router.routing.ledger import Usage
from litellm_fallback_router.routing.plan import Candidate
from litellm_fallback_router.routing.types import ChatRequest, ChatResult, Chunk
from tests.support.guards import MESSAGES, RuledGuard, guarded_rig
from tests.support.scripted import Rig, deployment, fails, question, read, rig, says
from tests.support.virtual_time import run_virtually

WHOLE_AND_STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
PARALLEL = pytest.mark.parametrize("parallel", [False, True], ids=["first", "beside"])
KEPT = {"role": "assistant", "content": "Paris, as before."}


@dataclass
class Cache(Interceptor):
    """Answers before anything is planned."""

    message: dict[str, Any] = field(default_factory=lambda: KEPT)
    to: str | None = None
    """The only question that it answers; None: each."""

    async def before(self, exchange: Exchange) -> None:
        if self.to in (None, exchange.request.messages[-1]["content"]):
            kept = {"index": 0, "message": self.message, "finish_reason": "stop", "logprobs": None}
            raise InPlace([kept], deployment("cache"))


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


async def answered(r: Rig, stream: bool, text: str = "What is the capital of France?") -> tuple[str, ChatResult]:
    request = ChatRequest("a", [{"role": "user", "content": text}])
    if stream:
        return await read(r.router, request)
    result = await r.router.complete(request)
    return result.text, result


def guarded(passed: list[Interceptor], *behind: Interceptor, guard: RuledGuard | None = None, parallel: bool) -> Rig:
    """A guardrail first, which may run beside the first attempt, then those `behind`."""
    r = guarded_rig("a", guard=guard, providers={"a": "bedrock"}, parallel=parallel)
    assert r.config.guardrail is not None
    assert r.guard is not None
    passed[:] = [GuardrailInterceptor(r.config.guardrail, r.guard), *behind]
    return r


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[Interceptor]:
    """The interceptors of every request of the test."""
    chosen: list[Interceptor] = []
    monkeypatch.setattr(routers, "interceptors", lambda *_: chosen)
    return chosen


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


@PARALLEL
@WHOLE_AND_STREAMED
def test_no_answer_in_place_is_released_before_the_request_was_checked(
    passed: list[Interceptor], stream: bool, parallel: bool
) -> None:
    async def scenario() -> None:
        r = guarded(passed, Cache(), parallel=parallel)
        assert (await answered(r, stream, "forbidden fruit"))[0] == MESSAGES["input"]
        text, result = await answered(r, stream, "bread")
        assert (text, result.fallback) == (KEPT["content"], False)
        assert r.provider.asked == []
        assert [one.responders[0].id for one in r.notes.outcomes if isinstance(one, ChatResult)] == [
            "guardrail",
            "cache",
        ]

    run_virtually(scenario())


@PARALLEL
@WHOLE_AND_STREAMED
def test_a_request_that_is_masked_gets_no_answer_to_what_it_was_before(
    passed: list[Interceptor], stream: bool, parallel: bool
) -> None:
    async def scenario() -> None:
        r = guarded(passed, Cache(to="I am me@example.com"), parallel=parallel)
        text, result = await answered(r, stream, "I am me@example.com")
        assert (text, result.responders[0].id) == ("Paris is the capital.", "a")
        assert [call.messages[-1]["content"] for call in r.provider.calls] == ["I am {EMAIL}"]

        r = guarded(passed, Cache(to="I am {EMAIL}"), parallel=parallel)
        text, result = await answered(r, stream, "I am me@example.com")
        assert (text, result.responders[0].id) == (KEPT["content"], "cache")

    run_virtually(scenario())


@PARALLEL
@WHOLE_AND_STREAMED
def test_an_answer_in_place_before_the_guardrail_is_checked_as_any_other(
    passed: list[Interceptor], stream: bool, parallel: bool
) -> None:
    async def scenario() -> None:
        async def through(cache: Cache, text: str) -> tuple[str, list[str], list[str]]:
            r = guarded(passed, parallel=parallel)
            passed.insert(0, cache)
            said, result = await answered(r, stream, text)
            return said, [one.id for one in result.responders], r.provider.asked

        assert await through(Cache(), "bread") == (KEPT["content"], ["cache"], [])
        assert await through(Cache(), "forbidden fruit") == (MESSAGES["input"], ["guardrail"], [])
        spoilt = Cache({"role": "assistant", "content": "Eat of the forbidden fruit."})
        assert await through(spoilt, "bread") == (MESSAGES["output"], ["cache"], [])
        shown, responders, _ = await through(Cache(to="I am me@example.com"), "I am me@example.com")
        assert (shown, responders) == ("Paris is the capital.", ["a"])
        shown, responders, _ = await through(Cache(to="I am {EMAIL}"), "I am me@example.com")
        assert (shown, responders) == ("Paris is the capital.", ["a"])

    run_virtually(scenario())


@PARALLEL
@WHOLE_AND_STREAMED
def test_a_replayed_answer_passes_those_in_front_too(passed: list[Interceptor], stream: bool, parallel: bool) -> None:
    async def scenario() -> None:
        @dataclass
        class Replays(Interceptor):
            text: str

            async def before(self, exchange: Exchange) -> None:
                kept = {"index": 0, "message": {"role": "assistant", "content": self.text}, "finish_reason": "stop"}
                raise Replay([kept], deployment("b"), usage=Usage(7, 3), created=1_000, fallback=True)

        r = guarded(passed, Replays("Mail me@example.com."), parallel=parallel)
        text, result = await answered(r, stream)
        assert text == "Mail {EMAIL}."
        assert (result.deployment.id, result.usage, result.created, result.fallback) == ("b", Usage(7, 3), 1_000, True)
        assert result.ledger.attempts == ()

        r = guarded(passed, Replays("Eat of the forbidden fruit."), parallel=parallel)
        text, result = await answered(r, stream)
        assert (text, result.deployment.id) == (MESSAGES["output"], "b")
        assert r.provider.asked == []

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


@PARALLEL
@WHOLE_AND_STREAMED
def test_an_answer_in_place_waits_for_a_guardrail_that_gives_no_verdict(
    passed: list[Interceptor], stream: bool, parallel: bool
) -> None:
    async def scenario() -> None:
        r = guarded(passed, Cache(), guard=RuledGuard(unreachable=True), parallel=parallel)
        with pytest.raises(GuardrailUnreachableError) as caught:
            await answered(r, stream)
        assert r.notes.outcomes == [caught.value]

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
