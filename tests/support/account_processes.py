"""Processes that share accounts, on a clock that jumps: their stores can be lost, and they can crash."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from litellm_fallback_router.routing.accounts import Accounts, Balance, Granted, Short, Slot, StoreLostError
from litellm_fallback_router.routing.ports import AccountStore

LATE = 3.0
"""Seconds."""


class Losable:
    """A store that can be lost, before or after it has done what was asked."""

    def __init__(self, store: AccountStore) -> None:
        self.store = store
        self.lost = ""
        """`before`, `after`, `crashed` (no answer, ever), or empty."""
        self.pattern = ""
        """Where it is not empty, what is lost of each call in turn, again and again: `b` before, `a` after, `-` none,
        `l` of what opens a lease: it is done LATE seconds later.
        """
        self._late: set[asyncio.Task[None]] = set()
        self.calls = 0
        self.opened = 0

    async def open(
        self, slot: Slot, lease: str, amount: int, expires: float, *, whatever_is_left: bool = False
    ) -> Granted | Short:
        self._next()
        if self.lost == "late":
            work = partial(self.store.open, slot, lease, amount, expires, whatever_is_left=whatever_is_left)
            task = asyncio.get_running_loop().create_task(_later(work))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            raise StoreLostError("late")
        await self._check("before")
        self.opened += 1
        answer = await self.store.open(slot, lease, amount, expires, whatever_is_left=whatever_is_left)
        await self._check("after")
        return answer

    async def close(self, slot: Slot, lease: str, amount: int, spent: Mapping[str, int]) -> None:
        self._next()
        await self._check("before")
        await self.store.close(slot, lease, amount, spent)
        await self._check("after")

    async def add(self, slot: Slot, amount: int) -> None:
        await self.store.add(slot, amount)

    async def balance(self, slot: Slot, now: float) -> Balance:
        return await self.store.balance(slot, now)

    def _next(self) -> None:
        if self.pattern and self.lost != "crashed":
            self.lost = {"b": "before", "a": "after", "l": "late", "-": ""}[
                self.pattern[self.calls % len(self.pattern)]
            ]
            self.calls += 1

    async def _check(self, when: str) -> None:
        if self.lost == "crashed":
            await asyncio.get_running_loop().create_future()
        if self.lost == when:
            raise StoreLostError("lost")


async def _later(work: Callable[[], Coroutine[Any, Any, Granted | Short]]) -> None:
    await asyncio.sleep(LATE)
    await work()


@dataclass
class Process:
    """Accounts of one process, whose clock may be wrong."""

    store: Losable
    loop: asyncio.AbstractEventLoop
    ahead: bool
    fail_closed: bool
    local_share: float
    skew: float
    lost_at: float = -math.inf
    """Unix seconds when its store was last lost; infinity: it is."""
    accounts: Accounts = field(init=False)

    def __post_init__(self) -> None:
        self.accounts = Accounts(
            self.store,
            ahead=self.ahead,
            fail_closed=self.fail_closed,
            local_share=self.local_share,
            clock=self.clock,
        )

    def clock(self) -> float:
        return 1_800_000_000.0 + self.loop.time() + self.skew
