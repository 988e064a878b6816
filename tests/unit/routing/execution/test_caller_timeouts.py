"""Callers with little time: what they get, and what a deployment that is silent to them teaches."""

from __future__ import annotations

import asyncio

import pytest

from litellm_fallback_router.routing.errors import RouterError
from litellm_fallback_router.routing.execution.short_timeouts import ShortTimeouts
from tests.support.scripted import SILENCE, Rig, question, read, rig, says
from tests.support.virtual_time import run_virtually


async def seconds_of(r: Rig, *, streaming: bool = False, timeout: float | None = 5.0) -> tuple[str, float]:
    """Who answered, and after how many seconds."""
    clock = asyncio.get_running_loop()
    began = clock.time()
    request = question(timeout=timeout)
    result = (await read(r.router, request))[1] if streaming else await r.router.complete(request)
    return result.deployment.id, clock.time() - began


@pytest.mark.parametrize("streaming", [False, True])
def test_a_short_deadline_is_enough_for_a_first_candidate_that_takes_most_of_it(streaming: bool) -> None:
    async def main() -> None:
        r = rig(*"abcde", scripts={name: [says("fine", wait=3.0)] for name in "abcde"})
        assert (await seconds_of(r, streaming=streaming))[0] == "a"

    run_virtually(main())


@pytest.mark.parametrize("streaming", [False, True])
def test_the_first_caller_pays_for_a_silent_primary_and_the_following_do_not(streaming: bool) -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={"a": [SILENCE]})
        who, seconds = await seconds_of(r, streaming=streaming)
        assert (who, round(seconds, 2)) == ("b", 3.76)
        for _ in range(50):
            who, seconds = await seconds_of(r, streaming=streaming)
            assert (who, round(seconds, 2)) == ("b", 0.01)
            await asyncio.sleep(0.05)
        assert await r.circuits.states(["a"]) == {}, "nobody's haste opens a circuit"

    run_virtually(main())


def test_after_a_while_one_caller_at_a_time_finds_out_whether_it_is_still_silent() -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={"a": [SILENCE]})
        await seconds_of(r)
        await asyncio.sleep(6)
        together = await asyncio.gather(*(seconds_of(r) for _ in range(20)))
        assert sum(seconds > 1 for _, seconds in together) == 1
        await asyncio.sleep(6)
        r.provider.scripts["a"] = [says("back")]
        assert [(await seconds_of(r))[0] for _ in range(3)] == ["a"] * 3

    run_virtually(main())


def test_a_patient_caller_still_asks_the_primary_first() -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={"a": [SILENCE, says("slow but sure", wait=8)]})
        assert (await seconds_of(r))[0] == "b"
        assert (await seconds_of(r, timeout=None))[0] == "a"
        assert (await seconds_of(r))[0] == "b", "that it takes 8 s is no help to who has 5 s"

    run_virtually(main())


def test_a_caller_of_a_millisecond_harms_nobody() -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={"a": [says("fine", wait=0.5)]})
        for _ in range(20):
            with pytest.raises(RouterError):
                await seconds_of(r, timeout=0.001)
            assert (await seconds_of(r))[0] == "a"

    run_virtually(main())


def test_a_whole_answer_that_takes_long_says_nothing_about_a_first_token() -> None:
    async def main() -> None:
        r = rig(*"abc", scripts={"a": [SILENCE, says("first token", wait=0.5)]})
        assert (await seconds_of(r, streaming=False))[0] == "b"
        assert (await seconds_of(r, streaming=True))[0] == "a"

    run_virtually(main())


def test_a_first_token_in_time_clears_a_silent_primary_however_long_its_stream_takes() -> None:
    async def main() -> None:
        r = rig(*"ab", scripts={"a": [SILENCE, says("first token", wait=0.5)]}, circuit_open_seconds=60)
        for _ in range(2):
            assert (await seconds_of(r, streaming=True))[0] == "b"
        async with r.router.stream(question()) as stream:
            async for _ in stream:
                await asyncio.sleep(5)  # a slow reader makes a long stream
        assert stream.result.deployment.id == "a"
        assert (await seconds_of(r, streaming=True))[0] == "a"

    run_virtually(main())


def test_a_silent_primary_is_asked_after_the_others_and_the_ledger_says_why_it_was_not() -> None:
    async def main() -> None:
        r = rig(*"ab", scripts={"a": [SILENCE, says("after all")]})
        await seconds_of(r)
        result = await r.router.complete(question(timeout=5.0))
        assert [(drop.deployment, drop.code) for drop in result.ledger.dropped] == [("a", "silent")]
        assert "nothing for" in result.ledger.dropped[0].reason
        r.provider.scripts["b"] = [SILENCE]
        assert (await seconds_of(r))[0] == "a"

    run_virtually(main())


def test_who_was_silent_leaves_time_for_a_deployment_that_is_thought_to_be_down() -> None:
    async def main() -> None:
        r = rig(*"ab", scripts={"a": [SILENCE]}, circuit_open_seconds=60)
        for _ in range(3):
            await r.circuits.failed("b")
        with pytest.raises(RouterError):
            await seconds_of(r)
        assert (await seconds_of(r))[0] == "b"

    run_virtually(main())


def test_a_limit_below_a_tenth_of_a_second_is_told_in_milliseconds() -> None:
    async def main() -> None:
        r = rig("a", scripts={"a": [SILENCE]})
        with pytest.raises(RouterError, match="no answer within 8 ms"):
            await r.router.complete(question(timeout=0.008))

    run_virtually(main())


def test_the_memory_is_bounded_whatever_limits_callers_choose() -> None:
    async def main() -> None:
        short_timeouts = ShortTimeouts()
        for number in range(20_000):
            short_timeouts.timed_out("a", 900 / 1.001**number, streamed=bool(number % 2), keep=5.0)
        assert len(short_timeouts._until) < 250
        short_timeouts.answered("a", 0.0, streamed=False)
        assert short_timeouts.longest("a", streamed=False) == 0.0

    run_virtually(main())
