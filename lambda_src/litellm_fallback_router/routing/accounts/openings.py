"""Leases that are opened at the store, whether or not their callers wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from ..ports import AccountStore
from .account import Granted, Short, StoreLostError
from .closings import FLUSH_SECONDS, LEASE_EXPIRES, Closings, Lease

PAUSE_SECONDS = 1.0
"""For which a lost store is not asked to open leases: many requests that wait for the same account would each wait for
it, one after the other."""


class Openings:
    """Opens leases; one that may be open at the store and has no use is closed with nothing spent."""

    def __init__(self, store: AccountStore, closings: Closings, clock: Callable[[], float]) -> None:
        """`clock` gives Unix seconds."""
        self._store, self._closings, self._clock = store, closings, clock
        self._under_way: set[asyncio.Task[Granted | Short]] = set()
        """One goes on where its caller has left."""
        self._paused_until = 0.0

    async def open(self, lease: Lease) -> Granted | Short:
        """Ask the store for a lease. Raises StoreLostError."""
        if self._clock() < self._paused_until:
            raise StoreLostError("not asked for a moment after it was lost", sent=False)
        opening = asyncio.get_running_loop().create_task(
            self._store.open(lease.slot, lease.id, lease.amount, self._clock() + LEASE_EXPIRES)
        )
        self._under_way.add(opening)
        opening.add_done_callback(self._under_way.discard)
        try:
            return await asyncio.shield(opening)
        except StoreLostError as error:
            self._paused_until = self._clock() + PAUSE_SECONDS
            if error.sent:
                # It may have been opened all the same, or still be; then it is closed with nothing spent.
                lease.doubtful = True
                self._closings.add(lease)
            raise
        except asyncio.CancelledError:
            opening.add_done_callback(partial(self._unwanted, lease))
            raise

    async def flush(self) -> None:
        """Wait until those under way have ended, but no longer than a second."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=FLUSH_SECONDS)

    def _unwanted(self, lease: Lease, opening: asyncio.Task[Granted | Short]) -> None:
        """Close what was opened for a caller that left meanwhile."""
        lost = opening.cancelled() or opening.exception() is not None
        lease.doubtful = lost or opening.result().doubtful
        self._closings.add(lease)
