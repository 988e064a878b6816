"""What the ledger says an attempt cost that did not answer: nothing, what was reported, or an estimate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from litellm_fallback_router.routing.continuation.resume import CONTINUE
from litellm_fallback_router.routing.execution.recorder import NO_TOKENS_SPENT
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.failures import ProviderFailure
from litellm_fallback_router.routing.ledger import AttemptRecord, Usage
from tests.support.scripted import Step, breaks, fails, question, read, rig, says
from tests.support.virtual_time import run_virtually

ASKED = len("What is the capital of France?")
ASKED_TOKENS = 8
TOOL = {"type": "function", "function": {"name": "f", "description": "d" * 4000}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"description": "d" * 4000}}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "a" * 4000}}


def first_attempt(step: Step, *, streaming: bool, **fields: Any) -> AttemptRecord:
    """The ledger's line of `a`, which plays `step`; `b` answers."""

    async def main() -> AttemptRecord:
        one = rig("a", "b", scripts={"a": [step]}, content_policy_fallback=True)
        asked = question(**fields)
        result = (await read(one.router, asked))[1] if streaming else await one.router.complete(asked)
        assert result.provider == "openai:b"
        return result.ledger.attempts[0]

    return run_virtually(main())


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("kind", [Kind.UNAVAILABLE, Kind.CONNECTION, Kind.CONTENT_POLICY, Kind.AUTHENTICATION])
def test_a_refusal_to_work_is_free(kind: Kind, streaming: bool) -> None:
    attempt = first_attempt(fails(kind), streaming=streaming)
    assert kind in NO_TOKENS_SPENT
    assert (attempt.usage, attempt.cost_usd, attempt.wasted) == (None, None, False)


@pytest.mark.parametrize("streaming", [False, True])
def test_an_answer_that_broke_off_is_estimated(streaming: bool) -> None:
    attempt = first_attempt(fails(Kind.INVALID_RESPONSE), streaming=streaming)
    assert attempt.usage == Usage(ASKED_TOKENS, 0, estimated=True)
    assert attempt.wasted


@pytest.mark.parametrize(
    "fields",
    [
        {"params": {"tools": [TOOL]}},
        {"params": {"functions": [TOOL["function"]]}},
        {"params": {"response_format": SCHEMA}},
    ],
    ids=["tools", "functions", "response_format"],
)
def test_the_estimate_counts_what_describes_tools_and_answers(fields: dict[str, Any]) -> None:
    usage = first_attempt(fails(Kind.TIMEOUT), streaming=False, **fields).usage
    assert usage is not None
    assert 1000 < usage.prompt_tokens < 1100


def test_the_estimate_counts_tool_calls_of_the_conversation() -> None:
    async def main() -> None:
        one = rig("a", "b", scripts={"a": [fails(Kind.TIMEOUT)]})
        asked = question()
        called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
        result = {"role": "tool", "tool_call_id": "c", "content": "r" * 400}
        asked = replace(asked, messages=[*asked.messages, called, result])
        usage = (await one.router.complete(asked)).ledger.attempts[0].usage
        assert usage is not None
        assert usage.prompt_tokens == (ASKED + 4000 + 400 + 3) // 4

    run_virtually(main())


def test_the_estimate_of_a_continuation_counts_what_it_was_sent() -> None:
    async def main() -> None:
        words = "The capital of France "
        scripts = {"a": [breaks(words)], "b": [breaks("is ")], "c": [says("Paris.")]}
        _, result = await read(rig("a", "b", "c", scripts=scripts).router, question())
        second = result.ledger.attempts[1].usage
        assert second is not None
        assert second.prompt_tokens == (ASKED + len(words) + len(CONTINUE) + 3) // 4

    run_virtually(main())


@pytest.mark.parametrize("usage", [Usage(700, 30), None], ids=["reported", "not reported"])
def test_a_whole_answer_that_a_filter_withheld_is_billed(usage: Usage | None) -> None:
    attempt = first_attempt(Step((), finish_reason="content_filter", usage=usage), streaming=False)
    assert attempt.failure is Kind.CONTENT_POLICY
    assert attempt.usage == (usage or Usage(ASKED_TOKENS, 0, estimated=True))
    assert attempt.wasted


@pytest.mark.parametrize("usage", [Usage(700, 30), None], ids=["reported", "not reported"])
def test_a_stream_that_a_filter_withheld_is_billed(usage: Usage | None) -> None:
    attempt = first_attempt(Step((), finish_reason="content_filter", usage=usage), streaming=True)
    assert (attempt.failure, attempt.status, attempt.wasted) == (Kind.CONTENT_POLICY, 200, True)
    assert attempt.usage == (usage or Usage(ASKED_TOKENS, 0, estimated=True))


def test_what_a_cut_stream_said_of_its_prompt_counts() -> None:
    begins = Usage(900, 1, cached_tokens=300, estimated=True)
    cut = Step(("x" * 40,), begins=begins, failure=ProviderFailure(Kind.STREAM_BROKEN, "cut"))

    async def main() -> None:
        _, result = await read(rig("a", "b", scripts={"a": [cut]}).router, question())
        usage = result.ledger.attempts[0].usage
        assert usage == Usage(900, 10, cached_tokens=300, estimated=True)

    run_virtually(main())


def test_a_stream_that_failed_after_it_said_what_it_read_is_no_refusal() -> None:
    begins = Usage(900, 1, estimated=True)
    overloaded = Step((), begins=begins, failure=ProviderFailure(Kind.UNAVAILABLE, "overloaded"))
    assert first_attempt(overloaded, streaming=True).usage == begins
