"""How many requests each deployment is sent at once: as many as there are, until it shows that these are too many.

Then the number is cut to a share of those under way, and grows by one with each full round of answers, as TCP's window
does (RFC 5681, section 3.1). Source of the idea: Netflix's concurrency-limits, `AIMDLimit`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..callers import Priority
from ..deadline import in_words
from ..failures import FailureKind
from ..ledger import AttemptRecord, Dropped
from ..mapping import RouterSettings
from ..plan import BUSY, LATER, Candidate, busy

if TYPE_CHECKING:
    from .schedule import AttemptSchedule

CUT = 0.7
"""The share that is left, as of the window of CUBIC. Source: RFC 9438, section 4.6."""
LEAST = 4
"""Requests at once. Fewer are never the limit: a single 429 says too little."""
FORGOTTEN = 60.0
"""Seconds after which a limit that was not in use is no longer known."""
FLOOR = 60.0
"""Seconds; the fastest average of this time and the time before is what latency is measured by."""


class Room:
    """The requests under way at each deployment, how many there may be, and those that wait for one to end. Shared by a
    process's requests, not by a fleet; bounded by the mapping."""

    def __init__(self) -> None:
        self._loads: dict[str, _Load] = {}

    def carried(self, same: frozenset[str]) -> Room:
        """What goes along to another mapping: `same` are the ids that mean the same place in both. Requests of both
        are counted together there, until the last of the former mapping has ended."""
        one = Room()
        one._loads = {name: load for name, load in self._loads.items() if name in same}
        return one

    def under_way(self, deployment: str) -> int:
        load = self._loads.get(deployment)
        return 0 if load is None else load.under_way

    def limit(self, deployment: str) -> float | None:
        """Requests at once; None: as many as there are."""
        load = self._loads.get(deployment)
        return None if load is None else load.known_limit(_now())

    def full(self, deployments: Sequence[str], priority: Priority, settings: RouterSettings) -> frozenset[str]:
        """Those of `deployments` (ids) at which one more request of this priority would be too many."""
        full = []
        for name in deployments:
            load = self._loads.get(name)
            if load is not None and load.limit is not None and load.is_full(priority, settings.batch_share):
                full.append(name)
        return frozenset(full)

    def enter(self, deployment: str, priority: Priority, settings: RouterSettings, *, always: bool = False) -> bool:
        """Count a request as under way. False: it is not, since it would be too many and not `always` sent."""
        if (load := self._loads.get(deployment)) is None:
            load = self._loads[deployment] = _Load()
        if not always and load.limit is not None and load.is_full(priority, settings.batch_share):
            return False
        load.under_way += 1
        return True

    async def wait(self, deployment: str, priority: Priority, settings: RouterSettings, *, within: float) -> bool:
        """Wait until the request may be counted as under way, and count it; interactive ones go first.

        Returns False where `within` seconds pass before that, or too many wait already.
        """
        load = self._loads[deployment]
        if load.waiting_in_all >= settings.queue_size:
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = load.waiting[priority]
        queue.append(turn)
        try:
            await asyncio.wait((turn,), timeout=within)
        except BaseException:
            if turn.done():
                load.under_way -= 1
                load.let_in(settings.batch_share)
            raise
        finally:
            if not turn.done():
                queue.remove(turn)
        return turn.done()

    def leave(
        self,
        deployment: str,
        began: float,
        record: AttemptRecord | None,
        settings: RouterSettings,
        *,
        first_token: float | None = None,
    ) -> None:
        """A request has ended, or (None) was not sent. `began`: when it was counted, in the loop's time; `first_token`:
        the deployment's recent average, in seconds."""
        load = self._loads[deployment]
        if record is not None and settings.adaptive_concurrency:
            if record.failure is FailureKind.RATE_LIMITED:
                load.cut(began, _now())
            elif record.failure is None and (first_token is not None or load.limit is not None):
                load.answered(began, _now(), first_token, settings.concurrency_latency)
        load.under_way -= 1
        if any(load.waiting.values()):
            load.let_in(settings.batch_share)


