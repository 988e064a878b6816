"""Answers in place of the chain beside a guardrail, which may run beside the first attempt: none escapes it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from litellm_fallback_router.routing.errors import GuardrailUnreachableError
from litellm_fallback_router.routing.interceptors.guardrail import GuardrailInterceptor
from litellm_fallback_router.routing.interceptors.protocol import Exchange, Interceptor, Replay
from litellm_fallback_router.routing.ledger import Usage
from litellm_fallback_router.routing.types import ChatResult
from tests.support.guards import MESSAGES, RuledGuard, guarded_rig
from tests.support.interceptors import KEPT, WHOLE_AND_STREAMED, Cache, answered
from tests.support.scripted import Rig, deployment
from tests.support.virtual_time import run_virtually

PARALLEL = pytest.mark.parametrize("parallel", [False, True], ids=["first", "beside"])


def guarded(passed: list[Interceptor], *behind: Interceptor, guard: RuledGuard | None = None, parallel: bool) -> Rig:
    """A guardrail first, which may run beside the first attempt, then those `behind`."""
    r = guarded_rig("a", guard=guard, providers={"a": "bedrock"}, parallel=parallel)
    assert r.config.guardrail is not None
    assert r.guard is not None
    passed[:] = [GuardrailInterceptor(r.config.guardrail, r.guard), *behind]
    return r


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
