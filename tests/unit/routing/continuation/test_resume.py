"""Streams that break in the middle, with scripted providers and a clock that jumps."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from litellm_fallback_router.routing.continuation.resume import CONTINUE
from litellm_fallback_router.routing.errors import StreamInterruptedError
from litellm_fallback_router.routing.failures import FailureKind as Kind
from litellm_fallback_router.routing.types import ModelInfo, RoutingConstraints
from tests.support.scripted import (
    Rig,
    ScriptedProvider,
    Step,
    breaks,
    config_of,
    deployment,
    fails,
    question,
    read,
    rig,
    says,
)
from tests.support.virtual_time import run_virtually

CUT = breaks("The capital ", "of France")
HALF_A_CALL = {"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": '{"a'}}]}


def test_a_cut_stream_is_continued_elsewhere() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [CUT], "b": [says(" is Paris.")]})
        text, result = await read(r.router, question())
        assert text == "The capital of France is Paris."
        assert [d.id for d in result.responders] == ["a", "b"]
        assert result.fallback
        first, second = result.ledger.attempts
        assert (first.failure, first.wasted, second.resumed) == (Kind.STREAM_BROKEN, False, True)
        assert r.provider.calls[1].messages[-2:] == [
            {"role": "assistant", "content": "The capital of France"},
            {"role": "user", "content": CONTINUE},
        ]
        assert result.usage.completion_tokens > 5, "what the broken attempt sent counts"
        assert result.usage.estimated

    run_virtually(main())


def test_a_model_that_supports_it_continues_by_prefill() -> None:
    async def main() -> None:
        config = config_of(deployment("a"), deployment("b", info=ModelInfo(prefill=True)))
        r = Rig(config, ScriptedProvider({"a": [breaks("The capital ")], "b": [says(" is Paris.")]}))
        text, _ = await read(r.router, question())
        assert r.provider.calls[1].messages[-1] == {"role": "assistant", "content": "The capital"}
        assert text == "The capital is Paris."

    run_virtually(main())


@pytest.mark.parametrize("prefill", [True, False])
def test_white_space_alone_is_nothing_to_continue(prefill: bool) -> None:
    async def main() -> None:
        config = config_of(deployment("a"), deployment("b", info=ModelInfo(prefill=prefill)))
        r = Rig(config, ScriptedProvider({"a": [breaks("\n ")], "b": [says("Paris.")]}))
        text, _ = await read(r.router, question())
        assert r.provider.calls[1].messages == r.provider.calls[0].messages
        assert text.strip() == "Paris."

    run_virtually(main())


@pytest.mark.parametrize("continuation", [" is Paris.", "The capital of France is Paris."])
def test_restart_and_continuation_read_the_same(continuation: str) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [CUT], "b": [says(continuation)]})
        assert (await read(r.router, question()))[0] == "The capital of France is Paris."

    run_virtually(main())


def test_a_stalled_stream_is_continued_after_the_stall_limit() -> None:
    async def main() -> None:
        stalled = Step(("The capital ", "of France"), silent=True)
        r = rig("a", "b", scripts={"a": [stalled], "b": [says(" is Paris.")]})
        text, result = await read(r.router, question())
        assert text == "The capital of France is Paris."
        assert r.provider.calls[1].at == pytest.approx(10.0, abs=0.1)
        assert "stalled" in result.ledger.attempts[0].reason

    run_virtually(main())


def test_a_slow_stream_outlives_the_deadline_while_it_flows() -> None:
    class Slow(ScriptedProvider):
        async def stream(self, *args: Any, **kwargs: Any) -> Any:
            async for chunk in super().stream(*args, **kwargs):
                await asyncio.sleep(8)
                yield chunk

    async def main() -> None:
        numbers = " ".join(str(n) for n in range(40))
        r = Rig(config_of(deployment("a")), Slow({"a": [says(numbers)]}))
        text, _ = await read(r.router, question())
        assert text == numbers
        assert asyncio.get_running_loop().time() > 300

    run_virtually(main())


def test_a_stream_that_breaks_after_its_deadline_is_still_continued() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [CUT], "b": [says(" is Paris.")]}, deadline=5)
        stream = r.router.stream(question())
        text = (await anext(stream)).choices[0]["delta"]["content"]
        await asyncio.sleep(60)
        async for chunk in stream:
            text += chunk.choices[0]["delta"].get("content", "")
        assert text == "The capital of France is Paris."

    run_virtually(main())


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


def test_the_caller_may_refuse_to_resume() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [CUT]})
        with pytest.raises(StreamInterruptedError):
            await read(r.router, question(constraints=RoutingConstraints(resume=False)))

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


def test_nobody_left_to_continue_is_an_error_and_no_end() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [CUT], "b": [fails(Kind.UNAVAILABLE)]})
        seen = ""
        with pytest.raises(StreamInterruptedError) as caught:
            async for chunk in r.router.stream(question()):
                assert chunk.choices[0]["finish_reason"] is None
                seen += chunk.choices[0]["delta"]["content"]
        assert seen == "The capital of France"
        assert len(caught.value.ledger.attempts) == 4
        assert r.provider.open_streams == 0

    run_virtually(main())


def test_what_was_sent_counts_against_max_tokens() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [CUT], "b": [says(" is Paris.")]})
        await read(r.router, question(params={"max_tokens": 20}))
        assert r.provider.calls[1].params["max_tokens"] == 20 - 6
        r = rig("a", "b", scripts={"a": [CUT]})
        chunks = [chunk async for chunk in r.router.stream(question(params={"max_tokens": 6}))]
        assert chunks[-1].choices[0]["finish_reason"] == "length"
        assert r.provider.asked == ["a"]

    run_virtually(main())


def test_a_stop_string_across_the_seam_ends_the_stream() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [breaks("one two ST")], "b": [says("OP three four")]})
        chunks = [chunk async for chunk in r.router.stream(question(params={"stop": ["STOP"]}))]
        text = "".join(c.choices[0]["delta"].get("content", "") for c in chunks)
        assert text == "one two ST"
        assert chunks[-1].choices[0]["finish_reason"] == "stop"
        assert r.provider.open_streams == 0

    run_virtually(main())


def test_a_break_after_the_finish_reason_loses_nothing() -> None:
    class CutAtTheEnd(ScriptedProvider):
        async def stream(self, *args: Any, **kwargs: Any) -> Any:
            async for chunk in super().stream(*args, **kwargs):
                if chunk.usage is not None:
                    raise fails(Kind.STREAM_BROKEN).failure or AssertionError
                yield chunk

    async def main() -> None:
        r = Rig(config_of(deployment("a"), deployment("b")), CutAtTheEnd())
        text, result = await read(r.router, question())
        assert text == "Paris is the capital."
        assert result.usage.estimated
        assert r.provider.asked == ["a"]

    run_virtually(main())


def test_closing_the_stream_stops_the_work_upstream() -> None:
    async def main() -> None:
        r = rig("a", "b")
        stream = r.router.stream(question())
        await stream.start()
        assert r.provider.open_streams == 1
        await stream.aclose()
        assert r.provider.open_streams == 0
        assert r.notes.attempts[-1].failure is Kind.CALLER_LEFT
        assert len(r.notes.outcomes) == 1

    run_virtually(main())


def test_what_another_model_thinks_about_the_rest_is_not_sent_into_the_middle_of_the_answer() -> None:
    async def main() -> None:
        thoughts = ({"reasoning_content": "The rest, then."}, {"thinking_blocks": [{"thinking": "Well."}]})
        r = rig("a", "b", scripts={"a": [breaks("Paris is ")], "b": [Step(("the capital.",), deltas=thoughts)]})
        async with r.router.stream(question()) as stream:
            deltas = [choice["delta"] async for chunk in stream for choice in chunk.choices]
        assert deltas == [{"content": "Paris is "}, {"content": "the capital."}, {}]

    run_virtually(main())


@pytest.mark.parametrize(
    ("sent", "rest", "stop", "text"),
    [
        ("Paris is the capital. Paris ", "is", None, "Paris is the capital. Paris is"),
        ("The E", "ND of it", "END", "The E"),
        ("The E", "ND of it", ["x", "END"], "The E"),
    ],
)
def test_a_short_rest_is_not_lost_and_a_stop_string_across_the_seam_ends_it(
    sent: str, rest: str, stop: str | list[str] | None, text: str
) -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [breaks(sent)], "b": [Step((rest,))]})
        params = {} if stop is None else {"stop": stop}
        said, result = await read(r.router, question(params=params))
        assert said == text
        assert [place.id for place in result.responders] == ["a", "b"]

    run_virtually(main())
