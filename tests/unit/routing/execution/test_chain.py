"""One request's way through the chain, with scripted providers and a clock that jumps."""

from __future__ import annotations

import asyncio

import pytest

from litellm_fallback_router.routing.errors import (
    ContentPolicyError,
    ContextWindowExceededError,
    DeadlineExceededError,
    InvalidRequestError,
    ProvidersFailedError,
    UnavailableError,
    UnknownModelError,
)
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.types import ModelInfo
from tests.support.scripted import (
    SILENCE,
    AllKeys,
    Rig,
    ScriptedProvider,
    Step,
    config_of,
    deployment,
    fails,
    question,
    read,
    rig,
    says,
)
from tests.support.virtual_time import run_virtually

RETRIED = [Kind.UNAVAILABLE, Kind.CONNECTION, Kind.INVALID_RESPONSE, Kind.RATE_LIMITED]
NOT_RETRIED = [Kind.TIMEOUT, Kind.PERMISSION, Kind.NOT_FOUND, Kind.REJECTED]


def test_answers_from_the_first_candidate_and_says_so() -> None:
    async def main() -> None:
        r = rig("a", "b")
        result = await r.router.complete(question())
        assert (result.provider, result.fallback, r.provider.asked) == ("openai:a", False, ["a"])
        assert result.cost_usd == 0.001
        assert r.notes.outcomes == [result]

    run_virtually(main())


@pytest.mark.parametrize("kind", RETRIED)
@pytest.mark.parametrize("streaming", [False, True])
def test_tries_twice_then_falls_over(kind: Kind, streaming: bool) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [fails(kind)]})
        result = (await read(r.router, question()))[1] if streaming else await r.router.complete(question())
        assert r.provider.asked == ["a", "a", "b"]
        assert result.fallback
        assert [a.failure for a in result.ledger.attempts] == [kind, kind, None]

    run_virtually(main())


@pytest.mark.parametrize("kind", NOT_RETRIED)
@pytest.mark.parametrize("streaming", [False, True])
def test_falls_over_without_a_retry(kind: Kind, streaming: bool) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [fails(kind)]})
        result = (await read(r.router, question()))[1] if streaming else await r.router.complete(question())
        assert (r.provider.asked, result.provider) == (["a", "b"], "openai:b")

    run_virtually(main())


def test_tries_the_last_candidate_three_times() -> None:
    async def main() -> None:
        r = rig("a", scripts={"a": [fails(Kind.UNAVAILABLE)]})
        with pytest.raises(ProvidersFailedError, match="a: unavailable"):
            await r.router.complete(question())
        assert r.provider.asked == ["a"] * 3

    run_virtually(main())


def test_keeps_an_attempt_for_every_candidate_within_six() -> None:
    async def main() -> None:
        scripts = {name: [fails(Kind.UNAVAILABLE)] for name in "abcde"}
        r = rig(*"abcde", scripts=scripts)
        with pytest.raises(ProvidersFailedError):
            await r.router.complete(question())
        assert r.provider.asked == ["a", "a", "b", "c", "d", "e"]

    run_virtually(main())


def test_an_answer_of_fewer_choices_than_were_asked_for_goes_to_the_next_candidate() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [Step(choices=2)], "b": [Step(choices=3)]}, circuit_failures=1)
        result = await r.router.complete(question(params={"n": 3}))
        assert (r.provider.asked, len(result.choices)) == (["a", "b"], 3)
        (short, _) = result.ledger.attempts
        assert (short.failure, short.reason, short.wasted) == (
            Kind.INVALID_RESPONSE,
            "2 choices where 3 were asked for",
            True,
        )
        # Whoever gives one choice only still answers those who ask for one.
        assert (await r.router.complete(question())).deployment.id == "a"

    run_virtually(main())


def test_waits_exactly_a_short_retry_after_plus_jitter() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [fails(Kind.RATE_LIMITED, retry_after=2.0), says("ok")]})
        await r.router.complete(question())
        first, second = r.provider.calls
        assert 2.0 <= second.at - (first.at + 0.01) <= 2.25

    run_virtually(main())


