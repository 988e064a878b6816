"""Questions and answers under a guardrail: who is asked what, what the caller gets, what the ledger says."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.routing.errors import (
    ConfigurationError,
    ContentPolicyError,
    DeadlineExceededError,
    GuardrailUnreachableError,
)
from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.interceptors.guardrail.windows import MAX_CHARACTERS
from litellm_fallback_router.routing.verdicts import Outcome
from tests.support.guarded_answers import (
    BAD,
    FINE,
    FORBIDDEN,
    PERSONAL,
    asking,
    chunks_of,
    finishes,
    record_of,
    text_of,
)
from tests.support.guards import MESSAGES, RuledGuard, guarded_config, guarded_rig
from tests.support.scripted import Rig, ScriptedProvider, config_of, deployment, fails, question, says
from tests.support.virtual_time import run_virtually


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_harmless_question_and_answer_pass_unchanged(stream: bool) -> None:
    async def scenario() -> None:
        guard = RuledGuard()
        rig = guarded_rig("a", guard=guard, scripts={"a": [says(FINE)]})
        if stream:
            chunks, result = await chunks_of(rig, question())
            text, finish = text_of(chunks), finishes(chunks)
            assert len(chunks) > 2, "it still streams"
        else:
            result = await rig.router.complete(question())
            text, finish = result.text, [result.choices[0]["finish_reason"]]

        assert (text, finish) == (FINE, ["stop"])
        assert result.guardrail is Outcome.PASSED
        assert guard.sources()[0] == "input"
        assert set(guard.sources()[1:]) == {"output"}
        assert record_of(result)["checks"] == record_of(result)["units"] == len(guard.asked)

    run_virtually(scenario())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_blocked_question_is_answered_by_the_guardrail_and_reaches_no_provider(stream: bool) -> None:
    async def scenario() -> None:
        rig = guarded_rig("a", "b")
        if stream:
            chunks, result = await chunks_of(rig, asking(FORBIDDEN))
            text, finish = text_of(chunks), finishes(chunks)
        else:
            result = await rig.router.complete(asking(FORBIDDEN))
            text, finish = result.text, [result.choices[0]["finish_reason"]]

        assert (text, finish) == (MESSAGES["input"], ["content_filter"])
        assert rig.provider.asked == []
        assert (result.provider, result.fallback, result.cost_usd) == ("guardrail:abc123", False, None)
        assert result.guardrail is Outcome.BLOCKED
        assert rig.notes.outcomes == [result]

    run_virtually(scenario())


def test_a_blocked_answer_is_replaced_never_falls_back_and_trips_no_circuit() -> None:
    async def scenario() -> None:
        rig = guarded_rig("a", "b", scripts={"a": [says(BAD)]}, settings={"circuit_failures": 1})
        for _ in range(3):
            result = await rig.router.complete(question(params={"logprobs": True}))

            assert result.text == MESSAGES["output"]
            assert result.choices[0]["finish_reason"] == "content_filter"
            assert (result.deployment.id, result.fallback, result.usage.total_tokens) == ("a", False, 15)
        assert rig.provider.asked == ["a"] * 3

    run_virtually(scenario())


@pytest.mark.parametrize("messages", [FORBIDDEN, question().messages], ids=["input", "output"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_block_is_a_400_where_the_mapping_says_so(messages: Any, stream: bool) -> None:
    async def scenario() -> None:
        rig = guarded_rig("a", scripts={"a": [says(BAD)]}, on_block="error")
        request = asking(messages)
        with pytest.raises(ContentPolicyError, match=r"I cannot (talk about|say) that") as blocked:
            await (chunks_of(rig, request) if stream else rig.router.complete(request))
        assert blocked.value.ledger.guardrail is not None
        assert blocked.value.ledger.guardrail.outcome is Outcome.BLOCKED
        assert rig.notes.outcomes == [blocked.value]

    run_virtually(scenario())


def test_masked_input_is_what_the_providers_get() -> None:
    async def scenario() -> None:
        rig = guarded_rig("a", "b", scripts={"a": [fails(FailureKind.UNAVAILABLE)]})
        tools = [{"type": "function", "function": {"name": "send", "description": "mails bob@example.com"}}]
        result = await rig.router.complete(asking(PERSONAL, params={"tools": tools, "temperature": 0.5}))

        assert {call.deployment for call in rig.provider.calls} == {"a", "b"}
        for call in rig.provider.calls:
            assert call.messages == [{"role": "user", "content": [{"type": "text", "text": "I am {EMAIL}"}]}]
            assert call.params["tools"][0]["function"] == {"name": "send", "description": "mails {EMAIL}"}
        assert (result.guardrail, record_of(result)["input"]) == (Outcome.MASKED, "masked")

    run_virtually(scenario())


def test_a_text_longer_than_one_check_is_checked_in_overlapping_parts() -> None:
    async def scenario() -> None:
        guard = RuledGuard()
        long = "word " * (MAX_CHARACTERS // 5 - 2) + "forbidden fruit " + "word " * 4000
        result = await guarded_rig("a", guard=guard).router.complete(asking([{"role": "user", "content": long}]))

        assert result.guardrail is Outcome.BLOCKED
        assert len(guard.asked) > 1
        assert all(sum(map(len, texts)) <= MAX_CHARACTERS for _, texts in guard.asked)

    run_virtually(scenario())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_without_a_verdict_nothing_is_answered(stream: bool) -> None:
    async def scenario() -> None:
        rig = guarded_rig("a", guard=RuledGuard(unreachable=True))
        with pytest.raises(GuardrailUnreachableError) as failed:
            await (chunks_of(rig, question()) if stream else rig.router.complete(question()))
        assert rig.provider.asked == []
        assert failed.value.ledger.guardrail is not None
        assert failed.value.ledger.guardrail.unreachable

    run_virtually(scenario())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_guardrail_that_fails_open_lets_through_and_says_so(stream: bool) -> None:
    async def scenario() -> None:
        guard = RuledGuard(unreachable=True)
        rig = guarded_rig("a", guard=guard, scripts={"a": [says(BAD)]}, on_unreachable="fail_open")
        if stream:
            chunks, result = await chunks_of(rig, question())
            text = text_of(chunks)
        else:
            result = await rig.router.complete(question())
            text = result.text
        assert text == BAD
        assert (record_of(result)["input"], record_of(result)["output"]) == ("unchecked", "unchecked")
        assert guard.sources() == ["input", "output"], "once given up, it is not waited for again"

    run_virtually(scenario())


def test_a_callers_short_deadline_is_no_way_past_a_guardrail_that_fails_open() -> None:
    async def scenario() -> None:
        rig = guarded_rig("a", guard=RuledGuard(wait=5), on_unreachable="fail_open")
        with pytest.raises(DeadlineExceededError):
            await rig.router.complete(asking(FORBIDDEN, timeout=0.1))
        assert rig.provider.asked == []

    run_virtually(scenario())


BESIDE: dict[str, Any] = {"providers": {"a": "bedrock"}, "parallel": True}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_beside_bedrock_the_input_check_costs_no_time(stream: bool) -> None:
    async def scenario() -> None:
        rig = guarded_rig("a", guard=RuledGuard(wait=2), scripts={"a": [says(FINE, wait=2)]}, **BESIDE)
        result = (await chunks_of(rig, question()))[1] if stream else await rig.router.complete(question())

        assert result.guardrail is Outcome.PASSED
        assert rig.provider.calls[0].at < 1

    run_virtually(scenario())


@pytest.mark.parametrize("slow", ["guard", "provider"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_beside_bedrock_nothing_is_released_before_the_verdict(stream: bool, slow: str) -> None:
    async def scenario() -> None:
        guard = RuledGuard(wait=5 if slow == "guard" else 0.1)
        script = {"a": [says(FINE, wait=0.1 if slow == "guard" else 5)]}
        rig = guarded_rig("a", "b", guard=guard, scripts=script, **BESIDE)
        if stream:
            chunks, result = await chunks_of(rig, asking(FORBIDDEN))
            assert text_of(chunks) == MESSAGES["input"]
        else:
            result = await rig.router.complete(asking(FORBIDDEN))
            assert result.text == MESSAGES["input"]
        assert rig.provider.asked == ["a"]
        assert rig.provider.open_streams == 0
        if slow == "provider":
            assert result.ledger.attempts[0].failure is FailureKind.GUARDRAIL

    run_virtually(scenario())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_beside_bedrock_no_other_provider_is_asked_before_the_verdict(stream: bool) -> None:
    async def scenario() -> None:
        failing = {"a": [fails(FailureKind.PERMISSION)]}
        rig = guarded_rig("a", "b", guard=RuledGuard(wait=3), scripts=failing, **BESIDE)
        blocked = asking(FORBIDDEN)
        await (chunks_of(rig, blocked) if stream else rig.router.complete(blocked))
        assert rig.provider.asked == ["a"]
        await (chunks_of(rig, question()) if stream else rig.router.complete(question()))
        assert rig.provider.asked == ["a", "a", "b"]

    run_virtually(scenario())


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_beside_bedrock_a_masked_question_is_asked_again_masked(stream: bool) -> None:
    async def scenario() -> None:
        rig = guarded_rig("a", guard=RuledGuard(wait=1), scripts={"a": [says(FINE, wait=0.1)]}, **BESIDE)
        if stream:
            chunks, result = await chunks_of(rig, asking(PERSONAL))
            assert text_of(chunks) == FINE
        else:
            result = await rig.router.complete(asking(PERSONAL))
            assert result.text == FINE
        assert [call.messages[0]["content"][0]["text"] for call in rig.provider.calls] == [
            "I am ann@example.com",
            "I am {EMAIL}",
        ]
        assert result.guardrail is Outcome.MASKED

    run_virtually(scenario())


def test_where_another_provider_is_first_the_input_is_checked_before_it_is_asked() -> None:
    async def scenario() -> None:
        rig = guarded_rig("a", "b", providers={"b": "bedrock"}, parallel=True)
        await rig.router.complete(asking(FORBIDDEN))
        assert rig.provider.asked == []

    run_virtually(scenario())


def test_a_guardrail_that_nobody_can_ask_stops_the_start() -> None:
    async def scenario() -> None:
        config = guarded_config(config_of(deployment("a")))
        with pytest.raises(ConfigurationError, match="guardrail: nothing here can ask it"):
            Rig(config, ScriptedProvider())

    run_virtually(scenario())
