"""Streams under a guardrail: what is held back, what goes out, and how they end."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.routing.failures import FailureKind
from litellm_fallback_router.routing.verdicts import Outcome
from tests.support.guarded_answers import (
    BAD,
    FINE,
    FORBIDDEN,
    asking,
    chunks_of,
    finishes,
    text_of,
)
from tests.support.guards import MESSAGES, guarded_rig
from tests.support.scripted import Step, breaks, question, says
from tests.support.virtual_time import run_virtually


def test_a_stream_that_turns_bad_goes_on_with_the_guardrails_message_and_ends() -> None:
    async def scenario() -> None:
        rig = guarded_rig("a", "b", scripts={"a": [says(BAD)]}, settings={"circuit_failures": 1})
        chunks, result = await chunks_of(rig, question())
        text = text_of(chunks)

        assert finishes(chunks) == ["content_filter"]
        assert text.endswith(MESSAGES["output"])
        released = text.removesuffix(MESSAGES["output"])
        assert released
        assert BAD.startswith(released)
        assert "forbidden" not in released
        (attempt,) = result.ledger.attempts
        assert (attempt.failure, attempt.wasted) == (FailureKind.GUARDRAIL, False)
        assert (rig.provider.asked, rig.provider.open_streams) == (["a"], 0)
        assert await rig.circuits.states(["a"]) == {}

    run_virtually(scenario())


def test_masked_output_replaces_the_answer_also_across_seams() -> None:
    async def scenario() -> None:
        text = "Mail ann@example.com or bob@example.com. " * 30
        rig = guarded_rig("a", scripts={"a": [says(text)]})
        whole = await rig.router.complete(question())
        chunks, streamed = await chunks_of(rig, question())

        assert whole.text == text_of(chunks) == "Mail {EMAIL} or {EMAIL}. " * 30
        assert whole.guardrail is streamed.guardrail is Outcome.MASKED
        assert len(chunks) > 3

    run_virtually(scenario())


def test_a_stream_may_be_held_to_its_end_or_left_unchecked() -> None:
    async def scenario() -> None:
        held = guarded_rig("a", scripts={"a": [says(BAD)]}, stream_window="end")
        chunks, _ = await chunks_of(held, question())
        assert text_of(chunks) == MESSAGES["output"]

        unchecked = guarded_rig("a", scripts={"a": [says(BAD)]}, stream_window="off")
        chunks, result = await chunks_of(unchecked, question())
        assert text_of(chunks) == BAD
        assert result.guardrail is Outcome.UNCHECKED
        with_bad_input, _ = await chunks_of(unchecked, asking(FORBIDDEN))
        assert text_of(with_bad_input) == MESSAGES["input"]

    run_virtually(scenario())


def call_delta(*pieces: str) -> tuple[dict[str, Any], ...]:
    first = {"index": 0, "id": "c1", "type": "function", "function": {"name": "send", "arguments": pieces[0]}}
    more = ({"index": 0, "function": {"arguments": piece}} for piece in pieces[1:])
    return tuple({"tool_calls": [call]} for call in (first, *more))


@pytest.mark.parametrize(
    ("pieces", "arguments"),
    [
        (('{"to": "the', ' cook"}'), '{"to": "the cook"}'),
        (('{"to": "ann@exa', 'mple.com"}'), '{"to": "{EMAIL}"}'),
        (('{"dish": "forbid', 'den fruit"}'), None),
    ],
    ids=["passed", "masked", "blocked"],
)
def test_a_streamed_tool_call_is_checked_whole_before_any_of_it_goes_out(
    pieces: tuple[str, ...], arguments: str | None
) -> None:
    async def scenario() -> None:
        step = Step(pieces=(), deltas=call_delta(*pieces), finish_reason="tool_calls")
        chunks, _ = await chunks_of(guarded_rig("a", scripts={"a": [step]}), question())
        calls = [call for chunk in chunks for c in chunk.choices for call in c["delta"].get("tool_calls", ())]

        if arguments is None:
            assert (calls, text_of(chunks), finishes(chunks)) == ([], MESSAGES["output"], ["content_filter"])
        else:
            assert [(c["id"], c["function"]) for c in calls] == [("c1", {"name": "send", "arguments": arguments})]
            assert finishes(chunks) == ["tool_calls"]

    run_virtually(scenario())


def test_structured_output_is_checked_whole() -> None:
    async def scenario() -> None:
        params = {"response_format": {"type": "json_object"}}
        rig = guarded_rig("a", scripts={"a": [says('{"answer": "' + BAD + '"}')]})
        chunks, _ = await chunks_of(rig, question(params=params))

        assert text_of(chunks) == MESSAGES["output"]

    run_virtually(scenario())


def test_thinking_is_checked_too_and_its_signed_copy_is_withheld_where_it_was_masked() -> None:
    async def scenario() -> None:
        blocks = {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}]}
        fine = Step(deltas=({"reasoning_content": "hm"}, blocks))
        chunks, _ = await chunks_of(guarded_rig("a", scripts={"a": [fine]}), question())
        assert text_of(chunks, "reasoning_content") == "hm"
        assert blocks in [choice["delta"] for chunk in chunks for choice in chunk.choices]

        masked = Step(deltas=({"reasoning_content": "ann@exam"}, {"reasoning_content": "ple.com"}, blocks))
        chunks, _ = await chunks_of(guarded_rig("a", scripts={"a": [masked]}), question())
        assert text_of(chunks, "reasoning_content") == "{EMAIL}"
        assert text_of(chunks) == "Paris is the capital."
        assert blocks not in [choice["delta"] for chunk in chunks for choice in chunk.choices]

        bad = Step(deltas=({"reasoning_content": "forbidden "}, {"reasoning_content": "fruit"}))
        chunks, _ = await chunks_of(guarded_rig("a", scripts={"a": [bad]}), question())
        assert (text_of(chunks, "reasoning_content"), text_of(chunks)) == ("", MESSAGES["output"])

    run_virtually(scenario())


def test_a_resumed_stream_is_checked_across_its_seam() -> None:
    async def scenario() -> None:
        scripts = {"a": [breaks(FINE, "Eat the forbidden ")], "b": [says("fruit. " + FINE)]}
        chunks, result = await chunks_of(guarded_rig("a", "b", scripts=scripts), question())

        assert "forbidden" not in text_of(chunks)
        assert text_of(chunks).endswith(MESSAGES["output"])
        assert [r.id for r in result.responders] == ["a", "b"]

    run_virtually(scenario())


def test_a_caller_who_leaves_a_guarded_stream_stops_the_work_upstream() -> None:
    async def scenario() -> None:
        rig = guarded_rig("a", scripts={"a": [says(FINE)]})
        async with rig.router.stream(question()) as stream:
            await anext(stream)
        assert rig.provider.open_streams == 0
        assert rig.notes.attempts[-1].failure is FailureKind.CALLER_LEFT

    run_virtually(scenario())