def test_retries_once_with_a_key_read_afresh() -> None:
    async def main() -> None:
        scripts = {"a": [fails(Kind.AUTHENTICATION), says("ok")]}
        r = rig("a", "b", keys=AllKeys(fresher=True), scripts=scripts)
        assert (await r.router.complete(question())).provider == "openai:a"
        r = rig("a", "b", keys=AllKeys(fresher=True), scripts={"a": [fails(Kind.AUTHENTICATION)]})
        assert (await r.router.complete(question())).provider == "openai:b"
        assert r.provider.asked == ["a", "a", "b"]

    run_virtually(main())


def test_goes_to_a_larger_window_only() -> None:
    async def main() -> None:
        sizes = {"a": 100, "b": 50, "c": 200}
        config = config_of(*(deployment(n, info=ModelInfo(max_input_tokens=s)) for n, s in sizes.items()))
        r = Rig(config, ScriptedProvider({"a": [fails(Kind.TOO_LARGE)]}))
        assert (await r.router.complete(question())).provider == "openai:c"
        assert r.provider.asked == ["a", "c"]
        r = Rig(config, ScriptedProvider({n: [fails(Kind.TOO_LARGE)] for n in sizes}))
        with pytest.raises(ContextWindowExceededError):
            await r.router.complete(question())

    run_virtually(main())


def test_gives_the_first_rejection_when_all_reject() -> None:
    async def main() -> None:
        scripts = {"a": [fails(Kind.REJECTED, detail="first")], "b": [fails(Kind.REJECTED, detail="second")]}
        r = rig("a", "b", scripts=scripts)
        for _ in range(5):
            with pytest.raises(InvalidRequestError) as caught:
                await r.router.complete(question())
            assert caught.value.detail == "first"
            assert "first" not in str(caught.value)
        assert r.provider.asked == ["a", "b"] * 5, "a rejection never opens a circuit"

    run_virtually(main())


@pytest.mark.parametrize("streaming", [False, True])
def test_stops_at_a_content_policy_refusal_unless_told_otherwise(streaming: bool) -> None:
    async def main() -> None:
        async def ask(r: Rig) -> str:
            if streaming:
                return (await read(r.router, question()))[1].provider
            return (await r.router.complete(question())).provider

        r = rig("a", "b", scripts={"a": [fails(Kind.CONTENT_POLICY)]})
        with pytest.raises(ContentPolicyError) as caught:
            await ask(r)
        assert caught.value.ledger.dropped == (), "that the chain stops there is no news of the others"
        r = rig("a", "b", scripts={"a": [fails(Kind.CONTENT_POLICY)]}, content_policy_fallback=True)
        assert await ask(r) == "openai:b"

    run_virtually(main())


@pytest.mark.parametrize("together", [1, 9])
def test_a_stream_that_is_filtered_in_its_midst_ends_as_filtered(together: int) -> None:
    async def main() -> None:
        filtered = Step(finish_reason="content_filter", together=together)
        r = rig("a", "b", scripts={"a": [filtered]}, content_policy_fallback=True)
        async with r.router.stream(question()) as stream:
            choices = [choice async for chunk in stream for choice in chunk.choices]
        assert "".join(choice["delta"].get("content", "") for choice in choices) == "Paris is the capital."
        assert (choices[-1]["finish_reason"], r.provider.asked) == ("content_filter", ["a"])

    run_virtually(main())


@pytest.mark.parametrize(("streaming", "limit"), [(False, 60.0), (True, 10.0)])
def test_leaves_a_silent_deployment_after_its_limit(streaming: bool, limit: float) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [SILENCE]})
        result = (await read(r.router, question()))[1] if streaming else await r.router.complete(question())
        assert result.provider == "openai:b"
        assert r.provider.calls[1].at == pytest.approx(limit, abs=0.1)
        assert result.ledger.attempts[0].usage is not None
        assert result.ledger.attempts[0].usage.estimated
        assert result.ledger.wasted_usd > 0

    run_virtually(main())


def test_each_attempt_leaves_a_reserve_for_every_candidate_behind_it() -> None:
    async def main() -> None:
        scripts = {name: [SILENCE] for name in "abcd"}
        r = rig(*"abcd", scripts=scripts, deadline=100.0, answer_timeout=200.0, candidate_reserve=5.0)
        with pytest.raises(DeadlineExceededError):
            await r.router.complete(question())
        assert [call.at for call in r.provider.calls] == pytest.approx([0.0, 85.0, 96.25, 99.0625])

    run_virtually(main())