def _queues() -> Mapping[Priority, deque[asyncio.Future[None]]]:
    return {Priority.INTERACTIVE: deque(), Priority.BATCH: deque()}


@dataclass(slots=True)
class _Load:
    """One deployment."""

    under_way: int = 0
    limit: float | None = None
    waiting: Mapping[Priority, deque[asyncio.Future[None]]] = field(default_factory=_queues)
    _cut_at: float = 0.0
    _used_at: float = 0.0
    _floors: tuple[float, float] = (float("inf"), float("inf"))
    """The fastest averages: of the time before, and of this time."""
    _floor_since: float = 0.0

    @property
    def waiting_in_all(self) -> int:
        return sum(len(queue) for queue in self.waiting.values())

    def known_limit(self, now: float) -> float | None:
        if self.limit is not None and now - self._used_at > FORGOTTEN:
            self.limit = None
        return self.limit

    def is_full(self, priority: Priority, batch_share: float) -> bool:
        if (limit := self.known_limit(_now())) is None:
            return False
        return self.under_way >= (max(1, int(limit * batch_share)) if priority is Priority.BATCH else int(limit))

    def let_in(self, batch_share: float) -> None:
        """Count those that wait as under way, as far as there is room."""
        for priority, queue in self.waiting.items():
            while queue and not self.is_full(priority, batch_share):
                self.under_way += 1
                queue.popleft().set_result(None)

    def cut(self, began: float, now: float) -> None:
        """There were too many. All that were under way then say the same, which counts once."""
        if began < self._cut_at:
            return
        limit = self.known_limit(now)
        most = self.under_way if limit is None else min(limit, self.under_way)
        self.limit = max(float(LEAST), CUT * most)
        self._cut_at = self._used_at = now

    def answered(self, began: float, now: float, average: float | None, multiple: float) -> None:
        """Grow by an answer, or cut where the average first token (seconds) takes so many times as long as of late."""
        slow = average is not None and average > multiple * self._floor(average, now) > 0
        if slow and self.under_way > LEAST:
            self.cut(began, now)
        elif self.limit is not None and self.under_way >= self.limit / 2:
            self.limit += 1 / self.limit
            self._used_at = now

    def _floor(self, average: float, now: float) -> float:
        before, current = self._floors
        if now - self._floor_since > FLOOR:
            before, current = current, average
            self._floor_since = now
        self._floors = before, min(current, average)
        return min(self._floors)


class RoomHook:
    """Implements `AttemptHook`: passes over a deployment at its limit, and waits where no other is left."""

    def __init__(self, execution: AttemptSchedule) -> None:
        self._room, self._execution = execution.dependencies.room, execution

    async def admit(self, candidate: Candidate) -> _Held | Dropped:
        name, settings = candidate.deployment.id, self._execution.settings
        priority = self._execution.request.priority
        if not self._room.enter(name, priority, settings):
            if candidate.deprioritized is None:
                return busy(name)
            within = min(settings.queue_seconds, self._execution.deadline.left / 2)
            if not await self._room.wait(name, priority, settings, within=within):
                if priority is Priority.BATCH:
                    return refused(name, within)
                # The limit is a guess, and nobody else is left to ask.
                self._room.enter(name, priority, settings, always=True)
        return _Held(self._execution, name)


class _Held:
    """Implements `Hold`: a request under way."""

    def __init__(self, execution: AttemptSchedule, deployment: str) -> None:
        self._execution, self._deployment = execution, deployment
        self._began = _now()

    def settle(self, record: AttemptRecord | None) -> None:
        execution, name = self._execution, self._deployment
        shared = execution.dependencies
        average = shared.latencies.average(name, streamed=True) if execution.streamed else None
        shared.room.leave(name, self._began, record, execution.settings, first_token=average)


def refused(deployment: str, seconds: float) -> Dropped:
    """The drop of a deployment at its limit, for a batch request that has waited."""
    reason = f"it had as many requests under way as it takes for {in_words(seconds)}, and batch requests come last"
    return Dropped(deployment, BUSY, reason, LATER)


def _now() -> float:
    return asyncio.get_running_loop().time()
