"""Reserves before something is used, settles after.

A process takes leases from the store: what is in a lease is gone for all others until the lease is closed, with what
was spent of it. So a limit holds whatever order things happen in, and whoever crashes: an unclosed lease stays gone.
A process that answers many requests at once (`ahead`) takes leases for more than one reservation, so that most
reservations ask nobody; one that may be frozen after each answer (Lambda) takes exactly what it reserves.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..errors import UnavailableError
from ..ports import AccountStore
from .account import SOON_SECONDS, Account, Refusal, Short, Slot, StoreLostError
from .closings import Closings, Lease
from .openings import Openings

LEASE_SECONDS = SOON_SECONDS
"""Age at which a lease taken ahead is closed: what a crash can cost, and how late others see what was spent."""
AHEAD = 8
"""Reservations of the same size that a lease taken ahead has room for."""
SHARE = 8
"""A lease taken ahead is at most this part of what is left."""
MOST_SLOTS = 10_000
"""Accounts and periods remembered; beyond, the one used longest ago is forgotten once nothing is reserved in it."""


@dataclass(slots=True)
class _Known:
    """What this process knows of a slot."""

    lease: Lease | None = None
    """Where the next reservation is made."""
    left: int | None = None
    """In the store, when it was last asked."""
    held: int = 0
    """By all processes, when the store last refused."""
    local: int = 0
    """Spent or reserved while the store was lost."""
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)


class Reservation:
    """So much of an account is held for its holder until it is settled."""

    __slots__ = ("_accounts", "_lease", "amount")

    def __init__(self, accounts: Accounts, lease: Lease, amount: int) -> None:
        self._accounts, self._lease = accounts, lease
        self.amount = amount

    def settle(self, used: int, detail: str = "") -> None:
        """Give the rest back. Called exactly once; the store is written later.

        Args:
            used: What was really used; more than was reserved counts too.
            detail: What it was used for, such as a model.
        """
        self._accounts.settled(self._lease, self.amount, used, detail)


class Accounts:
    """All accounts of a process, for one event loop."""

    def __init__(
        self,
        store: AccountStore,
        *,
        ahead: bool,
        fail_closed: bool = False,
        local_share: float = 0.05,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make the accounts of a process.

        Args:
            store: Where all processes meet.
            ahead: True: leases are taken for more than one reservation.
            fail_closed: True: without the store nothing is reserved. False: each process reserves up to `local_share`
                of each limit, which is settled when the store is back.
            local_share: From 0 to 1.
            clock: Gives Unix seconds.
        """
        self._ahead = ahead
        self._fail_closed, self._local_share = fail_closed, local_share
        self._clock = clock
        self._slots: OrderedDict[str, _Known] = OrderedDict()
        self._closings = Closings(store, clock)
        self._openings = Openings(store, self._closings, clock)
        self._tending: asyncio.Task[None] | None = None

    def reconfigure(self, *, fail_closed: bool, local_share: float) -> None:
        """Go by another mapping from now on; the arguments are those of the constructor."""
        self._fail_closed, self._local_share = fail_closed, local_share

    async def reserve(self, account: Account, amount: int) -> Reservation | Refusal:
        """Hold `amount` of an account, or say that there is not so much left.

        Raises:
            UnavailableError: The store is lost, and `fail_closed`.
        """
        now = self._clock()
        slot = account.slot(now)
        known = self._known(slot.key)
        if (held := self._held(slot, known, amount)) is not None:
            return held
        async with known.opening:
            if (held := self._held(slot, known, amount)) is not None:
                return held
            lease = await self._opened(slot, known, amount)
            if lease is None:
                ends = slot.ends
                refills_in = None if ends is None else max(0.0, ends - now)
                return Refusal(account, max(0, known.left or 0), refills_in, ends, known.held)
            lease.reserved += amount
        if self._ahead and self._tending is None:
            self._tending = asyncio.create_task(self._tend())
        return Reservation(self, lease, amount)

    async def reserve_all(self, wanted: Sequence[tuple[Account, int]]) -> list[Reservation] | Refusal:
        """Hold so much of each account, or nothing of any. The store is asked about all of them at once, and of several
        refusals the one counts that refills last.

        Raises:
            UnavailableError: As `reserve` raises it.
        """
        at_once = [held for account, amount in wanted if (held := self._at_once(account, amount)) is not None]
        if len(at_once) == len(wanted):
            return at_once
        for held_already in at_once:
            held_already.settle(0)
        asked = [asyncio.ensure_future(self.reserve(account, amount)) for account, amount in wanted]
        try:
            await asyncio.wait(asked)
            outcomes = [one.result() for one in asked]
        except BaseException:
            for one in asked:
                one.cancel()
                one.add_done_callback(_give_back)
            raise
        reserved = [outcome for outcome in outcomes if isinstance(outcome, Reservation)]
        if len(reserved) == len(wanted):
            return reserved
        for reservation in reserved:
            reservation.settle(0)
        refusals = {
            outcome: outcome.wait(amount)
            for outcome, (_, amount) in zip(outcomes, wanted, strict=True)
            if isinstance(outcome, Refusal)
        }
        return max(refusals, key=refusals.__getitem__)

    def _at_once(self, account: Account, amount: int) -> Reservation | None:
        slot = account.slot(self._clock())
        return self._held(slot, self._known(slot.key), amount)

    def _held(self, slot: Slot, known: _Known, amount: int) -> Reservation | None:
        """A reservation in the lease that is there; None where it has no room, or is one of another limit."""
        lease = known.lease
        if lease is None or lease.slot.limit != slot.limit or lease.free < amount:
            return None
        lease.reserved += amount
        return Reservation(self, lease, amount)

    def settled(self, lease: Lease, amount: int, used: int, detail: str) -> None:
        """Note what a reservation has used."""
        lease.reserved -= amount
        if used:
            lease.spent[detail] += used
        if lease.retired and lease.reserved == 0:
            self._close(lease)

    @property
    def unwritten(self) -> int:
        """Closings that wait for the store."""
        return len(self._closings)

    async def flush(self) -> None:
        """Wait until all that is settled is written, but no longer than a second."""
        for known in self._slots.values() if self._ahead else ():
            if known.lease is not None and known.lease.reserved == 0:
                self._retire(known)
        await self._closings.flush()

    async def aclose(self) -> None:
        """Close every lease; those with requests under way once these have settled."""
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.gather(self._tending, return_exceptions=True)
            self._tending = None
        await self._openings.flush()
        for known in self._slots.values():
            self._retire(known)
        await self._closings.flush()

    def _known(self, key: str) -> _Known:
        if (known := self._slots.get(key)) is None:
            if len(self._slots) >= MOST_SLOTS:
                self._forget_one()
            known = self._slots[key] = _Known()
        else:
            self._slots.move_to_end(key)
        return known

    def _forget_one(self) -> None:
        for key, known in self._slots.items():
            if not known.opening.locked() and (known.lease is None or known.lease.reserved == 0):
                self._retire(known)
                del self._slots[key]
                return

    async def _opened(self, slot: Slot, known: _Known, amount: int) -> Lease | None:
        """A new lease with room for `amount`; None: there is not so much left."""
        self._retire(known)
        unwritten = len(self._closings)
        try:
            lease = await self._from_store(slot, known, amount)
            if lease is None and unwritten:
                # What this process itself is about to give back may be what is missing.
                await self.flush()
                lease = await self._from_store(slot, known, amount)
        except StoreLostError as error:
            lease = self._local(slot, known, amount, error)
        if lease is not None and self._ahead and not lease.local:
            known.lease = lease
        elif lease is not None:
            lease.retired = True
        return lease

    async def _from_store(self, slot: Slot, known: _Known, amount: int) -> Lease | None:
        wanted = amount
        if self._ahead and not slot.lapses and known.left is not None:
            wanted = max(amount, min(AHEAD * amount, known.left // SHARE))
        for size in dict.fromkeys((wanted, amount)):
            lease = self._lease(slot, size)
            answer = await self._openings.open(lease)
            known.left, lease.doubtful = answer.left, answer.doubtful
            if not isinstance(answer, Short):
                return lease
            known.held = answer.held
            if answer.doubtful:
                self._closings.add(lease)
            if answer.left < amount:
                return None
        return None

    def _lease(self, slot: Slot, amount: int, *, local: bool = False) -> Lease:
        return Lease(secrets.token_urlsafe(8), slot, amount, self._clock(), local=local)

    def _local(self, slot: Slot, known: _Known, amount: int, error: StoreLostError) -> Lease | None:
        if self._fail_closed:
            message = "what may still be spent cannot be read, and without that nothing is sent"
            raise UnavailableError(message, retry_after=1.0) from error
        share = int(slot.limit * self._local_share)
        # Nobody knows what others hold, nor what is spent of this process's own share.
        known.left, known.held = max(0, share - known.local), 0
        if known.local + amount > share:
            return None
        known.local += amount
        return self._lease(slot, amount, local=True)

    def _retire(self, known: _Known) -> None:
        lease, known.lease = known.lease, None
        if lease is not None:
            lease.retired = True
            if lease.reserved == 0:
                self._close(lease)

    def _close(self, lease: Lease) -> None:
        if lease.local and (known := self._slots.get(lease.slot.key)) is not None:
            known.local -= lease.amount - lease.spent.total()
        self._closings.add(lease)

    async def _tend(self) -> None:
        """Every second close what was taken ahead and has grown old; ends when there is nothing taken."""
        while True:
            await asyncio.sleep(1.0)
            old = self._clock() - LEASE_SECONDS
            for known in self._slots.values():
                if known.lease is not None and known.lease.opened <= old and not known.opening.locked():
                    self._retire(known)
            if all(known.lease is None for known in self._slots.values()):
                self._tending = None
                return


def _give_back(asked: asyncio.Future[Reservation | Refusal]) -> None:
    """What was held for a caller that left meanwhile."""
    if not asked.cancelled() and asked.exception() is None and isinstance(held := asked.result(), Reservation):
        held.settle(0)