def test_waits_longer_for_the_first_token_where_reasoning_is_on() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [says("thought about it", wait=30)]})
        _, result = await read(r.router, question(params={"reasoning_effort": "high"}))
        assert result.provider == "openai:a"

    run_virtually(main())


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("timeout", [0.5, 4.0, 30.0, None])
def test_everything_silent_ends_inside_the_deadline(streaming: bool, timeout: float | None) -> None:
    async def main() -> None:
        r = rig("a", "b", "c", scripts={name: [SILENCE] for name in "abc"})
        with pytest.raises(DeadlineExceededError) as caught:
            if streaming:
                await read(r.router, question(timeout=timeout))
            else:
                await r.router.complete(question(timeout=timeout))
        assert asyncio.get_running_loop().time() <= (timeout or 120.0) + 0.01
        assert {a.deployment for a in caught.value.ledger.attempts} == {"a", "b", "c"}, "the last had its chance"

    run_virtually(main())


def test_a_stream_counts_its_attempts_the_one_under_way_too() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [fails(Kind.NOT_FOUND)]})
        async with r.router.stream(question()) as stream:
            await stream.start()
            assert stream.attempts_so_far == 2
            async for _ in stream:
                pass
            assert stream.attempts_so_far == 2

    run_virtually(main())


def test_drops_a_deployment_without_a_key_with_that_reason() -> None:
    async def main() -> None:
        r = rig("a", "b", keys=AllKeys(["a"]))
        result = await r.router.complete(question())
        assert r.provider.asked == ["b"]
        assert [(d.code, d.reason) for d in result.ledger.dropped] == [("no_key", "no key: set ITS_KEY")]
        r = rig("a", keys=AllKeys(["a"]))
        with pytest.raises(UnavailableError, match="set ITS_KEY"):
            await r.router.complete(question())

    run_virtually(main())


def test_a_group_shares_the_load_by_weight_and_tries_siblings_first() -> None:
    async def main() -> None:
        group = [deployment("x", id="x", weight=3), deployment("x", id="x#2", weight=1), deployment("z")]
        r = Rig(config_of(*group), ScriptedProvider())
        for _ in range(400):
            await r.router.complete(question("x"))
        assert 260 <= r.provider.asked.count("x") <= 340
        r = Rig(config_of(*group), ScriptedProvider({"x": [fails(Kind.NOT_FOUND)], "x#2": [fails(Kind.NOT_FOUND)]}))
        result = await r.router.complete(question("x"))
        assert sorted(r.provider.asked[:2]) == ["x", "x#2"]
        assert result.provider == "openai:z"

    run_virtually(main())


def test_an_unknown_model_lists_the_known_ones() -> None:
    async def main() -> None:
        with pytest.raises(UnknownModelError, match="known: openai-gpt4o, b"):
            await rig("openai-gpt4o", "b").router.complete(question("openai-gpt4"))

    run_virtually(main())


def test_a_bug_in_a_provider_propagates_and_does_not_fall_back() -> None:
    class Broken(ScriptedProvider):
        async def complete(self, *args: object, **kwargs: object) -> None:  # type: ignore[override]
            raise ZeroDivisionError

    async def main() -> None:
        r = Rig(config_of(deployment("a"), deployment("b")), Broken())
        with pytest.raises(ZeroDivisionError):
            await r.router.complete(question())

    run_virtually(main())


@pytest.mark.parametrize("name", ["api_base", "api_key", "aws_role_name", "mock_response"])
@pytest.mark.parametrize("streaming", [False, True])
def test_no_request_says_where_or_as_whom_to_call(name: str, streaming: bool) -> None:
    async def main() -> None:
        r = rig("a")
        with pytest.raises(InvalidRequestError, match=name):
            if streaming:
                await read(r.router, question(params={name: "x"}))
            else:
                await r.router.complete(question(params={name: "x"}))
        assert r.provider.asked == []

    run_virtually(main())
