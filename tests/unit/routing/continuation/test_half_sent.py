"""What half of was sent when a stream broke: a thought, a call, a form. Continued, begun anew, or an honest error."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_fallback_router.routing.errors import StreamInterruptedError
from tests.support.scripted import (
    CUT,
    Rig,
    ScriptedProvider,
    Step,
    breaks,
    config_of,
    deployment,
    question,
    read,
    rig,
    says,
)
from tests.support.virtual_time import run_virtually

HALF_A_CALL = {"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": '{"a'}}]}


@pytest.mark.parametrize(
    ("params", "deltas", "wasted"),
    [
        ({"response_format": {"type": "json_object"}}, (), True),
        ({"logprobs": True}, (), False),
        ({"n": 2}, (), False),
        ({}, (HALF_A_CALL,), True),
    ],
)
def test_what_cannot_be_continued_ends_in_an_error_and_is_waste_where_half_is_of_no_use(
    params: dict[str, Any], deltas: tuple[dict[str, Any], ...], wasted: bool
) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [breaks("x", deltas=deltas)]})
        with pytest.raises(StreamInterruptedError, match="incomplete") as caught:
            await read(r.router, question(params=params))
        assert r.provider.asked == ["a"]
        [attempt] = caught.value.ledger.attempts
        assert attempt.wasted is wasted
        assert (caught.value.ledger.wasted_usd > 0) is wasted

    run_virtually(main())


def test_the_text_after_a_whole_thought_is_continued_without_thinking() -> None:
    async def main() -> None:
        thought = ({"reasoning_content": "Hm."}, {"thinking_blocks": [{"type": "thinking", "signature": "s"}]})
        claude = deployment("b", provider="anthropic", model="claude-sonnet-4-6")
        r = Rig(config_of(deployment("a"), claude), ScriptedProvider({"a": [breaks("Paris is ", deltas=thought)]}))
        async with r.router.stream(question(params={"thinking": {"type": "adaptive"}})) as stream:
            deltas = [choice["delta"] async for chunk in stream for choice in chunk.choices]
        assert deltas[:2] == list(thought)
        assert "".join(delta.get("content", "") for delta in deltas).startswith("Paris is ")
        *_, rest = r.notes.attempts
        assert (rest.deployment, rest.resumed) == ("b", True)
        assert "thinking dropped (for the rest of an answer)" in rest.adjusted

    run_virtually(main())


def test_half_a_thought_after_text_is_not_continued() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [breaks("", deltas=({"content": "x"}, {"reasoning_content": "hm"}))]})
        with pytest.raises(StreamInterruptedError, match="a thought had been begun"):
            await read(r.router, question())
        assert r.provider.asked == ["a"]

    run_virtually(main())


def test_after_half_a_thought_alone_the_answer_is_begun_anew() -> None:
    async def main() -> None:
        half = ({"reasoning_content": "Hm"}, {"thinking_blocks": [{"type": "thinking", "thinking": "Hm"}]})
        r = rig("a", "b", scripts={"a": [breaks(deltas=half)], "b": [says("Paris.")]})
        asked = question(params={"thinking": {"type": "adaptive"}})
        text, result = await read(r.router, asked)
        assert (text, result.deployment.id) == ("Paris.", "b")
        first, second = r.provider.calls
        assert second.messages == first.messages
        assert second.params == first.params
        assert [attempt.wasted for attempt in r.notes.attempts] == [True, False]

    run_virtually(main())


def test_half_a_tool_call_is_waste_and_its_tokens_are_estimated() -> None:
    async def main() -> None:
        long = {"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": "a" * 400}}]}
        r = rig("a", "b", scripts={"a": [CUT], "b": [breaks(deltas=(long,))]})
        with pytest.raises(StreamInterruptedError) as caught:
            await read(r.router, question())
        text, call = caught.value.ledger.attempts
        assert (text.wasted, call.wasted) == (False, True)
        assert call.usage is not None
        assert call.usage.completion_tokens == 100

    run_virtually(main())


def test_held_back_tool_calls_fall_back_whole() -> None:
    call = {"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": "{}"}}]}

    async def main() -> None:
        whole = Step((), deltas=(call, call), finish_reason="tool_calls")
        r = rig("a", "b", scripts={"a": [breaks(deltas=(call,))], "b": [whole]}, hold_structured=True)
        chunks = [chunk async for chunk in r.router.stream(question())]
        assert [c.choices[0]["delta"] for c in chunks] == [call, call, {}]
        assert r.provider.asked == ["a", "b"]

    run_virtually(main())


def test_what_another_model_thinks_about_the_rest_is_not_sent_into_the_middle_of_the_answer() -> None:
    async def main() -> None:
        thoughts = ({"reasoning_content": "The rest, then."}, {"thinking_blocks": [{"thinking": "Well."}]})
        r = rig("a", "b", scripts={"a": [breaks("Paris is ")], "b": [Step(("the capital.",), deltas=thoughts)]})
        async with r.router.stream(question()) as stream:
            deltas = [choice["delta"] async for chunk in stream for choice in chunk.choices]
        assert deltas == [{"content": "Paris is "}, {"content": "the capital."}, {}]

    run_virtually(main())
