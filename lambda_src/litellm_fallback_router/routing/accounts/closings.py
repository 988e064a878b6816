"""Leases that are to be closed: written to the store later, by one task, as often as it takes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from ..ports import AccountStore
from .account import Slot, StoreLostError

LEASE_EXPIRES = 960.0
"""Seconds after which a lease that nobody closed has lapsed: Lambda's longest run, and a margin."""
MOST_UNWRITTEN = 10_000
"""Closings that wait for the store; beyond, the oldest is given up, and its lease counts as spent."""
AT_ONCE = 8
"""Writes under way at a time."""
AGAIN = 1.0
"""Seconds after which a lost store is tried again."""
FLUSH_SECONDS = 1.0
"""Longest wait of `flush`."""
LATE_SECONDS = 10.0
"""For which a write may be under way whose answer was lost: what it opens after the lease was closed is closed then."""


@dataclass(slots=True)
class Lease:
    """What a process has taken of an account, and what has become of it."""

    id: str
    slot: Slot
    amount: int
    opened: float
    """Unix seconds."""
    reserved: int = 0
    """Of reservations that are not settled."""
    spent: Counter[str] = field(default_factory=Counter)
    """By detail."""
    retired: bool = False
    """Nothing more is reserved in it; it is closed once all is settled."""
    local: bool = False
    """Not known to the store, which was lost; opened there, whatever is left, when it is back."""
    doubtful: bool = False
    """A write that opens it may still be under way once it was closed."""

    @property
    def free(self) -> int:
        return self.amount - self.reserved - self.spent.total()


class Closings:
    """Writes closings, several at once; where the store is lost, again after a second, or when it is flushed."""

    def __init__(self, store: AccountStore, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds."""
        self._store, self._clock = store, clock
        self._waiting: OrderedDict[str, Lease] = OrderedDict()
        self._unsent: dict[str, Lease] = {}
        """By slot: what was used while the store was lost, in one lease each until the store is first told of it."""
        self._writing: asyncio.Task[None] | None = None
        self._again: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, lease: Lease) -> None:
        """Close a lease, soon."""
        if lease.local and (same := self._unsent.get(lease.slot.key)) is not None:
            same.amount += lease.amount
            same.spent.update(lease.spent)
        else:
            if lease.local:
                self._unsent[lease.slot.key] = lease
            if len(self._waiting) >= MOST_UNWRITTEN:
                self._give_up()
            self._waiting[lease.id] = lease
        if self._again is None:
            self._write()

    async def flush(self) -> None:
        """Wait until all is written or the store turns out to be lost, but no longer than a second."""
        self._write()
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=FLUSH_SECONDS)

    def _write(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
        if self._writing is None and self._waiting:
            self._writing = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                some = list(islice(self._waiting.values(), AT_ONCE))
                for lease in some:
                    self._sent(lease)
                if not all(await asyncio.gather(*map(self._written, some))):
                    self._try_again()
                    return
        finally:
            self._writing = None

    async def _written(self, lease: Lease) -> bool:
        try:
            if lease.local:
                lease.doubtful, was = True, lease.doubtful
                expires = self._clock() + LEASE_EXPIRES
                await self._store.open(lease.slot, lease.id, lease.amount, expires, whatever_is_left=True)
                # The store knows it: opened again after its closing, it would be spent twice.
                lease.local, lease.doubtful = False, was
            await self._store.close(lease.slot, lease.id, lease.amount, dict(lease.spent))
        except StoreLostError:
            return False
        self._waiting.pop(lease.id, None)
        if lease.doubtful:
            again = Lease(lease.id, lease.slot, lease.amount, lease.opened)
            asyncio.get_running_loop().call_later(LATE_SECONDS, self.add, again)
        return True

    def _give_up(self) -> None:
        """The oldest of those that the store holds as spent already, where there is one."""
        held = (lease for lease in self._waiting.values() if not lease.local)
        given_up = next(held, next(iter(self._waiting.values())))
        self._sent(given_up)
        del self._waiting[given_up.id]

    def _sent(self, lease: Lease) -> None:
        if self._unsent.get(lease.slot.key) is lease:
            del self._unsent[lease.slot.key]

    def _try_again(self) -> None:
        self._again = asyncio.get_running_loop().call_later(AGAIN, self._write)
