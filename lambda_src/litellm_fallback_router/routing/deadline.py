"""One time budget for the whole chain. Times are the event loop's, so that tests may bend them."""

from __future__ import annotations

import asyncio
import math


class OutOfTimeError(Exception):
    """What runs this process is about to stop it, in the middle of a stream."""


class Deadline:
    """Runs out `seconds` after it was made; by default never."""

    def __init__(self, seconds: float = math.inf) -> None:
        self._seconds = seconds
        self._ends = asyncio.get_running_loop().time() + seconds

    @property
    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._ends - asyncio.get_running_loop().time())

    @property
    def expired(self) -> bool:
        return self.left <= 0.0

    def share(self, *, behind: int, reserve: float) -> float:
        """Seconds for one attempt, keeping `reserve` for each candidate behind it.

        Where the budget is too small for that, the attempt gets half of what is left: most requests are
        answered by the first candidate, and the last one still has its chance.
        """
        left = self.left
        return left if behind == 0 else max(left - behind * reserve, left / 2)

    def renewed(self, end: Deadline) -> Deadline:
        """A fresh budget of the same size, within `end`: for the first token of a stream that is resumed elsewhere."""
        return Deadline(min(self._seconds, end.left))
