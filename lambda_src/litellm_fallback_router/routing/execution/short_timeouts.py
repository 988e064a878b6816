"""Timeouts shorter than the deployment's own limit, which a caller's deadline caused. They open no circuit, but
requests with as little time put the deployment last for a while."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection

STEPS_PER_DOUBLING = 4
"""Waits are told apart in steps of 19 %, so that limits which differ by a hair are one."""
SHORTEST = 1e-4
"""Seconds. With this and the longest limit there are some ninety steps: the memory is bounded by the mapping."""


class ShortTimeouts:
    """The longest such timeout of each deployment within the last seconds.

    Whole answers and streams are kept apart: a first token may arrive long before a whole answer.
    """

    def __init__(self) -> None:
        self._until: dict[tuple[str, bool, int], float] = {}

    def timed_out(self, deployment: str, seconds: float, *, streamed: bool, keep: float) -> None:
        """Remember for `keep` seconds that no answer arrived within `seconds`."""
        self._until[deployment, streamed, _step(seconds)] = _now() + keep

    def attempt_begins(self, deployment: str, seconds: float, *, streamed: bool, keep: float) -> None:
        """Note an attempt with this limit. Once the memory of such a timeout has expired, one request tests it anew."""
        if self._until and (key := (deployment, streamed, _step(seconds))) in self._until:
            self._until[key] = _now() + seconds + keep

    def answered(self, deployment: str, seconds: float, *, streamed: bool) -> None:
        """Forget timeouts of `seconds` and more: an answer arrived within that time."""
        if not self._until:
            return
        for key in [key for key in self._until if key[0] == deployment and key[1] in (streamed, True)]:
            if key[2] >= _step(seconds):
                del self._until[key]

    def carried(self, same: Collection[str]) -> ShortTimeouts:
        """Make those of another mapping, with what is known of the deployments of `same` (ids)."""
        other = ShortTimeouts()
        other._until = {key: until for key, until in self._until.items() if key[0] in same}
        return other

    def of(self, deployments: Collection[str], *, streamed: bool) -> dict[str, float]:
        """The longest of each of `deployments` (ids) that has any, in seconds."""
        if not self._until:
            return {}
        return {name: longest for name in deployments if (longest := self.longest(name, streamed=streamed))}

    def longest(self, deployment: str, *, streamed: bool) -> float:
        """Seconds of the longest timeout remembered; 0: none."""
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
