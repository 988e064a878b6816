"""Who gave nothing to callers in a hurry. A short limit proves nothing against a deployment, so it opens no circuit;
but callers who would wait no longer need not all find out for themselves."""

from __future__ import annotations

import asyncio
import math

STEPS_PER_DOUBLING = 4
"""Waits are told apart in steps of 19 %, so that limits which differ by a hair are one."""
SHORTEST = 1e-4
"""Seconds. With this and the longest limit there are some ninety steps: the memory is bounded by the mapping."""


class ShortTimeouts:
    """Per deployment and length of the wait: the longest wait in vain of a short while ago is what counts.

    Whole answers and streams are told apart: who has no whole answer yet may well have sent a first token.
    """

    def __init__(self) -> None:
        self._until: dict[tuple[str, bool, int], float] = {}

    def heard_nothing(self, deployment: str, seconds: float, *, streamed: bool, keep: float) -> None:
        """Nothing came within `seconds`; remember it for `keep` seconds."""
        self._until[deployment, streamed, _step(seconds)] = _now() + keep

    def asking(self, deployment: str, seconds: float, *, streamed: bool, keep: float) -> None:
        """A request will wait that long. Where the memory of such a wait has run out, it finds out for all others."""
        key = (deployment, streamed, _step(seconds))
        if key in self._until:
            self._until[key] = _now() + seconds + keep

    def heard(self, deployment: str, seconds: float, *, streamed: bool) -> None:
        """Something came after `seconds`: longer waits are no longer in vain."""
        for key in [key for key in self._until if key[0] == deployment and key[1] in (streamed, True)]:
            if key[2] >= _step(seconds):
                del self._until[key]

    def longest(self, deployment: str, *, streamed: bool) -> float:
        """Seconds that somebody has just waited for it in vain; 0: nobody has."""
        now = _now()
        steps = [
            step
            for (name, first_token, step), until in self._until.items()
            if name == deployment and first_token in (streamed, True) and until > now
        ]
        # The upper edge of the step: the next caller's limit is never the same to the microsecond.
        return 2 ** ((max(steps) + 0.5) / STEPS_PER_DOUBLING) if steps else 0.0


def _step(seconds: float) -> int:
    return round(STEPS_PER_DOUBLING * math.log2(max(seconds, SHORTEST)))


def _now() -> float:
    return asyncio.get_running_loop().time()
