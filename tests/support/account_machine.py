"""Accounts of several processes against a simple model: whatever happens in whatever order, no limit is exceeded, and
what was spent is counted to the last unit."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from litellm_fallback_router.routing.accounts import Account, Refusal, Reservation, Short, Slot
from litellm_fallback_router.routing.accounts.closings import LATE_SECONDS
from litellm_fallback_router.routing.accounts.openings import PAUSE_SECONDS
from litellm_fallback_router.routing.callers import Period
from litellm_fallback_router.routing.errors import UnavailableError
from litellm_fallback_router.routing.ports import AccountStore
from tests.support.account_processes import Losable, Process
from tests.support.virtual_time import VirtualTimeLoop

T = TypeVar("T")
PROCESSES = 3
SHARE = 0.3
MONEY, REQUESTS, UNDER_WAY = "usd#key#1", "rpm#key#1", "concurrent#key#1"
PERIODS = {MONEY: Period.HOUR, REQUESTS: Period.MINUTE, UNDER_WAY: Period.EVER}
CERTAIN_SECONDS = 800.0
"""A lease younger than this has not lapsed, whatever a clock says."""


@dataclass
class Held:
    """A reservation of the model."""

    process: Process
    slot: Slot
    reservation: Reservation
    at: float
    used: int | None = None
    crashed: bool = False

    @property
    def taken(self) -> int:
        return self.reservation.amount if self.used is None else self.used


class AccountMachine(RuleBasedStateMachine):
    """`store_made` makes an empty store, whose clock is the loop's."""

    store_made: Callable[[Callable[[], float]], AccountStore]

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualTimeLoop()
        self.limits = {MONEY: 1000, REQUESTS: 20, UNDER_WAY: 3}
        self.highest = dict(self.limits)
        self.held: list[Held] = []
        self.overspent: set[str] = set()
        self.added: Counter[str] = Counter()
        """By slot, what an operator has added to it."""
        self.store = type(self).store_made(self.now)
        self.processes: list[Process] = []
        self.fail_closed = self.may_crash = self.crashed = False

    def now(self) -> float:
        return 1_800_000_000.0 + self.loop.time()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @initialize(
        ahead=st.lists(st.booleans(), min_size=PROCESSES, max_size=PROCESSES),
        fail_closed=st.booleans(),
        may_crash=st.booleans(),
    )
    def start(self, ahead: list[bool], fail_closed: bool, may_crash: bool) -> None:
        self.fail_closed, self.may_crash, self.crashed = fail_closed, may_crash, False
        self.processes = [self.process(one, skew) for one, skew in zip(ahead, (0.0, -40.0, 70.0), strict=True)]

    def process(self, ahead: bool, skew: float) -> Process:
        return Process(Losable(self.store), self.loop, ahead, self.fail_closed, SHARE, skew)

    @rule(
        which=st.integers(0, PROCESSES - 1),
        name=st.sampled_from([MONEY, MONEY, REQUESTS, UNDER_WAY]),
        share=st.sampled_from([1, 1, 1, 2, 12, 30, 60]),
    )
    def reserve(self, which: int, name: str, share: int) -> None:
        process, limit = self.processes[which], self.limits[name]
        amount = 1 if name == UNDER_WAY else max(1, limit * share // 100)
        account = Account(name, limit, PERIODS[name], lapses=name == UNDER_WAY)
        slot = account.slot(process.clock())
        try:
            outcome = self.run(process.accounts.reserve(account, amount))
        except UnavailableError:
            assert self.fail_closed
            assert self.now() <= process.lost_at + PAUSE_SECONDS
            return
        if isinstance(outcome, Refusal):
            assert outcome.left >= 0
            return
        self.held.append(Held(process, slot, outcome, self.now()))
        if slot.key not in self.overspent:
            assert self.taken(slot) <= self.most(name) + self.added[slot.key]

    def most(self, name: str) -> int:
        """That may be taken. A process alone knows no limit's change and nothing of the others."""
        if self.fail_closed:
            return self.limits[name]
        highest = self.highest[name]
        return highest + PROCESSES * int(highest * SHARE)

    def taken(self, slot: Slot) -> int:
        """What is certainly taken: a reservation under way that is old or crashed may have lapsed where these do."""
        return sum(
            held.taken
            for held in self.held
            if held.slot.key == slot.key
            and not (slot.lapses and (held.crashed or self.now() - held.at > CERTAIN_SECONDS))
        )

    @precondition(lambda self: any(held.used is None and not held.crashed for held in self.held))
    @rule(which=st.integers(0, 1000), percent=st.integers(0, 100))
    def settle(self, which: int, percent: int) -> None:
        waiting = [held for held in self.held if held.used is None and not held.crashed]
        held = waiting[which % len(waiting)]
        self.settled(held, 0 if held.slot.lapses else held.reservation.amount * percent // 100)

    @precondition(lambda self: any(held.used is None and not held.crashed for held in self.held))
    @rule(which=st.integers(0, 1000))
    def settle_with_more_than_was_reserved(self, which: int) -> None:
        waiting = [held for held in self.held if held.used is None and not held.crashed]
        held = waiting[which % len(waiting)]
        if not held.slot.lapses:
            self.overspent.add(held.slot.key)
            self.settled(held, held.reservation.amount + 7)

    def settled(self, held: Held, used: int) -> None:
        async def settle() -> None:
            held.reservation.settle(used, f"model-{used % 3}")

        self.run(settle())
        held.used = used

    @rule(seconds=st.sampled_from([0.5, 6.0, 61.0, 1000.0]))
    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    @rule(which=st.integers(0, PROCESSES - 1), pattern=st.text("bal-", max_size=4))
    def lose_the_store(self, which: int, pattern: str) -> None:
        self.find_the_store(which)
        self.processes[which].store.pattern = pattern
        if pattern:
            self.processes[which].lost_at = math.inf

    @rule(which=st.integers(0, PROCESSES - 1))
    def find_the_store(self, which: int) -> None:
        if self.processes[which].store.pattern:
            self.processes[which].lost_at = self.now()
        self.processes[which].store.pattern = self.processes[which].store.lost = ""

    @rule(which=st.integers(0, PROCESSES - 1))
    def flush(self, which: int) -> None:
        self.run(self.processes[which].accounts.flush())

    @rule(name=st.sampled_from([MONEY, REQUESTS, UNDER_WAY]), limit=st.integers(1, 3))
    def change_a_limit(self, name: str, limit: int) -> None:
        self.limits[name] = {MONEY: 700, REQUESTS: 15, UNDER_WAY: 2}[name] * limit
        self.highest[name] = max(self.highest[name], self.limits[name])

    @rule(name=st.sampled_from([MONEY, REQUESTS, UNDER_WAY]))
    def ask_for_more_than_there_is(self, name: str) -> None:
        """The refusal tells what is left, and what may be given back, as an operator sees it."""
        slot = Account(name, self.limits[name], PERIODS[name], lapses=name == UNDER_WAY).slot(self.now())
        for _ in range(10):
            before = self.run(self.store.balance(slot, self.now()))
            refused = self.run(self.store.open(slot, "more", 10**9, self.now() + CERTAIN_SECONDS))
            found = self.run(self.store.balance(slot, self.now()))
            if before == found:  # else something settled a moment ago was written in between
                break
        assert refused == Short(found.left, held=found.held)

    @rule(amount=st.integers(1, 500))
    def add_to_the_running_period(self, amount: int) -> None:
        slot = Account(MONEY, self.limits[MONEY], PERIODS[MONEY]).slot(self.now())
        self.run(self.store.add(slot, amount))
        self.added[slot.key] += amount

    @precondition(lambda self: self.may_crash)
    @rule(which=st.integers(0, PROCESSES - 1))
    def crash(self, which: int) -> None:
        self.crashed = True
        process = self.processes[which]
        process.store.pattern, process.store.lost = "", "crashed"
        for held in self.held:
            held.crashed = held.crashed or held.process is process
        self.processes[which] = self.process(process.ahead, process.skew)

    def teardown(self) -> None:
        for number in range(len(self.processes)):
            self.find_the_store(number)
        for held in self.held:
            if held.used is None and not held.crashed:
                self.settled(held, 0 if held.slot.lapses else held.reservation.amount // 2)
        for process in self.processes:
            self.run(process.accounts.aclose())
        self.run(asyncio.sleep(LATE_SECONDS + 5.0))
        for process in self.processes:
            self.run(process.accounts.aclose())
        for slot in {held.slot.key: held.slot for held in self.held}.values():
            self.check(slot)
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        self.run(_ended(left))
        self.loop.close()

    def check(self, slot: Slot) -> None:
        if slot.kept_until is not None and slot.kept_until <= self.now() + 100:
            return
        found = self.run(self.store.balance(slot, self.now()))
        mine = [held for held in self.held if held.slot.key == slot.key]
        living = sum(held.used or 0 for held in mine if not held.crashed)
        everyone = sum(held.used or 0 for held in mine)
        assert found.spent == sum(found.by_detail.values())
        assert living <= found.spent <= everyone
        if not self.crashed:
            assert (found.spent, found.held, found.assumed) == (everyone, 0, 0)
            assert found.left == slot.limit + self.added[slot.key] - everyone
        elif not slot.lapses and self.fail_closed and slot.key not in self.overspent:
            assert found.spent + found.held + found.assumed >= sum(held.taken for held in mine)


async def _ended(tasks: set[asyncio.Task[Any]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
