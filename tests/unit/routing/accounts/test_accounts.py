"""What is reserved is held, what is settled is spent, and together they never exceed a limit."""

from __future__ import annotations

import asyncio
import contextlib
import random
from pathlib import Path

import pytest

from litellm_fallback_router.adapters.local_accounts import LocalAccounts
from litellm_fallback_router.routing.accounts import Account, Accounts, Balance, Refusal, Reservation, StoreLostError
from litellm_fallback_router.routing.callers import Period
from litellm_fallback_router.routing.errors import UnavailableError
from tests.support.account_processes import Losable
from tests.support.virtual_time import run_virtually

DAY = Account("usd#key#1", 1000, Period.DAY)
SLOTS = Account("concurrent#key#1", 3, Period.EVER, lapses=True)


class Slow(Losable):
    """A store whose answers take a second; the first may be faster."""

    def __init__(self, store: LocalAccounts, first: float = 1.0) -> None:
        super().__init__(store)
        self.seconds = first

    async def _check(self, when: str) -> None:
        if when == "after":
            seconds, self.seconds = self.seconds, 1.0
            await asyncio.sleep(seconds)


def clock() -> float:
    return asyncio.get_running_loop().time() + 1_800_000_000.0


async def balance(store: LocalAccounts | Losable, account: Account = DAY) -> Balance:
    return await store.balance(account.slot(clock()), clock())


async def reserved(accounts: Accounts, amount: int, account: Account = DAY) -> Reservation:
    outcome = await accounts.reserve(account, amount)
    assert isinstance(outcome, Reservation)
    return outcome


@pytest.mark.parametrize("ahead", [True, False])
def test_what_is_spent_counts_and_the_rest_comes_back(ahead: bool) -> None:
    async def main() -> None:
        store = LocalAccounts(clock=clock)
        accounts = Accounts(store, ahead=ahead, clock=clock)
        (await reserved(accounts, 600)).settle(250, "gpt-4o")
        (await reserved(accounts, 700)).settle(0)
        (await reserved(accounts, 750)).settle(100, "llama")
        await accounts.aclose()
        found = await balance(store)
        assert (found.limit, found.spent, found.held, found.assumed, found.left) == (1000, 350, 0, 0, 650)
        assert found.by_detail == {"gpt-4o": 250, "llama": 100}

    run_virtually(main())


@pytest.mark.parametrize("ahead", [True, False])
def test_what_is_held_cannot_be_reserved_again_and_the_refusal_says_when_it_refills(ahead: bool) -> None:
    async def main() -> None:
        accounts = Accounts(LocalAccounts(clock=clock), ahead=ahead, clock=clock)
        held = await reserved(accounts, 600)
        refused = await accounts.reserve(DAY, 600)
        assert isinstance(refused, Refusal)
        assert refused.refills_in == pytest.approx(86_400 - clock() % 86_400)
        held.settle(1)
        await reserved(accounts, 600)

    run_virtually(main())


def test_a_new_period_is_full_and_what_was_reserved_before_counts_for_the_old() -> None:
    async def main() -> None:
        store = LocalAccounts(clock=clock)
        accounts = Accounts(store, ahead=True, clock=clock)
        old, slot = await reserved(accounts, 1000), DAY.slot(clock())
        await asyncio.sleep(86_400)
        new = await reserved(accounts, 1000)
        old.settle(900)
        new.settle(5)
        await accounts.aclose()
        assert (await store.balance(slot, clock())).spent == 900
        assert (await balance(store)).spent == 5

    run_virtually(main())


def test_a_process_that_serves_many_asks_the_store_rarely() -> None:
    async def main() -> None:
        store = Losable(LocalAccounts(clock=clock))
        accounts = Accounts(store, ahead=True, clock=clock)
        for _ in range(50):
            (await reserved(accounts, 10)).settle(2)
        assert store.opened <= 6
        await accounts.aclose()
        assert (await balance(store)).spent == 100

    run_virtually(main())


def test_what_is_taken_ahead_is_given_back_within_seconds() -> None:
    async def main() -> None:
        store = LocalAccounts(clock=clock)
        accounts = Accounts(store, ahead=True, clock=clock)
        for _ in range(3):
            (await reserved(accounts, 10)).settle(10)
        assert (await balance(store)).left < 970
        await asyncio.sleep(7.0)
        assert (await balance(store)).left == 970
        assert len(asyncio.all_tasks()) == 1, "nothing is left to tend"

    run_virtually(main())


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_store_costs_nothing_twice_and_what_was_spent_meanwhile_is_settled_later(ahead: bool, when: str) -> None:
    async def main() -> None:
        store = Losable(LocalAccounts(clock=clock))
        accounts = Accounts(store, ahead=ahead, local_share=0.1, clock=clock)
        (await reserved(accounts, 100)).settle(50)
        await accounts.flush()
        store.lost = when
        (await reserved(accounts, 60)).settle(40)
        held = await reserved(accounts, 60)
        assert isinstance(await accounts.reserve(DAY, 1), Refusal), "a tenth of the limit is all that it may use alone"
        held.settle(60)
        store.lost = ""
        await asyncio.sleep(20.0)
        found = await balance(store)
        assert (found.spent, found.held, found.assumed) == (150, 0, 0)
        await accounts.aclose()

    run_virtually(main())


def test_without_its_store_nothing_is_reserved_where_that_fails_closed() -> None:
    async def main() -> None:
        store = Losable(LocalAccounts(clock=clock))
        accounts = Accounts(store, ahead=True, fail_closed=True, clock=clock)
        store.lost = "before"
        with pytest.raises(UnavailableError):
            await accounts.reserve(DAY, 1)

    run_virtually(main())


