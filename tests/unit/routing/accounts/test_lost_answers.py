"""Stores whose answers are lost in between: nothing is counted twice, and nothing is forgotten."""

from __future__ import annotations

import asyncio

import pytest

from litellm_fallback_router.adapters.local_accounts import LocalAccounts
from litellm_fallback_router.routing.accounts import Account, Accounts, Balance, Reservation
from litellm_fallback_router.routing.callers import Period
from tests.support.account_processes import Losable
from tests.support.virtual_time import run_virtually

EVER = Account("usd#key#1", 1000, Period.EVER)


def clock() -> float:
    return asyncio.get_running_loop().time() + 1_800_000_000.0


async def used(accounts: Accounts, amount: int) -> None:
    held = await accounts.reserve(EVER, amount)
    assert isinstance(held, Reservation)
    held.settle(amount)


async def balance(store: Losable) -> Balance:
    return await store.balance(EVER.slot(clock()), clock())


@pytest.mark.parametrize("pattern", ["-a", "a-", "aa-", "-b", "ab-"])
def test_what_was_used_without_the_store_is_counted_once_when_its_answers_are_lost_too(pattern: str) -> None:
    async def main() -> None:
        store = Losable(LocalAccounts(clock=clock))
        accounts = Accounts(store, ahead=False, local_share=0.5, clock=clock)
        store.pattern = "b"
        for _ in range(3):
            await used(accounts, 40)
        store.pattern, store.calls = pattern, 0
        await asyncio.sleep(30.0)
        store.pattern = store.lost = ""
        await asyncio.sleep(3.0)
        found = await balance(store)
        assert (found.spent, found.held, found.left) == (120, 0, 880)

    run_virtually(main())


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize("pattern", ["l", "l-", "-l", "lb-", "la-", "l--"])
def test_what_a_slow_store_opens_after_its_caller_has_given_up_is_given_back(pattern: str, ahead: bool) -> None:
    async def main() -> None:
        store = Losable(LocalAccounts(clock=clock))
        accounts = Accounts(store, ahead=ahead, local_share=0.5, clock=clock)
        store.pattern = pattern
        for _ in range(3):
            await used(accounts, 40)
            await asyncio.sleep(1.5)
        store.pattern = store.lost = ""
        await asyncio.sleep(30.0)
        found = await balance(store)
        assert (found.spent, found.held, found.left) == (120, 0, 880)

    run_virtually(main())


def test_what_is_used_while_the_store_is_lost_waits_in_one_closing() -> None:
    async def main() -> None:
        store = Losable(LocalAccounts(clock=clock))
        accounts = Accounts(store, ahead=False, local_share=0.5, clock=clock)
        store.pattern = "b"
        await used(accounts, 10)
        await asyncio.sleep(0.1)
        before = accounts.unwritten
        for _ in range(40):
            await used(accounts, 10)
        assert accounts.unwritten - before <= 1
        store.pattern = store.lost = ""
        await asyncio.sleep(3.0)
        assert (await balance(store)).spent == 410
        assert accounts.unwritten == 0

    run_virtually(main())


def test_reservations_of_one_lease_are_settled_apart() -> None:
    async def main() -> None:
        store = Losable(LocalAccounts(clock=clock))
        accounts = Accounts(store, ahead=True, clock=clock)
        await used(accounts, 10)
        one, other = await accounts.reserve(EVER, 10), await accounts.reserve(EVER, 10)
        assert isinstance(one, Reservation)
        assert isinstance(other, Reservation)
        one.settle(3)
        await asyncio.sleep(20.0)
        assert (await balance(store)).held >= 10
        other.settle(4)
        await asyncio.sleep(20.0)
        found = await balance(store)
        assert (found.spent, found.held) == (17, 0)

    run_virtually(main())


def test_more_closings_than_can_wait_leave_their_leases_spent_but_none_is_lost_that_no_store_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("litellm_fallback_router.routing.accounts.closings.MOST_UNWRITTEN", 3)

    async def main() -> None:
        store = Losable(LocalAccounts(clock=clock))
        accounts = Accounts(store, ahead=False, local_share=0.5, clock=clock)
        store.pattern = "b"
        await used(accounts, 40)
        await asyncio.sleep(1.5)
        for _ in range(10):
            store.pattern = store.lost = ""
            held = await accounts.reserve(EVER, 20)
            assert isinstance(held, Reservation)
            held.settle(1)
            store.pattern = "b"
        assert accounts.unwritten <= 3
        store.pattern = store.lost = ""
        await asyncio.sleep(5.0)
        found = await balance(store)
        assert (found.spent, found.held) == (42, 160), "two leases could be closed besides"

    run_virtually(main())
