"""How long each deployment took of late: until a stream's first token, and for a whole answer. Whoever wants to tell a
slow answer from an ordinary one reads it: hedging, and the order within a group."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Collection

KEPT = 256
"""Samples of a deployment; older ones are forgotten, so the memory is bounded by the mapping."""
ENOUGH = 20
"""Samples without which nothing is said of a tail: the 95th percentile of fewer would be their maximum."""
NEWEST = 0.125
"""Weight of the newest sample in the average, as of the round-trip time of TCP. Source: RFC 6298, section 2."""


class Latencies:
    """The recent latencies of all deployments, in seconds. Shared by a process's requests.

    Whole answers and first tokens are kept apart: a first token may arrive long before a whole answer.
    """

    def __init__(self) -> None:
        self._recent: dict[tuple[str, bool], _Recent] = {}

    def note(self, deployment: str, seconds: float, *, streamed: bool) -> None:
        """Note a first token (`streamed`) or a whole answer that took so long."""
        key = (deployment, streamed)
        if (recent := self._recent.get(key)) is None:
            recent = self._recent[key] = _Recent(seconds)
        recent.add(seconds)

    def carried(self, same: Collection[str]) -> Latencies:
        """Make those of another mapping, with what is known of the deployments of `same` (ids)."""
        other = Latencies()
        other._recent = {key: recent for key, recent in self._recent.items() if key[0] in same}
        return other

    def p95(self, deployment: str, *, streamed: bool) -> float | None:
        """Seconds within which 95 % of the recent ones came; None: there are fewer than `ENOUGH`."""
        recent = self._recent.get((deployment, streamed))
        return None if recent is None or len(recent.ordered) < ENOUGH else recent.within(0.95)

    def averages(self, deployments: Collection[str], *, streamed: bool) -> dict[str, float]:
        """The average of each of `deployments` (ids) that has a sample."""
        averages = {}
        for name in deployments:
            if (recent := self._recent.get((name, streamed))) is not None:
                averages[name] = recent.average
        return averages

    def average(self, deployment: str, *, streamed: bool) -> float | None:
        """Seconds, exponentially weighted towards the newest; None: there is no sample."""
        recent = self._recent.get((deployment, streamed))
        return None if recent is None else recent.average


class _Recent:
    """The last `KEPT` samples of one kind, in order of time and in order of size."""

    def __init__(self, first: float) -> None:
        self.average = first
        self.ordered: list[float] = []
        self._times: deque[float] = deque()

    def add(self, seconds: float) -> None:
        self.average += NEWEST * (seconds - self.average)
        if len(self._times) == KEPT:
            del self.ordered[bisect_left(self.ordered, self._times.popleft())]
        self._times.append(seconds)
        insort(self.ordered, seconds)

    def within(self, share: float) -> float:
        """The nearest rank: the smallest sample that is no less than this share of them."""
        return self.ordered[-int(-share * len(self.ordered) // 1) - 1]