def test_the_slots_of_a_crashed_process_come_back_and_its_money_does_not() -> None:
    async def main() -> None:
        store = LocalAccounts(clock=clock)
        crashed, alive = (Accounts(store, ahead=False, clock=clock) for _ in range(2))
        for _ in range(3):
            await reserved(crashed, 1, SLOTS)
        await reserved(crashed, 400)
        assert isinstance(await alive.reserve(SLOTS, 1), Refusal)
        await asyncio.sleep(1000.0)
        await reserved(alive, 1, SLOTS)
        found = await balance(store)
        assert (found.assumed, found.left) == (400, 600)

    run_virtually(main())


@pytest.mark.parametrize("ahead", [True, False])
def test_a_higher_limit_counts_at_once_and_a_lower_one_too(ahead: bool) -> None:
    async def main() -> None:
        store = LocalAccounts(clock=clock)
        accounts = Accounts(store, ahead=ahead, clock=clock)
        (await reserved(accounts, 900)).settle(900)
        higher = Account(DAY.name, 2000, DAY.period)
        (await reserved(accounts, 900, higher)).settle(900)
        assert isinstance(await accounts.reserve(DAY, 1), Refusal)
        await accounts.aclose()
        assert (await balance(store, higher)).left == 200

    run_virtually(main())


def test_what_is_added_counts_in_this_period_alone() -> None:
    async def main() -> None:
        store = LocalAccounts(clock=clock)
        accounts = Accounts(store, ahead=False, clock=clock)
        await store.add(DAY.slot(clock()), 500)
        (await reserved(accounts, 1000)).settle(1000)
        (await reserved(accounts, 500)).settle(500)
        await accounts.flush()
        assert (await balance(store)).limit == 1500
        await asyncio.sleep(86_400)
        assert (await balance(store)).limit == 1000

    run_virtually(main())


@pytest.mark.parametrize("ahead", [True, False])
def test_two_hundred_at_once_never_exceed_a_limit_and_all_of_it_can_be_used(ahead: bool, tmp_path: Path) -> None:
    async def main() -> None:
        store = LocalAccounts(tmp_path / "spend")
        ever = Account("usd#key#1", 1000, Period.EVER)
        processes = [Accounts(store, ahead=ahead) for _ in range(2)]
        spent, rng = 0, random.Random(3)

        async def one(accounts: Accounts) -> None:
            nonlocal spent
            outcome = await accounts.reserve(ever, 20)
            if isinstance(outcome, Reservation):
                await asyncio.sleep(rng.random() / 50)
                used = rng.randint(0, 20)
                spent += used
                outcome.settle(used)

        for _ in range(6):
            await asyncio.gather(*(one(processes[n % 2]) for n in range(200)))
            assert spent <= ever.limit
            for accounts in processes:
                await accounts.flush()
        assert spent > ever.limit - 20
        for accounts in processes:
            await accounts.aclose()
        found = await store.balance(ever.slot(0), 0)
        assert (found.spent, found.held) == (spent, 0)
        store.shut()

    asyncio.run(main())


@pytest.mark.parametrize("ahead", [True, False])
def test_all_of_several_accounts_are_held_or_none_and_the_store_is_asked_about_all_at_once(ahead: bool) -> None:
    async def main() -> None:
        small = Account("usd#stage", 100, Period.DAY)
        store = Slow(LocalAccounts(clock=clock))
        accounts = Accounts(store, ahead=ahead, clock=clock)
        began = clock()
        held = await accounts.reserve_all([(DAY, 60), (small, 60)])
        assert clock() - began == pytest.approx(1.0)
        assert isinstance(held, list)
        refused = await accounts.reserve_all([(DAY, 60), (small, 60)])
        assert isinstance(refused, Refusal)
        assert refused.account is small
        for reservation in held:
            reservation.settle(60)
        await accounts.aclose()
        await asyncio.sleep(5.0)
        for account in (DAY, small):
            found = await balance(store, account)
            assert (found.spent, found.held) == (60, 0)

    run_virtually(main())


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize("after", [0.5, 1.0, 1.5])
def test_a_caller_that_leaves_while_accounts_are_asked_leaves_nothing_held(ahead: bool, after: float) -> None:
    async def main() -> None:
        store = Slow(LocalAccounts(clock=clock), first=0.7)
        accounts = Accounts(store, ahead=ahead, clock=clock)
        asking = asyncio.create_task(accounts.reserve_all([(DAY, 60), (SLOTS, 1)]))
        await asyncio.sleep(after)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            for reservation in await asking:  # type: ignore[union-attr]
                reservation.settle(0)
        await asyncio.sleep(10.0)
        await accounts.aclose()
        await asyncio.sleep(5.0)
        for account in (DAY, SLOTS):
            found = await balance(store, account)
            assert (found.spent, found.held, found.left) == (0, 0, account.limit)

    run_virtually(main())


def test_many_that_wait_for_a_store_that_is_lost_wait_once() -> None:
    class Stuck(Losable):
        async def _check(self, when: str) -> None:
            await asyncio.sleep(1.0)
            raise StoreLostError("busy")

    async def main() -> None:
        accounts = Accounts(Stuck(LocalAccounts(clock=clock)), ahead=True, local_share=0.5, clock=clock)
        began = clock()
        held = await asyncio.gather(*(reserved(accounts, 2) for _ in range(200)))
        assert len(held) == 200
        assert clock() - began == pytest.approx(1.0)

    run_virtually(main())
