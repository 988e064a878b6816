"""Turns of the event loop: a large request gives some up between its steps, so that others are answered meanwhile."""

from __future__ import annotations

import asyncio
import time

LONG_STEP = 0.002
"""Seconds of processor time; each step of an ordinary request takes less, on a slow machine too."""
TURNS = 3
"""One reads what came meanwhile, the next answers it, the last is behind it."""


async def take_turns() -> None:
    """Let other requests run."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def after_step(began: float) -> float:
    """Let other requests run if the step before this call was a long one.

    Args:
        began: When the step began, as `time.thread_time()` told it.

    Returns:
        When the next step begins.
    """
    if time.thread_time() - began > LONG_STEP:
        await take_turns()
    return time.thread_time()
