"""Requests a minute per deployment, in this process's memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from ..routing.types import Deployment

MINUTE = 60.0


class MemoryRateLimits:
    """A sliding minute per deployment; holds at most `rpm` timestamps each."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: dict[str, deque[float]] = {}

    async def left(self, deployments: Iterable[Deployment]) -> Mapping[str, int]:
        return {d.id: d.rpm - len(self._recent(d)) for d in deployments if d.rpm is not None}

    async def take(self, deployment: Deployment) -> bool:
        if deployment.rpm is None:
            return True
        sent = self._recent(deployment)
        if len(sent) >= deployment.rpm:
            return False
        sent.append(self._clock())
        return True

    def retry_after(self, deployment: Deployment) -> float:
        sent = self._recent(deployment)
        if deployment.rpm is None or len(sent) < deployment.rpm:
            return 0.0
        return max(0.0, sent[0] + MINUTE - self._clock())

    def _recent(self, deployment: Deployment) -> deque[float]:
        sent = self._sent.setdefault(deployment.id, deque())
        start = self._clock() - MINUTE
        while sent and sent[0] <= start:
            sent.popleft()
        return sent
