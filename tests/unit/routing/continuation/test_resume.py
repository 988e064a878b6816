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
    CUT,
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
            async for chunks in super().stream(*args, **kwargs):
                await asyncio.sleep(8)
                yield chunks

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


def test_the_caller_may_refuse_to_resume() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [CUT]})
        with pytest.raises(StreamInterruptedError):
            await read(r.router, question(constraints=RoutingConstraints(resume=False)))

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


def test_a_break_after_the_finish_reason_loses_nothing() -> None:
    class CutAtTheEnd(ScriptedProvider):
        async def stream(self, *args: Any, **kwargs: Any) -> Any:
            async for chunks in super().stream(*args, **kwargs):
                if chunks[0].usage is not None:
                    raise fails(Kind.STREAM_BROKEN).failure or AssertionError
                yield chunks

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
