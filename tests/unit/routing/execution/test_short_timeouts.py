"""What is remembered of waits in vain, and a budget that is renewed."""

from __future__ import annotations

import asyncio

import pytest

from litellm_fallback_router.routing.deadline import Deadline
from litellm_fallback_router.routing.execution.short_timeouts import STEPS_PER_DOUBLING, ShortTimeouts
from tests.support.virtual_time import run_virtually

STEP = 2 ** (1 / STEPS_PER_DOUBLING)
"""Waits within this factor are one."""


def remembered(short_timeouts: ShortTimeouts, seconds: float, *, streamed: bool = False) -> bool:
    """Whether the longest wait in vain was of about that many seconds, and not told too short."""
    return seconds <= short_timeouts.longest("a", streamed=streamed) <= seconds * STEP


def test_the_longest_wait_counts_and_an_answer_clears_the_longer_ones_only() -> None:
    async def main() -> None:
        short_timeouts = ShortTimeouts()
        for seconds in (1.0, 4.0):
            short_timeouts.timed_out("a", seconds, streamed=False, keep=10.0)
        assert remembered(short_timeouts, 4.0)
        short_timeouts.answered("a", 2.0, streamed=False)
        assert remembered(short_timeouts, 1.0)
        assert short_timeouts.longest("b", streamed=False) == 0.0
        await asyncio.sleep(10.0)
        assert short_timeouts.longest("a", streamed=False) == 0.0

    run_virtually(main())


def test_without_a_first_token_there_is_no_whole_answer_but_not_the_other_way_round() -> None:
    async def main() -> None:
        short_timeouts = ShortTimeouts()
        short_timeouts.timed_out("a", 4.0, streamed=False, keep=10.0)
        assert short_timeouts.longest("a", streamed=True) == 0.0
        short_timeouts.timed_out("a", 8.0, streamed=True, keep=10.0)
        assert remembered(short_timeouts, 8.0, streamed=False)
        short_timeouts.answered("a", 1.0, streamed=True)
        assert short_timeouts.longest("a", streamed=True) == 0.0
        assert remembered(short_timeouts, 4.0)
        short_timeouts.timed_out("a", 8.0, streamed=True, keep=10.0)
        short_timeouts.answered("a", 1.0, streamed=False)
        assert short_timeouts.longest("a", streamed=True) == 0.0

    run_virtually(main())


def test_who_finds_out_for_the_others_keeps_the_memory_until_it_knows() -> None:
    async def main() -> None:
        short_timeouts = ShortTimeouts()
        short_timeouts.timed_out("a", 4.0, streamed=False, keep=5.0)
        await asyncio.sleep(6.0)
        assert short_timeouts.longest("a", streamed=False) == 0.0
        short_timeouts.attempt_begins("a", 4.0, streamed=False, keep=5.0)
        await asyncio.sleep(8.9)
        assert remembered(short_timeouts, 4.0)
        await asyncio.sleep(0.2)
        assert short_timeouts.longest("a", streamed=False) == 0.0

    run_virtually(main())


def test_a_renewed_budget_is_as_large_as_the_first_and_ends_with_the_process() -> None:
    async def main() -> None:
        budget = Deadline(10.0)
        await asyncio.sleep(7.0)
        assert budget.renewed(Deadline()).left == pytest.approx(10.0)
        assert budget.renewed(Deadline(4.0)).left == pytest.approx(4.0)

    run_virtually(main())
