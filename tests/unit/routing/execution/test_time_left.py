"""What a request may do when the process that serves it is about to be stopped."""

from __future__ import annotations

import asyncio

import pytest

from litellm_fallback_router.routing.errors import DeadlineExceededError, StreamInterruptedError
from litellm_fallback_router.routing.failures import FailureKind
from tests.support.scripted import SILENCE, Step, breaks, question, rig
from tests.support.virtual_time import run_virtually

STALLS = Step(("One ", "two "), silent=True)


def test_a_whole_answer_is_given_up_before_the_process_stops() -> None:
    async def main() -> None:
        r = rig("a", scripts={"a": [SILENCE]})
        with pytest.raises(DeadlineExceededError):
            await r.router.complete(question(time_left=3.0))
        assert asyncio.get_running_loop().time() == pytest.approx(3.0, abs=0.1)

    run_virtually(main())


def test_a_flowing_stream_ends_in_an_error_before_the_process_stops() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [STALLS]}, stall_timeout=600)
        async with r.router.stream(question(time_left=3.0)) as stream:
            text = ""
            with pytest.raises(StreamInterruptedError, match="time for one request ran out"):
                async for chunk in stream:
                    text += chunk.choices[0]["delta"].get("content") or ""
        assert text == "One two "
        assert asyncio.get_running_loop().time() == pytest.approx(3.0, abs=0.1)
        assert r.provider.asked == ["a"], "nobody else is asked when no time is left"
        assert r.provider.open_streams == 0

    run_virtually(main())


def test_what_the_first_call_waits_for_is_no_attempt_and_is_not_held_against_anybody() -> None:
    async def main() -> None:
        one = rig("a", "b")
        one.provider.loads_for = 3.0
        with pytest.raises(DeadlineExceededError) as failed:
            await one.router.complete(question(timeout=1.0))
        assert (failed.value.ledger.attempts, one.provider.calls) == ((), [])
        one.provider.loads_for = 0.0
        assert (await one.router.complete(question(timeout=1.0))).responders[0].id == "a"

    run_virtually(main())


def test_running_out_of_time_is_not_held_against_the_deployment_that_was_answering() -> None:
    async def main() -> None:
        r = rig("a", scripts={"a": [STALLS]}, stall_timeout=600, circuit_failures=1)
        async with r.router.stream(question(time_left=3.0)) as stream:
            with pytest.raises(StreamInterruptedError):
                _ = [chunk async for chunk in stream]
        assert await r.circuits.states(["a"]) == {}
        [attempt] = r.notes.attempts
        assert (attempt.failure, attempt.wasted) == (FailureKind.TIMEOUT, False)

    run_virtually(main())


def test_a_broken_stream_is_not_continued_beyond_the_time_left() -> None:
    async def main() -> None:
        r = rig("a", "b", scripts={"a": [breaks("One ", "two ")], "b": [SILENCE]})
        async with r.router.stream(question(time_left=3.0)) as stream:
            with pytest.raises(StreamInterruptedError):
                _ = [chunk async for chunk in stream]
        assert r.provider.asked == ["a", "b"]
        assert asyncio.get_running_loop().time() == pytest.approx(3.0, abs=0.1)

    run_virtually(main())


def test_a_stream_shorter_than_the_time_left_is_untouched() -> None:
    async def main() -> None:
        r = rig("a")
        async with r.router.stream(question(time_left=3.0)) as stream:
            text = "".join([c.choices[0]["delta"].get("content") or "" async for c in stream if c.choices])
        assert text == "Paris is the capital."
        assert stream.result.provider == "openai:a"

    run_virtually(main())
