"""One time budget for the whole chain. Times are the event loop's, so that tests may bend them."""

from __future__ import annotations

import asyncio
import math

LEAST_SHARE = 0.75
"""Share of the time left. With little of it the first candidate, which mostly answers, gets the most."""


class OutOfTimeError(Exception):
    """What runs this process is about to stop it, in the middle of a stream."""


class Deadline:
    """Runs out `seconds` after it was made; by default never."""

    def __init__(self, seconds: float = math.inf) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.time() + seconds

    @property
    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._ends - self._loop.time())

    @property
    def expired(self) -> bool:
        return self.left <= 0.0

    def share(self, *, behind: int, reserve: float) -> float:
        """Seconds for one attempt, keeping `reserve` for each candidate behind it."""
        return share(self.left, behind=behind, reserve=reserve)

    def renewed(self, end: Deadline) -> Deadline:
        """A fresh budget of the same size, within `end`: for the first token of a stream that is resumed elsewhere."""
        return Deadline(min(self._seconds, end.left))


def share(left: float, *, behind: int, reserve: float) -> float:
    """What one attempt gets of the `left` seconds: all but `reserve` for each candidate behind it.

    Where that would be too little, three quarters: the last candidate still has its chance.
    """
    return max(left - behind * reserve, left * LEAST_SHARE)


def in_words(seconds: float) -> str:
    """`2.5 s`, `8 ms`: with the digits that matter."""
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds * 1000:.2g} ms"
