"""A slow attempt is raced by one on another candidate. The first token wins, or the first whole answer: the other
attempt is cancelled, and nothing of it is delivered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from ..deadline import OutOfTimeError
from ..failures import NextStep, ProviderFailure
from ..mapping import Hedge
from .attempt import BUG, Attempt
from .consequences import next_step
from .hedging import HedgedSchedule
from .parts import Part
from .recorder import Recorder

T = TypeVar("T")
PartOf = Callable[[Attempt, Recorder], Part[T]]
"""How an attempt is consumed."""
FASTER = "stopped: another deployment was faster"
REFUSED = "stopped: another deployment refused the request for all"


class Leg(Generic[T]):
    """One attempt under way, and what it received while it was not known to be the only one."""

    def __init__(self, attempt: Attempt, recorder: Recorder) -> None:
        self.attempt = attempt
        self.recorder = recorder
        self._received: list[T] = []
        self.failure: ProviderFailure | OutOfTimeError | None = None
        """How it failed before its first token; this is not recorded yet."""
        self._opened: tuple[Part[T], AsyncGenerator[Sequence[T], None]] | None = None

    def opened(self, part_of: PartOf[T]) -> tuple[Part[T], AsyncGenerator[Sequence[T], None]]:
        """How it is consumed, and what the provider sends; the request is sent when that is first awaited."""
        if self._opened is None:
            part = part_of(self.attempt, self.recorder)
            self._opened = part, part.source()
        return self._opened

    async def begin(self, part_of: PartOf[T]) -> None:
        """Wait for the first token or the whole answer, or for `failure`."""
        part, source = self.opened(part_of)
        try:
            while not (part.begun or part.done):
                try:
                    async with asyncio.timeout(part.limit()):
                        items = await anext(source, None)
                except TimeoutError as error:
                    raise part.late() from error
                self._received += part.take(items)
        except (ProviderFailure, OutOfTimeError) as failure:
            self.failure = failure
            await source.aclose()

    def so_far(self) -> Sequence[T]:
        """What was received before it was delivered. Raises `failure`."""
        if self.failure is not None:
            raise self.failure
        return self._received

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened[1].aclose()


class Race(Generic[T]):
    """Runs one attempt, and from the moment it is late a second one beside it."""

    def __init__(
        self,
        schedule: HedgedSchedule,
        first: Leg[T],
        leg_of: Callable[[Attempt], Leg[T]],
        part_of: PartOf[T],
    ) -> None:
        self._schedule = schedule
        self._first = first
        self._second: Leg[T] | None = None
        self._leg_of, self._part_of = leg_of, part_of
        self._unrecorded = [first]
        self._tasks: list[asyncio.Task[None]] = []

    async def winner(self, hedge: Hedge) -> Leg[T]:
        """The attempt to go on with, not recorded yet: it has begun, or failed with none left beside it, or is the only
        one and not sent yet. The other one is recorded."""
        late = self._schedule.late_after(self._first.attempt, hedge)
        if late is None:
            return self._first
        try:
            winner = await self._run(late)
            self._unrecorded.remove(winner)
        except BaseException as error:
            if isinstance(error, Exception) and self._schedule.stopped is None:
                self._schedule.stopped = BUG
            raise
        finally:
            for task in self._tasks:
                task.cancel()
            # Recorded before anything is awaited: whoever cancels twice still finds it in the ledger.
            for leg in self._unrecorded:
                await self._schedule.abandoned(leg.attempt, leg.recorder.abandoned())
            if pending := [task for task in self._tasks if not task.done()]:
                await asyncio.wait(pending)
            for leg in self._unrecorded:
                await leg.close()
            # A cancelled task's exception refers to this race: a circle waits for the collector.
            self._tasks.clear()
        return winner

    async def _run(self, late: float) -> Leg[T]:
        first = self._task(self._first.begin(self._part_of))
        await asyncio.wait((first,), timeout=late)
        if first.done():
            first.result()
            return self._first
        second = self._task(self._begin_second())
        await asyncio.wait((first, second), return_when=asyncio.FIRST_COMPLETED)
        if first.done():
            first.result()
            if (failure := self._first.failure) is None or self._ends_all(failure):
                return await self._won(self._first, second, FASTER if failure is None else REFUSED)
        if second.done():
            second.result()
            if (leg := self._second) is not None and leg.failure is None:
                return await self._won(leg, first, FASTER)
            if leg is not None:
                await self._lost(leg)
            await first
            return self._first
        if self._second is None:  # it still waits to be admitted; that is done again where it has its turn
            await _cancelled(second)
        if (leg := self._second) is None:
            return self._first
        await self._lost(self._first)
        await second
        return leg

    async def _begin_second(self) -> None:
        attempt = await self._schedule.beside(self._first.attempt)
        if attempt is not None:
            self._second = self._leg_of(attempt)
            self._unrecorded.append(self._second)
            await self._second.begin(self._part_of)

    async def _won(self, winner: Leg[T], other: asyncio.Task[None], why: str) -> Leg[T]:
        """End the other attempt."""
        await _cancelled(other)
        for leg in [leg for leg in self._unrecorded if leg is not winner]:
            await self._lost(leg, why)
        return winner

    async def _lost(self, leg: Leg[T], why: str = "") -> None:
        """Record an attempt beside which another one goes on."""
        self._unrecorded.remove(leg)
        if isinstance(leg.failure, ProviderFailure):
            await self._schedule.failed(leg.attempt, leg.failure, leg.recorder.failed(leg.failure))
        else:
            self._schedule.beaten(leg.attempt, leg.recorder.beaten(why), slow=leg is self._first)
        await leg.close()

    def _ends_all(self, failure: ProviderFailure | OutOfTimeError) -> bool:
        return isinstance(failure, OutOfTimeError) or next_step(failure, self._schedule.settings) is NextStep.STOP

    def _task(self, begin: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(begin)
        self._tasks.append(task)
        return task


async def _cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end. Raises the bug that it ended in."""
    if not task.done():
        task.cancel()
        await asyncio.wait((task,))
    if not task.cancelled():
        task.result()
